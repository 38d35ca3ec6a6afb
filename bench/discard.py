"""The yardstick: a bare aiohttp handler that reads a body and throws it away."""

import asyncio
import sys

import uvloop
from aiohttp import web


async def discard(request: web.Request) -> web.Response:
    """Read it all, keep nothing."""
    await request.read()
    return web.Response()


async def serve(port: int) -> None:
    """Listen until killed."""
    app = web.Application(handler_args={"auto_decompress": False})
    app.router.add_post("/submit/{tail:.+}", discard)
    app.router.add_get("/__heartbeat__", discard)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
