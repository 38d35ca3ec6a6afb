"""A recorder in front of WSGI, ASGI and aiohttp applications, and around background tasks."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import aiohttp
import pytest
from aiohttp import web

from telemetry_server.fuel.recorder import (
    FUEL_ROUTES,
    RecordedAsgi,
    RecordedRoute,
    RecordedWsgi,
    Recorder,
    aiohttp_middleware,
)
from telemetry_server.fuel.sender.settings_api import SettingsApi
from telemetry_server.fuel.sender_state.documents import Kind, newest
from telemetry_server.fuel.sender_state.state_file import StateFile

TOKEN = {"X-Auth-Token": "a-secret-token", "User-Agent": "fuel-cli/9.0"}


@pytest.fixture
def recorder(tmp_path) -> Iterator[Recorder]:
    """A recorder with a new state file."""
    made = Recorder(tmp_path / "state.sqlite")
    yield made
    made.state.close()


def bodies(recorder: Recorder) -> list[dict[str, Any]]:
    """Return the recorded logs, oldest first."""
    return [item["body"] for item, _ in newest(recorder.state, Kind.ACTION_LOGS, 100)]


def check_the_log(body: dict[str, Any], status: str) -> None:
    """Check what is recorded of ``PUT /api/clusters/3/changes``."""
    assert (body["action_group"], body["action_name"]) == ("cluster_changes", "deploy_changes")
    assert (body["action_type"], body["cluster_id"], body["client"]) == ("http_request", 3, "fuel-cli")
    assert len(body["actor_id"]) == 64
    assert "a-secret-token" not in str(body)
    assert body["additional_info"] == {
        "request_data": {"http_method": "PUT", "url": "/api/clusters/3/changes", "cluster_id": 3},
        "response_data": {"status": status},
    }
    started, ended = (datetime.fromisoformat(body[f"{name}_timestamp"]) for name in ("start", "end"))
    assert timedelta(0) <= ended - started < timedelta(minutes=1)
    assert abs(datetime.now(UTC).replace(tzinfo=None) - ended) < timedelta(minutes=1)


def call_wsgi(app: Any, method: str, path: str, **headers: str) -> tuple[str, bytes]:
    """Call a WSGI application as a server does."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ |= {"REQUEST_METHOD": method, "PATH_INFO": path}
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    seen: list[str] = []
    parts = app(environ, lambda status, _headers, *_: seen.append(status))
    try:
        body = b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    return seen[0], body


def test_operations_of_a_wsgi_application_are_recorded(recorder):
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        status = "202 Accepted" if "changes" in environ["PATH_INFO"] else "404 Not Found"
        start_response(status, [("Content-Type", "text/plain")])
        return [b"one", b"two"]

    recorded = RecordedWsgi(app, recorder)
    assert call_wsgi(recorded, "PUT", "/api/clusters/3/changes", **TOKEN) == ("202 Accepted", b"onetwo")
    call_wsgi(recorded, "GET", "/api/clusters/3/changes", **TOKEN)
    call_wsgi(recorded, "POST", "/somewhere", **TOKEN)
    call_wsgi(recorded, "POST", "/api/clusters")

    first, second = bodies(recorder)
    check_the_log(first, "202 Accepted")
    assert (second["action_name"], second["client"], second["actor_id"]) == (
        "cluster_collection",
        "other",
        None,
    )
    assert second["additional_info"]["response_data"] == {"status": "404 Not Found"}


def test_an_application_that_fails_is_recorded_and_still_fails(recorder):
    def app(_environ: dict[str, Any], _start_response: Any) -> list[bytes]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call_wsgi(RecordedWsgi(app, recorder), "PUT", "/api/clusters/3/changes", **TOKEN)
    check_the_log(bodies(recorder)[0], "500 Internal Server Error")


async def test_operations_of_an_asgi_application_are_recorded(recorder):
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/api/clusters/3/changes",
        "headers": [(name.lower().encode(), value.encode()) for name, value in TOKEN.items()],
    }
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await RecordedAsgi(app, recorder)(scope, None, send)  # type: ignore[arg-type]
    await RecordedAsgi(app, recorder)({**scope, "type": "websocket"}, None, send)  # type: ignore[arg-type]

    assert len(sent) == 4
    (body,) = bodies(recorder)
    check_the_log(body, "202 Accepted")


