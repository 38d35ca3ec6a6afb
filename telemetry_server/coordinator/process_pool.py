"""
The pool of conversion processes, and the search for a ping that kills them.

Small tasks are converted in the coordinator itself, because a few pings need no
second process.  Meanwhile a mark file is in the state folder.  A coordinator that
finds the mark at its start died while it converted: it leaves all work to processes, where
the deadly ping can be isolated and refused.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from storage.partitions.schema import UNKNOWN
from storage.raw.submission import Submission
from telemetry_server.coordinator.conversion_process import ConversionProcess, ProcessDied
from telemetry_server.coordinator.conversion_setup import ConversionSetup
from telemetry_server.coordinator.conversion_worker import ResultBuilder, Worker, read_item
from telemetry_server.coordinator.process_starter import ProcessStarter
from telemetry_server.coordinator.work_items import RawItem, StoredResult, Task, TaskResult
from telemetry_server.outcomes.outcome import QuarantineReason, Refused
from telemetry_server.pings.errors import PingError
from telemetry_server.pings.submit_path import parse_submit_path

SMALL_ITEMS = 32
SMALL_BYTES = 1 << 20
TASKS_A_PROCESS = 2  # one that it converts, and one that waits there


class ConversionPool:
    """Converts tasks in *processes* processes.  Use it with ``async with``."""

    def __init__(self, setup: ConversionSetup, processes: int, starter: ProcessStarter) -> None:
        self._setup = setup
        self._starter = starter
        self.forgotten = 0  # the ledger's number of forgotten ids, for the next tasks
        self.processes = processes
        self._running: list[ConversionProcess] = []
        self._room = asyncio.Semaphore(processes * TASKS_A_PROCESS)
        self._choosing = asyncio.Lock()
        self._own_worker: Worker | None = None
        self._mark = setup.root.state / "converting-in-coordinator"
        self._died_converting = self._mark.exists()
        self._converting_here = asyncio.Lock()
        self._attempts = 0  # running now
        self._no_attempts = asyncio.Event()
        self._isolating = asyncio.Lock()

    async def __aenter__(self) -> "ConversionPool":
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self._running:
            await process.ended()

    def use(self, setup: ConversionSetup) -> None:
        """Convert with *setup* from now on; call it while nothing is being converted."""
        self._setup = setup
        self._own_worker = None
        for process in self._running:
            process.end()
        self._running.clear()

    async def convert(self, tasks: Sequence[Task]) -> list[TaskResult]:
        """
        Return the results of *tasks* in order.  A ping that kills its process twice is refused.

        Concurrent calls are allowed: the next tasks keep the processes busy while results are committed.
        """
        if self.forgotten:
            tasks = [replace(task, forgotten=self.forgotten) for task in tasks]
        if not self._died_converting and _is_small(tasks):
            async with self._converting_here:
                return await asyncio.to_thread(self._convert_here, tasks)
        if not tasks:
            return []
        results = await self._attempt_with_others(tasks)
        if None not in results:
            return [result for result in results if result is not None]
        # A process death points to a task only if no other task runs at the same time.
        async with self._isolating:
            await self._no_attempts.wait()
            return [
                result if result is not None else await self._convert_suspect(task)
                for task, result in zip(tasks, results, strict=True)
            ]

    async def _attempt_with_others(self, tasks: Sequence[Task]) -> list[TaskResult | None]:
        async with self._isolating:
            self._attempts += 1
            self._no_attempts.clear()
        try:
            return await self._attempt(tasks)
        finally:
            self._attempts -= 1
            if not self._attempts:
                self._no_attempts.set()

    def _convert_here(self, tasks: Sequence[Task]) -> list[TaskResult]:
        if not tasks:
            return []
        if self._own_worker is None:
            self._own_worker = self._setup.worker()
        self._mark.touch(mode=0o600)
        results = [self._own_worker.convert(task) for task in tasks]
        self._mark.unlink(missing_ok=True)
        return results

    async def _attempt(self, tasks: Sequence[Task]) -> list[TaskResult | None]:
        """Return the results, with None for each task whose process died."""
        results: list[TaskResult | None] = []
        for outcome in await asyncio.gather(*map(self._convert_there, tasks), return_exceptions=True):
            if isinstance(outcome, ProcessDied):
                results.append(None)
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                results.append(outcome)
        return results

    async def _convert_there(self, task: Task) -> TaskResult:
        async with self._room:
            async with self._choosing:
                process = await self._least_busy()
            return await process.convert(task)

    async def _least_busy(self) -> ConversionProcess:
        self._running = [process for process in self._running if not process.is_dead]
        least = min(self._running, key=lambda process: process.tasks, default=None)
        if least is not None and (not least.tasks or len(self._running) >= self.processes):
            return least
        process = await ConversionProcess.connected(self._starter.start(), self._setup)
        self._running.append(process)
        return process

    async def _convert_suspect(self, task: Task) -> TaskResult:
        """Convert a task that was running when a process died: first again, then item by item."""
        (result,) = await self._attempt([task])
        if result is not None:
            return result
        if len(task.items) > 1:
            parts = []
            for item in task.items:
                parts.append(await self._convert_suspect(replace(task, items=(item,))))
            return merge_results(parts)
        if await self._attempt([Task((), task.missing)]) == [None]:
            raise OSError("conversion processes die as soon as they start: is there too little memory?")
        return await asyncio.to_thread(self._refuse, task)

    def _refuse(self, task: Task) -> TaskResult:
        (item,) = task.items
        submission = read_item(self._setup.root.raw, item)
        builder = ResultBuilder()
        builder.add(0, submission, _refusal_of_deadly(submission))
        return builder.result()


def _refusal_of_deadly(submission: Submission) -> Refused:
    detail = "converting it killed the process, twice; please report it with these bytes"
    try:
        path = parse_submit_path(submission.path)
    except PingError as error:
        return Refused(QuarantineReason.INVALID_JSON, detail, error.document_id)
    return Refused(
        QuarantineReason.INVALID_JSON, detail, path.document_id, path.namespace, path.doctype or UNKNOWN
    )


def merge_results(parts: Sequence[TaskResult]) -> TaskResult:
    """Return the results of single-item tasks as the result of the task that was split into them."""
    results = tuple(replace(part.results[0], index=index) for index, part in enumerate(parts))
    frames = tuple(
        replace(frame, members=(index,) * len(frame.members))
        for index, part in enumerate(parts)
        for frame in part.frames
    )
    rows = tuple(
        replace(collected, items=[index] * len(collected.items))
        for index, part in enumerate(parts)
        for collected in part.rows
    )
    has_all_rows = all(part.rows or not isinstance(part.results[0], StoredResult) for part in parts)
    return TaskResult(results, frames, rows if has_all_rows else ())


def _is_small(tasks: Sequence[Task]) -> bool:
    items = sum(len(task.items) for task in tasks)
    size = sum(
        item.length if isinstance(item, RawItem) else len(item.submission.body)
        for task in tasks
        for item in task.items
    )
    return items <= SMALL_ITEMS and size <= SMALL_BYTES
