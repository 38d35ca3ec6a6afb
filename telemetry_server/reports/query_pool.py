"""The query processes: started for questions, ended when they are idle, killed when they are late."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from telemetry_server.observability import metrics
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.queries.errors import QueryError, QueryStopped
from telemetry_server.reports.queries.setup import QuerySetup
from telemetry_server.reports.query_process import QueryProcess

IDLE_SECONDS = 30.0
GRACE_SECONDS = 5.0  # a process that keeps its own time is not killed for it
MAX_PAGE_QUERIES = 1  # at once
MAX_LONG_QUERIES = 2  # at once
MAX_WAITING = 64  # per group
# These read all records, or what anybody typed: pages do not wait for them.
LONG_QUERIES = frozenset({"statement", "table_columns", "drift", "stores", "replay"})


@dataclass(slots=True)
class _ProcessGroup:
    """Processes for one kind of query, so that a long statement keeps no page waiting."""

    room: asyncio.Semaphore
    idle: list[QueryProcess] = field(default_factory=list)
    waiting: int = 0
    reaper: asyncio.TimerHandle | None = None


class QueryPool:
    """
    Answers queries in processes of their own.

    A query whose caller is cancelled is ended with its process.  Use it with ``async with``.
    """

    def __init__(self, setup: QuerySetup, start: Callable[[QuerySetup], Any] = QueryProcess.start) -> None:
        self._setup = setup
        self._start = start
        self._pages = _ProcessGroup(asyncio.Semaphore(MAX_PAGE_QUERIES))
        self._long = _ProcessGroup(asyncio.Semaphore(MAX_LONG_QUERIES))
        self._ending: set[asyncio.Task[None]] = set()
        self._busy: set[QueryProcess] = set()

    async def __aenter__(self) -> "QueryPool":
        return self

    async def __aexit__(self, *_error: object) -> None:
        for group in (self._pages, self._long):
            if group.reaper is not None:
                group.reaper.cancel()
            self._end_idle(group)
        for process in self._busy:
            self._finish(process.kill())
        # A running question fails when its process ends, and its task then ends the process again.
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                while self._ending or self._busy:
                    await asyncio.gather(*self._ending, return_exceptions=True)
                    await asyncio.sleep(0)

    async def run(
        self, query: str, arguments: dict[str, Any], on_progress: Callable[[float], None] | None = None
    ) -> bytes:
        """
        Return the answer to *query* as JSON.

        Args:
            on_progress: Called with the share that is done; the query may be long, and keeps no page waiting.

        Raises:
            QueryError: It has none; `QueryStopped` where it took too much.
            QueryBroken: A fault of ours, or the data cannot be read.
            Problem: Too many queries wait.
        """
        is_long = query in LONG_QUERIES or on_progress is not None
        group = self._long if is_long else self._pages
        if group.waiting >= MAX_WAITING:
            metrics.reports_queries.count("busy")
            raise Problem("busy", "Too many queries are waiting. Try again.")
        group.waiting += 1
        try:
            await group.room.acquire()
        finally:
            group.waiting -= 1
        try:
            return await self._run(group, query, arguments, on_progress)
        finally:
            group.room.release()

    async def _run(
        self,
        group: _ProcessGroup,
        query: str,
        arguments: dict[str, Any],
        on_progress: Callable[[float], None] | None,
    ) -> bytes:
        result = "failed"
        process = await self._process(group)
        self._busy.add(process)
        keeps = False
        limit = self._setup.timeout_seconds
        try:
            async with asyncio.timeout(limit + GRACE_SECONDS):
                answer = await process.ask(query, arguments, on_progress)
            keeps, result = True, "answered"
            return answer
        except TimeoutError:
            result = "stopped"
            raise QueryStopped(f"The query was stopped after {limit:g} s.") from None
        except QueryStopped:
            # Its thread may still run, and its memory is not given back.
            result = "stopped"
            raise
        except QueryError:
            keeps, result = True, "refused"
            raise
        except asyncio.CancelledError:
            result = "cancelled"
            raise
        finally:
            metrics.reports_queries.count(result)
            if keeps and process.is_alive:
                self._keep(group, process)
            else:
                self._finish(process.kill())
            self._busy.discard(process)

    async def _process(self, group: _ProcessGroup) -> QueryProcess:
        while group.idle:
            process = group.idle.pop()
            if process.is_alive:
                return process
        started: QueryProcess = await self._start(self._setup)
        return started

    def _keep(self, group: _ProcessGroup, process: QueryProcess) -> None:
        group.idle.append(process)
        if group.reaper is not None:
            group.reaper.cancel()
        group.reaper = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._end_idle, group)

    def _end_idle(self, group: _ProcessGroup) -> None:
        while group.idle:
            self._finish(group.idle.pop().end())

    def _finish(self, ending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(ending)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