async def test_operations_of_an_aiohttp_application_are_recorded(recorder):
    async def changes(_request: web.Request) -> web.Response:
        with recorder.task("deploy", cluster_id=3):
            pass
        return web.Response(status=202)

    async def refuses(_request: web.Request) -> web.Response:
        raise web.HTTPConflict

    app = web.Application(middlewares=[aiohttp_middleware(recorder)])
    app.router.add_put("/api/clusters/3/changes", changes)
    app.router.add_put("/api/clusters/3", refuses)
    app.router.add_route("*", "/statistics", SettingsApi(recorder.state).aiohttp_handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession(address) as session:
        assert (await session.put("/api/clusters/3/changes", headers=TOKEN)).status == 202
        assert (await session.put("/api/clusters/3")).status == 409
        answer = await session.patch("/statistics", json={"user_choice_saved": True})
        assert (await answer.json())["user_choice_saved"] is True
        assert (await session.delete("/statistics")).status == 405
    await runner.cleanup()

    task, request, refused = bodies(recorder)
    check_the_log(request, "202 Accepted")
    assert task["actor_id"] == request["actor_id"]
    assert refused["additional_info"]["response_data"] == {"status": "409 Conflict"}


def test_a_task_is_recorded_with_its_execution_time(tmp_path):
    moments = iter(datetime(2026, 2, 1, 8, 0, n, tzinfo=UTC) for n in range(60))
    recorder = Recorder(tmp_path / "state.sqlite", clock=lambda: next(moments))
    with pytest.raises(ValueError, match="broken"), recorder.task("deploy", cluster_id=3) as task:
        (unfinished,) = bodies(recorder)
        with recorder.task("provision", parent=task) as child:
            child.nodes = [10, 11]
            child.output = {"a": 1}
        raise ValueError("broken")
    parent, subtask = bodies(recorder)
    recorder.state.close()

    assert (unfinished["end_timestamp"], unfinished["action_type"]) == (None, "nailgun_task")
    assert parent["additional_info"]["ended_with_status"] == "error"
    assert parent["additional_info"]["subtasks_ids"] == [child.id]
    assert subtask["additional_info"]["parent_task_id"] == task.id
    assert subtask["additional_info"]["nodes_from_resp"] == [10, 11]
    assert subtask["additional_info"]["output"] == {"a": 1}
    assert subtask["start_timestamp"] < subtask["end_timestamp"] < parent["end_timestamp"]


async def test_a_task_of_another_process_can_be_finished(recorder):
    async with recorder.task("dump") as first:
        pass
    second = recorder.task("dump")
    await asyncio.to_thread(Recorder(recorder.state.path).finish_task, second.id, "error")
    recorder.finish_task(second.id, "ready")

    found = bodies(recorder)
    assert [body["additional_info"]["ended_with_status"] for body in found] == ["ready", "error"]
    assert found[0]["action_group"] == "operations"
    assert first.id < second.id


def test_a_recorder_that_cannot_write_never_breaks_the_product(tmp_path):
    state = StateFile(tmp_path / "state.sqlite")
    recorder = Recorder(state)
    with sqlite3.connect(state.path) as connection:
        connection.execute("DROP TABLE documents")
    connection.close()

    def app(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"x"]

    assert call_wsgi(RecordedWsgi(app, recorder), "PUT", "/api/clusters/3/changes")[1] == b"x"
    with recorder.task("deploy"):
        pass
    state.close()


def test_a_product_has_routes_of_its_own(tmp_path):
    routes = [RecordedRoute("backups", "restore", r"/backups/[0-9]+/restore", frozenset({"POST"}))]
    recorder = Recorder(tmp_path / "state.sqlite", routes)

    assert recorder.begin_request("POST", "/backups/7/restore/", {}) is not None
    assert recorder.begin_request("PUT", "/backups/7/restore", {}) is None
    assert recorder.begin_request("PUT", "/api/clusters/3/changes", {}) is None
    recorder.state.close()


def test_the_routes_of_fuel_are_21_in_eight_groups():
    assert len(FUEL_ROUTES) == len({route.name for route in FUEL_ROUTES}) == 20 + 1
    assert len({route.group for route in FUEL_ROUTES}) == 8


async def test_the_settings_api_is_a_wsgi_and_an_asgi_application(tmp_path):
    state = StateFile(Path(tmp_path / "state.sqlite"))
    api = SettingsApi(state)
    status, body = call_wsgi(api.wsgi, "GET", "/")
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"user_choice_saved": true}'}

    async def send(message: Any) -> None:
        sent.append(message)

    await api.asgi({"type": "http", "method": "PATCH"}, receive, send)
    assert (status, state.uid.encode() in body) == ("200 OK", True)
    assert sent[0]["status"] == 200
    assert state.choices().opted_in
    state.close()
