"""Tells each request it sees, and how long its body was. Uvicorn with the parser that its argument names (h11, httptools)."""

import socket
import sys

import uvicorn


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    query = scope["query_string"].decode("latin-1")
    path = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    name = f"{scope['method']} {path}"
    print(f"begin {name}", flush=True)
    length = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        length += len(message.get("body", b""))
        if not message.get("more_body", False):
            break
    print(f"end {name} {length}", flush=True)
    body = f"{name} {length}".encode("latin-1")
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


listener = socket.create_server(("127.0.0.1", 0))
print(f"port {listener.getsockname()[1]}", flush=True)
config = uvicorn.Config(app, http=sys.argv[1], lifespan="off", log_level="critical")
uvicorn.Server(config).run(sockets=[listener])
