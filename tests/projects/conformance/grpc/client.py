"""One interoperability case on grpcio: `client.py PORT CASE`. Ends with 0 when it passed."""

import queue
import sys

import grpc

port, name = sys.argv[1:]
messages, services = grpc.protos_and_services("test.proto")
channel = grpc.insecure_channel(f"127.0.0.1:{port}")
stub = services.TestServiceStub(channel)

REQUESTS = [27182, 8, 1828, 45904]
RESPONSES = [31415, 9, 2653, 58979]
ECHOED = (("x-grpc-test-echo-initial", "test_initial_metadata_value"), ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab"))


def payload(size):
    return messages.Payload(body=bytes(size))


def large():
    return messages.SimpleRequest(response_size=314159, payload=payload(271828))


def output(sizes, sent=0):
    parameters = [messages.ResponseParameters(size=size) for size in sizes]
    return messages.StreamingOutputCallRequest(response_parameters=parameters, payload=payload(sent))


def sizes(call):
    return [len(response.payload.body) for response in call]


def code_of(call):
    try:
        list(call) if hasattr(call, "__iter__") else call()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def empty_unary():
    assert stub.EmptyCall(messages.Empty()) == messages.Empty()


def large_unary():
    assert len(stub.UnaryCall(large()).payload.body) == 314159


def client_streaming():
    requests = (messages.StreamingInputCallRequest(payload=payload(size)) for size in REQUESTS)
    assert stub.StreamingInputCall(requests).aggregated_payload_size == 74922


def server_streaming():
    assert sizes(stub.StreamingOutputCall(output(RESPONSES))) == RESPONSES


def ping_pong():
    pipe = queue.Queue()
    call = stub.FullDuplexCall(iter(pipe.get, None))
    for sent, wanted in zip(REQUESTS, RESPONSES):
        pipe.put(output([wanted], sent))
        assert len(next(call).payload.body) == wanted
    pipe.put(None)
    assert sizes(call) == []


def empty_stream():
    call = stub.FullDuplexCall(iter(()))
    assert sizes(call) == [] and call.code() == grpc.StatusCode.OK


def custom_metadata():
    def check(call):
        assert ECHOED[0] in [tuple(pair) for pair in call.initial_metadata()]
        assert ECHOED[1] in [tuple(pair) for pair in call.trailing_metadata()]

    check(stub.UnaryCall.with_call(large(), metadata=ECHOED)[1])
    call = stub.FullDuplexCall(iter([output([314159], 271828)]), metadata=ECHOED)
    assert sizes(call) == [314159]
    check(call)


def check_status(message):
    status = messages.EchoStatus(code=2, message=message)
    calls = (
        lambda: stub.UnaryCall(messages.SimpleRequest(response_status=status)),
        lambda: list(stub.FullDuplexCall(iter([messages.StreamingOutputCallRequest(response_status=status)]))),
    )
    for call in calls:
        try:
            call()
            raise AssertionError("No error")
        except grpc.RpcError as error:
            assert (error.code(), error.details()) == (grpc.StatusCode.UNKNOWN, message), error


def status_code_and_message():
    check_status("test status message")


def special_status_message():
    check_status("\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n")


def unimplemented_method():
    assert code_of(lambda: stub.UnimplementedCall(messages.Empty())) == grpc.StatusCode.UNIMPLEMENTED


def unimplemented_service():
    other = services.UnimplementedServiceStub(channel)
    assert code_of(lambda: other.UnimplementedCall(messages.Empty())) == grpc.StatusCode.UNIMPLEMENTED


def cancel_after_begin():
    pipe = queue.Queue()
    call = stub.StreamingInputCall.future(iter(pipe.get, None))
    call.cancel()
    assert call.cancelled() and call.code() == grpc.StatusCode.CANCELLED
    pipe.put(None)


def cancel_after_first_response():
    pipe = queue.Queue()
    call = stub.FullDuplexCall(iter(pipe.get, None))
    pipe.put(output([31415], 27182))
    assert len(next(call).payload.body) == 31415
    call.cancel()
    assert code_of(call) == grpc.StatusCode.CANCELLED
    pipe.put(None)


def timeout_on_sleeping_server():
    pipe = queue.Queue()
    call = stub.FullDuplexCall(iter(pipe.get, None), timeout=0.001)
    pipe.put(output([], 27182))
    assert code_of(call) == grpc.StatusCode.DEADLINE_EXCEEDED
    pipe.put(None)


globals()[name]()
channel.close()
