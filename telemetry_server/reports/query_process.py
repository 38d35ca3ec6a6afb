"""One query process, from its parent's side."""

import asyncio
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson

from telemetry_server.reports.queries.errors import BY_NAME, QueryStopped
from telemetry_server.reports.queries.messages import LENGTH_BYTES, MAX_MESSAGE_BYTES, framed
from telemetry_server.reports.queries.setup import QuerySetup
from telemetry_server.supervision.interpreter import python_words

MODULE = "telemetry_server.reports.queries.worker"
READ_BUFFER_BYTES = 1 << 20
END_SECONDS = 2.0  # for an idle process to end by itself
# PyArrow's own allocator takes a gibibyte of addresses at once, which counts towards the memory limit.
ENVIRONMENT = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2"}


class QueryBroken(Exception):
    """A query without an answer by a fault of ours, or because the data cannot be read.  One line."""

    def __init__(self, detail: str, *, is_fault: bool, check: str = "") -> None:
        super().__init__(detail)
        self.is_fault = is_fault
        self.check = check  # the command that names the missing or damaged file, if it is one


class QueryProcess:
    """A process that answers one question at a time; made by `start`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, setup: QuerySetup) -> "QueryProcess":
        """Start a process and send it *setup*."""
        process = await asyncio.create_subprocess_exec(
            *(*python_words(), "-m", MODULE, str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=READ_BUFFER_BYTES,
            env={**os.environ, **ENVIRONMENT},
        )
        started = cls(process)
        started._send(pickle.dumps(setup))
        return started

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended, as far as is known."""
        return self._process.returncode is None

    def _send(self, message: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(framed(message))

    async def ask(
        self, query: str, arguments: dict[str, Any], on_progress: Callable[[float], None] | None = None
    ) -> bytes:
        """
        Return the answer to *query*, as JSON.

        Args:
            on_progress: Called with the share that is done, by queries that know it.

        Raises:
            QueryError: It has none; `QueryStopped` also where the process ended.
            QueryBroken: A fault of ours, or the data cannot be read.
        """
        self._send(orjson.dumps({"query": query, "arguments": arguments}))
        try:
            head = orjson.loads(await self._receive())
            while "progress" in head:
                if on_progress is not None:
                    on_progress(head["progress"])
                head = orjson.loads(await self._receive())
            body = await self._receive()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            await self.kill()
            raise QueryStopped(
                "The query was stopped: its process ended, perhaps for lack of memory."
            ) from None
        if head["ok"]:
            return body
        if (kind := BY_NAME.get(head["error"])) is not None:
            raise kind(head["detail"])
        is_fault = head["error"] != "storage"
        raise QueryBroken(head["detail"], is_fault=is_fault, check=head.get("check", ""))

    async def _receive(self) -> bytes:
        assert self._process.stdout is not None
        length = int.from_bytes(await self._process.stdout.readexactly(LENGTH_BYTES), "big")
        if length > MAX_MESSAGE_BYTES:
            raise ValueError("a message is too long")
        return await self._process.stdout.readexactly(length)

    async def end(self) -> None:
        """End it while it is idle: it ends when its input ends, or is killed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await self._process.wait()
        await self.kill()

    async def kill(self) -> None:
        """End it at once, whatever it does."""
        with suppress(ProcessLookupError):
            self._process.kill()
        try:
            await self._process.wait()
        finally:  # also where the loop ends before the process does
            # Output that is never read would keep the pipe open.
            self._process._transport.close()  # type: ignore[attr-defined]
