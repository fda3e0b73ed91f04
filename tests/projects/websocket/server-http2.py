"""The server's side of the cases over HTTP/2, with the package `hypercorn`. An ASGI application can neither ping, nor send
fragments, nor break a connection, and is not told how the client closed."""

import asyncio
import socket

from hypercorn.asyncio import serve
from hypercorn.config import Config

LIMIT = 64 * 1024 * 1024
# How connections ended, by the name in their path.
ends = {}


async def application(scope, receive, send):
    if scope["type"] != "websocket":
        return
    _, kind, name = scope["path"].split("/")
    await receive()
    offered = scope["subprotocols"]
    await send({"type": "websocket.accept", "subprotocol": "second" if "second" in offered else None})
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            ends[name] = f"{event['code']} "
            return
        await answer(send, kind, name, event)


async def answer(send, kind, name, event):
    text = event.get("text")
    if kind == "echo":
        await send({"type": "websocket.send", "text": text, "bytes": event.get("bytes")})
    elif kind == "close":
        await send({"type": "websocket.close", "code": int(text), "reason": "told to"})
    elif kind == "end":
        while name not in ends:
            await asyncio.sleep(0.02)
        await send({"type": "websocket.send", "text": ends[name]})
    elif kind == "flood":
        for number in range(int(text)):
            await send({"type": "websocket.send", "text": str(number)})


listening = socket.create_server(("127.0.0.1", 0))
print(f"port {listening.getsockname()[1]}", flush=True)
config = Config()
config.bind = [f"fd://{listening.fileno()}"]
config.websocket_max_message_size = LIMIT
config.errorlog = None
asyncio.run(serve(application, config))
