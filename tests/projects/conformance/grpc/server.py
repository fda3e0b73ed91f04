"""The interoperability service on grpcio. Prints its port."""

from concurrent import futures

import grpc

messages, services = grpc.protos_and_services("test.proto")
INITIAL = "x-grpc-test-echo-initial"
TRAILING = "x-grpc-test-echo-trailing-bin"


def payload(size):
    return messages.Payload(body=bytes(size))


def echo(context):
    received = dict(context.invocation_metadata())
    if INITIAL in received:
        context.send_initial_metadata(((INITIAL, received[INITIAL]),))
    if TRAILING in received:
        context.set_trailing_metadata(((TRAILING, received[TRAILING]),))


def fail(context, status):
    context.set_code(next(code for code in grpc.StatusCode if code.value[0] == status.code))
    context.set_details(status.message)


class Service(services.TestServiceServicer):
    def EmptyCall(self, request, context):
        echo(context)
        return messages.Empty()

    def UnaryCall(self, request, context):
        echo(context)
        if request.response_status.code:
            fail(context, request.response_status)
            return messages.SimpleResponse()
        return messages.SimpleResponse(payload=payload(request.response_size))

    def StreamingOutputCall(self, request, context):
        echo(context)
        for parameters in request.response_parameters:
            yield messages.StreamingOutputCallResponse(payload=payload(parameters.size))

    def StreamingInputCall(self, requests, context):
        size = sum(len(request.payload.body) for request in requests)
        return messages.StreamingInputCallResponse(aggregated_payload_size=size)

    def FullDuplexCall(self, requests, context):
        echo(context)
        for request in requests:
            if request.response_status.code:
                fail(context, request.response_status)
                return
            for parameters in request.response_parameters:
                yield messages.StreamingOutputCallResponse(payload=payload(parameters.size))


server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
services.add_TestServiceServicer_to_server(Service(), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
