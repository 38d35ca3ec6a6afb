"""Servers to compare with, that discard bodies or store them: aiohttp handlers, and a bare parser."""

import argparse
import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from aiohttp import web

from bench.bare_parser import listen_bare
from storage.raw.submission import Submission
from storage.raw.writer import RawWriter

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def discard(request: web.Request) -> web.Response:
    """Read the body and discard it."""
    await request.read()
    return web.Response()


def keep_with(writer: RawWriter) -> Handler:
    """Return the shortest handler that answers after the body is on disk."""

    async def keep(request: web.Request) -> web.Response:
        await writer.append(
            Submission(received_at=datetime.now(UTC), path=request.path, body=await request.read())
        )
        return web.Response()

    return keep


async def listen(handler: Handler, listener: socket.socket) -> None:
    """Serve until killed."""
    app = web.Application(handler_args={"auto_decompress": False})
    app.router.add_post("/submit/{tail:.+}", handler)
    app.router.add_get("/__heartbeat__", discard)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener, backlog=1024).start()
    await asyncio.Event().wait()


async def serve(port: int, keep_in: Path | None, worker: int, has_aiohttp: bool) -> None:
    """Run one process of such a server; others may listen on the same *port*."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    if not has_aiohttp:
        await listen_bare(listener, keep_in, worker)
    if keep_in is None:
        await listen(discard, listener)
        return
    async with RawWriter(keep_in, worker=worker) as writer:
        await listen(keep_with(writer), listener)


def main() -> None:
    """Serve with the given number of processes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--parser-only", action="store_true", help="httptools instead of aiohttp")
    args = parser.parse_args()
    children = []
    for worker in range(1, args.workers):
        if (child := os.fork()) == 0:
            uvloop.run(serve(args.port, args.keep, worker, not args.parser_only))
        children.append(child)

    def end(*_: object) -> None:
        for child in children:
            os.kill(child, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    uvloop.run(serve(args.port, args.keep, 0, not args.parser_only))


if __name__ == "__main__":
    main()
