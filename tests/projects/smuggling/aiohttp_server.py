"""Tells each request it sees, and how long its body was. aiohttp's own server, as it comes."""

import asyncio

from aiohttp import web


async def answer(request):
    name = f"{request.method} {request.raw_path}"
    print(f"begin {name}", flush=True)
    length = len(await request.read())
    print(f"end {name} {length}", flush=True)
    return web.Response(text=f"{name} {length}")


async def main():
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"port {runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
