"""The server's side of the cases, with the package `websockets`."""

import asyncio

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

LIMIT = 64 * 1024 * 1024
# How connections ended, by the name in their path.
ends = {}


async def handle(socket):
    _, kind, name = socket.request.path.split("/")
    try:
        async for data in socket:
            await answer(socket, kind, name, data)
    except ConnectionClosed:
        pass
    await socket.wait_closed()
    ends[name] = f"{socket.close_code} {socket.close_reason}"


async def answer(socket, kind, name, data):
    if kind == "echo":
        await socket.send(data)
    elif kind == "fragments":
        size = -(-len(data) // 7)
        await socket.send(data[at : at + size] for at in range(0, len(data), size))
    elif kind == "close":
        await socket.close(int(data), "told to")
    elif kind == "abort":
        socket.transport.abort()
    elif kind == "ping":
        await (await socket.ping(data))
        await socket.send(data)
    elif kind == "end":
        while name not in ends:
            await asyncio.sleep(0.02)
        await socket.send(ends[name])
    elif kind == "flood":
        for number in range(int(data)):
            await socket.send(str(number))


def select(_, offered):
    return "second" if "second" in offered else None


async def main():
    server = await serve(handle, "127.0.0.1", 0, max_size=LIMIT, select_subprotocol=select, ping_interval=None)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
