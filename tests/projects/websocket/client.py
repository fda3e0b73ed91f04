"""The client's side of the cases, with the package `websockets`. Prints `ok CASE` or `FAIL CASE: why`."""

import asyncio
import os
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

BASE = f"ws://127.0.0.1:{sys.argv[1]}"
LIMIT = 64 * 1024 * 1024
LARGE = 16 * 1024 * 1024


def open_socket(path, **options):
    return connect(BASE + path, max_size=LIMIT, ping_interval=None, proxy=None, **options)


async def echo(data, **options):
    async with open_socket("/echo/x", **options) as socket:
        await socket.send(data)
        assert await socket.recv() == data


async def deflated():
    async with open_socket("/echo/x") as socket:
        assert "permessage-deflate" in socket.response.headers["Sec-WebSocket-Extensions"]
        await socket.send("again and again " * 1000)
        assert await socket.recv() == "again and again " * 1000


async def fragments():
    async with open_socket("/echo/x") as socket:
        parts = [os.urandom(1 + 1000 * number) for number in range(50)]
        await socket.send(parts)
        assert await socket.recv() == b"".join(parts)


async def fragments_received():
    async with open_socket("/fragments/x") as socket:
        data = os.urandom(100_000)
        await socket.send(data)
        assert await socket.recv() == data


async def ping_between_fragments():
    async with open_socket("/echo/x") as socket:

        async def parts():
            for _ in range(5):
                yield b"part"
                await (await socket.ping())

        await socket.send(parts())
        assert await socket.recv() == b"part" * 5


async def server_pings():
    async with open_socket("/ping/x") as socket:
        await socket.send("payload")
        assert await socket.recv() == "payload"


async def subprotocol():
    async with open_socket("/echo/x", subprotocols=["first", "second"]) as socket:
        assert socket.subprotocol == "second"


async def many():
    async with open_socket("/echo/x") as socket:
        sent = [str(number) for number in range(2000)]
        sender = asyncio.create_task(send_all(socket, sent))
        assert [await socket.recv() for _ in sent] == sent
        await sender


async def send_all(socket, messages):
    for message in messages:
        await socket.send(message)


async def late_reader():
    async with open_socket("/flood/x", max_queue=1) as socket:
        await socket.send("20000")
        await asyncio.sleep(0.5)
        for number in range(20000):
            assert await socket.recv() == str(number)


async def client_closes(code):
    async with open_socket(f"/echo/client-{code}") as socket:
        await socket.close(code, "my reason")
    assert await end_of(f"client-{code}") == f"{code} my reason"


async def server_closes(code):
    async with open_socket("/close/x") as socket:
        await socket.send(str(code))
        try:
            await socket.recv()
            raise AssertionError("still open")
        except ConnectionClosed:
            assert (socket.close_code, socket.close_reason) == (code, "told to")


async def client_aborts():
    async with open_socket("/echo/client-aborts") as socket:
        socket.transport.abort()
    assert (await end_of("client-aborts")).startswith("1006")


async def client_aborts_in_a_message():
    async with open_socket("/echo/in-a-message", compression=None) as socket:
        task = asyncio.create_task(socket.send(b"x" * LARGE))
        await asyncio.sleep(0.01)
        socket.transport.abort()
        await asyncio.gather(task, return_exceptions=True)
    assert (await end_of("in-a-message")).startswith("1006")


async def server_aborts():
    async with open_socket("/abort/x") as socket:
        await socket.send("now")
        try:
            await socket.recv()
            raise AssertionError("still open")
        except ConnectionClosed:
            assert socket.close_code == 1006


async def end_of(name):
    async with open_socket(f"/end/{name}") as socket:
        await socket.send("?")
        return await asyncio.wait_for(socket.recv(), 10)


CASES = {
    "an empty message": lambda: echo(""),
    "text of many scripts": lambda: echo("ä → 日本 🚀"),
    "permessage-deflate": deflated,
    "16 MiB that cannot be compressed, with permessage-deflate": lambda: echo(os.urandom(LARGE)),
    "16 MiB that can be compressed": lambda: echo("0123456789abcdef" * (LARGE // 16)),
    "16 MiB without compression": lambda: echo(os.urandom(LARGE), compression=None),
    "fragments from the client": fragments,
    "fragments from the server": fragments_received,
    "pings between fragments": ping_between_fragments,
    "a ping from the server": server_pings,
    "a subprotocol": subprotocol,
    "2,000 messages in order": many,
    "20,000 messages to a client that reads late": late_reader,
    **{f"the client closes with {code}": (lambda code=code: client_closes(code)) for code in (1000, 1001, 1008, 1011, 4000, 4999)},
    **{f"the server closes with {code}": (lambda code=code: server_closes(code)) for code in (1000, 1001, 1008, 1011, 4000, 4999)},
    "the client breaks the connection": client_aborts,
    "the client breaks the connection within a message": client_aborts_in_a_message,
    "the server breaks the connection": server_aborts,
}


async def main():
    for name, case in CASES.items():
        try:
            await asyncio.wait_for(case(), 60)
            print(f"ok {name}", flush=True)
        except Exception as error:
            print(f"FAIL {name}: {type(error).__name__} {error}", flush=True)


asyncio.run(main())
