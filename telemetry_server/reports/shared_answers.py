"""Answers that many readers share: a question is asked once at a time, and its answer kept for a moment."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

Run = Callable[[str, dict[str, Any]], Awaitable[bytes]]
MAX_ANSWERS = 256
MAX_KEPT_BYTES = 8 << 20
# An answer is good for a second, and for longer where it was costly: readers that poll must not keep
# a core busy that conversion wants.
MIN_FRESH_SECONDS = 1.0
MAX_FRESH_SECONDS = 2.5
FRESH_PER_COST = 20.0
# Reports over all records say when they were made: what took a second is good for 20 s.
MAX_FRESH_SECONDS_OF = {
    "drift": 600.0,
    "drift_at_once": 30.0,
    "stores": 600.0,
    "stores_at_once": 30.0,
    "replay": 300.0,
    "table_columns": 600.0,
}
# The columns never change; what a replay would do is asked anew when quarantine holds something else.
MIN_FRESH_SECONDS_OF = {
    "drift": 30.0,
    "drift_at_once": 30.0,
    "stores": 30.0,
    "stores_at_once": 30.0,
    "replay": 300.0,
    "table_columns": 600.0,
}


@dataclass(slots=True)
class _Kept:
    body: bytes
    until: float


@dataclass(slots=True)
class _Running:
    task: asyncio.Task[bytes]
    waiting: int = 0


class SharedAnswers:
    """
    Answers questions by *run*, and equal ones at about the same time by one run.

    A run ends when the last of those who wait for it goes.
    """

    def __init__(self, run: Run, clock: Callable[[], float]) -> None:
        self._run = run
        self._clock = clock
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._kept_bytes = 0
        self._running: dict[bytes, _Running] = {}

    async def answer(self, query: str, arguments: dict[str, Any]) -> bytes:
        """Return the answer, as old as its query permits at most; raises what the run raises."""
        key = orjson.dumps([query, arguments], option=orjson.OPT_SORT_KEYS)
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept.until:
            return kept.body
        running = self._running.get(key)
        if running is None:
            task = asyncio.get_running_loop().create_task(self._answered(key, query, arguments))
            running = self._running[key] = _Running(task)
        running.waiting += 1
        try:
            return await asyncio.shield(running.task)
        finally:
            running.waiting -= 1
            if not running.waiting and not running.task.done():
                running.task.cancel()

    async def _answered(self, key: bytes, query: str, arguments: dict[str, Any]) -> bytes:
        began = self._clock()
        try:
            body = await self._run(query, arguments)
        finally:
            del self._running[key]
        now = self._clock()
        most = MAX_FRESH_SECONDS_OF.get(query, MAX_FRESH_SECONDS)
        least = MIN_FRESH_SECONDS_OF.get(query, MIN_FRESH_SECONDS)
        fresh = min(max(least, (now - began) * FRESH_PER_COST), most)
        self._keep(key, _Kept(body, now + fresh))
        return body

    def _keep(self, key: bytes, kept: _Kept) -> None:
        before = self._kept.pop(key, None)
        self._kept_bytes -= 0 if before is None else len(before.body)
        self._kept[key] = kept
        self._kept_bytes += len(kept.body)
        while len(self._kept) > MAX_ANSWERS or self._kept_bytes > MAX_KEPT_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= len(dropped.body)
