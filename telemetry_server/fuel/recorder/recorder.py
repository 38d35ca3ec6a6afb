"""
Records what a product does: API calls by a middleware, background work by `Recorder.task`.

Everything is recorded whether or not statistics are sent: the local log is useful by itself. Request bodies
are never recorded.  A failure to record is logged and never reaches the product.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog

from telemetry_server.fuel.recorder.fuel_routes import FUEL_ROUTES, TASK_GROUPS, RecordedRoute
from telemetry_server.fuel.sender_state.documents import Kind, next_id, put, stored_item
from telemetry_server.fuel.sender_state.failures import queue_failure
from telemetry_server.fuel.sender_state.state_file import StateFile, utc_now

CLIENTS = ("fuel-cli", "fuel-web")
TOKEN_HEADERS = ("x-auth-token", "authorization")
READY, ERROR = "ready", "error"
REPORTED_TASKS = frozenset({"deploy", "deployment"})  # whose failures support hears of, not those of parts
log = structlog.get_logger("fuel-recorder")
_current_actor: ContextVar[str | None] = ContextVar("fuel_actor", default=None)


@dataclass(frozen=True, slots=True)
class RequestSeen:
    """A request that is an operation, while it is answered."""

    route: RecordedRoute
    method: str
    path: str
    cluster_id: int | None
    actor_id: str | None
    client: str
    started_at: datetime


class Recorder:
    """
    Records the operations of one installation.

    Args:
        state: The path of the state file, or an open one.
        routes: Which requests are operations; default: those of Fuel's API.
    """

    def __init__(
        self,
        state: StateFile | Path | str,
        routes: Sequence[RecordedRoute] = FUEL_ROUTES,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.state = state if isinstance(state, StateFile) else StateFile(Path(state))
        self._routes = routes
        self._clock = clock

    def begin_request(self, method: str, path: str, headers: Mapping[str, str]) -> RequestSeen | None:
        """
        Return what is known of a request at its start; None if it is not an operation.

        Args:
            headers: Names in lower case.
        """
        for route in self._routes:
            match = route.matches(method, path)
            if match is not None:
                cluster = match.groupdict().get("cluster_id")
                actor = self._actor_of(headers)
                _current_actor.set(actor)
                agent = headers.get("user-agent", "").split("/")[0].strip().lower()
                return RequestSeen(
                    route,
                    method,
                    path,
                    int(cluster) if cluster else None,
                    actor,
                    agent if agent in CLIENTS else "other",
                    self._clock(),
                )
        return None

    def end_request(self, seen: RequestSeen, status: int) -> None:
        """Record a request that was answered with *status*."""
        phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
        body = {
            "actor_id": seen.actor_id,
            "action_group": seen.route.group,
            "action_name": seen.route.name,
            "action_type": "http_request",
            "client": seen.client,
            "start_timestamp": text_of(seen.started_at),
            "end_timestamp": text_of(self._clock()),
            "additional_info": {
                "request_data": {"http_method": seen.method, "url": seen.path, "cluster_id": seen.cluster_id},
                "response_data": {"status": f"{status} {phrase}".strip()},
            },
            "is_sent": False,
            "cluster_id": seen.cluster_id,
            "task_uuid": None,
        }
        self._record(body, is_complete=True)

    def task(
        self,
        name: str,
        *,
        cluster_id: int | None = None,
        group: str | None = None,
        parent: "Task | None" = None,
    ) -> "Task":
        """
        Return a background task, which begins now.

        Use it with ``with`` or ``async with``, or call `Task.finish`, also later and in another process
        (`finish_task`).  Its execution time is recorded.
        """
        task_uuid = str(uuid4())
        body: dict[str, Any] = {
            "actor_id": _current_actor.get() if parent is None else parent.actor_id,
            "action_group": group or TASK_GROUPS.get(name, "operations"),
            "action_name": name,
            "action_type": "nailgun_task",
            "start_timestamp": text_of(self._clock()),
            "end_timestamp": None,
            "additional_info": {
                "parent_task_id": None if parent is None else parent.id,
                "subtasks_ids": [],
                "operation": name,
            },
            "is_sent": False,
            "cluster_id": cluster_id,
            "task_uuid": task_uuid,
        }
        task_id = self._record(body, is_complete=False)
        task = Task(self, task_id, task_uuid, body["actor_id"])
        if parent is not None:
            parent.subtasks_ids.append(task_id)
        return task

    def finish_task(
        self,
        task_id: int,
        status: str = READY,
        *,
        output: Mapping[str, Any] | None = None,
        nodes: Iterable[int] = (),
        subtasks_ids: Iterable[int] = (),
    ) -> None:
        """Record that a task ended; a second call changes nothing."""
        if task_id < 0:
            return
        try:
            with self.state.writing() as connection:
                item = stored_item(connection, Kind.ACTION_LOGS, task_id)
                if item is None or item["body"].get("end_timestamp"):
                    return
                body = item["body"]
                now = self._clock()
                body["end_timestamp"] = text_of(now)
                body["additional_info"] |= {
                    "ended_with_status": status,
                    "output": None if output is None else dict(output),
                    "nodes_from_resp": list(nodes),
                    "subtasks_ids": list(subtasks_ids),
                    "message": None,
                }
                put(connection, Kind.ACTION_LOGS, item, external_id=task_id, day=now.date())
            if status == ERROR:
                self._report_failure(item, now)
        except Exception as error:
            _not_recorded(error)

    def _report_failure(self, item: Mapping[str, Any], now: datetime) -> None:
        """Queue a failure report of a deployment, if there is a contact to send with it."""
        body = item["body"]
        info = body["additional_info"]
        if body["action_name"] not in REPORTED_TASKS or info["parent_task_id"] is not None:
            return
        queue_failure(
            self.state,
            now,
            operation=body["action_name"],
            cluster_id=body["cluster_id"],
            external_id=item["external_id"],
            error_type=body["action_name"],
            summary=f"{body['action_name']} ended with status {ERROR}",
            failed_nodes=[{"id": node} for node in info["nodes_from_resp"]],
        )

    def _record(self, body: dict[str, Any], *, is_complete: bool) -> int:
        """Store a log under a new id; return the id, -1 where that failed."""
        try:
            with self.state.writing() as connection:
                number = next_id(connection, Kind.ACTION_LOGS)
                item = {"external_id": number, "body": {"id": number, **body}}
                put(
                    connection,
                    Kind.ACTION_LOGS,
                    item,
                    external_id=number,
                    day=self._clock().date(),
                    is_complete=is_complete,
                )
        except Exception as error:
            _not_recorded(error)
            return -1
        return number

    def _actor_of(self, headers: Mapping[str, str]) -> str | None:
        """Return a name of the session, different in each installation; it does not show the token."""
        token = next((headers[name] for name in TOKEN_HEADERS if headers.get(name)), None)
        if token is None:
            return None
        with suppress(Exception):
            return hmac.new(self.state.secret, token.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
        return None


class Task:
    """A background task that is being recorded."""

    def __init__(self, recorder: Recorder, task_id: int, task_uuid: str, actor_id: str | None) -> None:
        self._recorder = recorder
        self.id = task_id
        self.uuid = task_uuid
        self.actor_id = actor_id
        self.subtasks_ids: list[int] = []
        self.output: Mapping[str, Any] | None = None  # may be set before the end
        self.nodes: Iterable[int] = ()  # ids of the nodes that it touched

    def finish(self, status: str = READY) -> None:
        """Record the end of the task."""
        self._recorder.finish_task(
            self.id, status, output=self.output, nodes=self.nodes, subtasks_ids=self.subtasks_ids
        )

    def __enter__(self) -> "Task":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self.finish(READY if kind is None else ERROR)

    async def __aenter__(self) -> "Task":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        import asyncio

        await asyncio.to_thread(self.finish, READY if kind is None else ERROR)


def text_of(moment: datetime) -> str:
    """Return *moment* as logs have it: UTC, without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def _not_recorded(error: Exception) -> None:
    log.error("operation not recorded", detail=f"{type(error).__name__}: {error}")
