"""A small product with a recorder: run as a program, it answers requests on the port that it prints."""

import asyncio
import sys
from contextlib import suppress

from aiohttp import web

from telemetry_server.fuel.recorder import Recorder, aiohttp_middleware
from telemetry_server.fuel.sender.settings_api import SettingsApi

TASK_SECONDS = 0.02


def make_app(recorder: Recorder) -> web.Application:
    """Return an application in which a deployment goes on after its request was answered."""
    running: set[asyncio.Task[None]] = set()

    async def deploy(cluster_id: int) -> None:
        async with recorder.task("deploy", cluster_id=cluster_id) as task:
            await asyncio.sleep(TASK_SECONDS)
            task.nodes = [cluster_id * 10]

    async def changes(request: web.Request) -> web.Response:
        work = asyncio.create_task(deploy(int(request.match_info["id"])))
        running.add(work)
        work.add_done_callback(running.discard)
        return web.json_response({"status": "running"}, status=202)

    async def attributes(_request: web.Request) -> web.Response:
        return web.json_response({})

    async def finished(_app: web.Application) -> None:
        await asyncio.gather(*running)

    app = web.Application(middlewares=[aiohttp_middleware(recorder)])
    app.router.add_put("/api/clusters/{id}/changes", changes)
    app.router.add_put("/api/clusters/{id}/attributes", attributes)
    app.router.add_route("*", "/api/statistics", SettingsApi(recorder.state).aiohttp_handler)
    app.on_shutdown.append(finished)
    return app


async def serve(state: str) -> None:
    """Serve until the process gets SIGTERM."""
    runner = web.AppRunner(make_app(Recorder(state)), handle_signals=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    with suppress(web.GracefulExit):
        asyncio.run(serve(sys.argv[1]))
