"""
Worker processes of this machine.

A process that is killed costs only its own work, which another does again.  Where that fails
`MAX_RETRIES` times for one file, the error names it.
"""

import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess

from telemetry_server.mapreduce.errors import ProcessDied
from telemetry_server.mapreduce.fork_server import started_context
from telemetry_server.mapreduce.work import (
    Done,
    Failed,
    FileStarted,
    MapWork,
    ReduceWork,
    Work,
    WorkSetup,
)
from telemetry_server.mapreduce.worker_process import serve_work

MAX_RETRIES = 3


@dataclass(slots=True)
class _Worker:
    process: ForkServerProcess
    connection: "Connection[object, object]"
    work: Work | None = None
    reading: str | None = None  # names the file that it reads


class Workers:
    """Processes, started as they are needed.  Use it with ``with``; leaving ends them, whatever they do."""

    def __init__(self, setup: WorkSetup) -> None:
        self._setup = setup
        self._workers: list[_Worker] = []
        self._deaths: Counter[str] = Counter()
        self._context = started_context()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            self._end(worker)
        self._workers.clear()

    def do(self, items: Iterable[Work], count: int, on_done: Callable[[Done], None]) -> None:
        """
        Do all *items* in up to *count* processes, the first ones first; call *on_done* with each result.

        Raises:
            ProcessDied: A process was killed at every attempt.
            Exception: What the work raised.
        """
        waiting = deque(items)
        busy: list[_Worker] = []
        while waiting or busy:
            while waiting and len(busy) < count:
                worker = self._idle() or self._started()
                worker.work, worker.reading = waiting.popleft(), None
                with suppress(BrokenPipeError):  # it has died: seen below
                    worker.connection.send(worker.work)
                busy.append(worker)
            ready = wait([part for worker in busy for part in (worker.connection, worker.process.sentinel)])
            for worker in list(busy):
                if worker.connection in ready or worker.process.sentinel in ready:
                    done = self._heard(worker, waiting)
                    if done is not None:
                        on_done(done)
                    if worker.work is None:
                        busy.remove(worker)

    def _idle(self) -> _Worker | None:
        return next((worker for worker in self._workers if worker.work is None), None)

    def _started(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=serve_work, args=(theirs, self._setup), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _heard(self, worker: _Worker, waiting: "deque[Work]") -> Done | None:
        """Take one message of *worker*; where it has died, put its work back."""
        try:
            if not worker.connection.poll():
                raise EOFError
            message = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            work = worker.work
            assert work is not None
            self._workers.remove(worker)
            self._end(worker)
            worker.work = None
            waiting.appendleft(self._again(worker, work))
            return None
        if isinstance(message, Failed):
            raise message.error
        if isinstance(message, FileStarted):
            assert isinstance(worker.work, MapWork)
            task = worker.work.task
            started = next(file for file in task.files if file.order == message.order)
            # Which of its files has killed a program that is given them ahead is not known.
            worker.reading = task.words if self._setup.job.reads_ahead else started.path
            return None
        worker.work = None
        assert isinstance(message, Done)
        return message

    def _again(self, worker: _Worker, work: Work) -> Work:
        """
        Return *work* for another attempt.

        Raises:
            ProcessDied: There were enough of them.
        """
        label = worker.reading or work.name.rpartition("-")[0]
        self._deaths[label] += 1
        if self._deaths[label] > MAX_RETRIES:
            how = _end_of(worker.process)
            if worker.reading is not None:
                raise ProcessDied(f"a mapper {how} {MAX_RETRIES + 1} times while it read {worker.reading}")
            what = "a reducer" if isinstance(work, ReduceWork) else "a worker process"
            raise ProcessDied(f"{what} {how} {MAX_RETRIES + 1} times")
        for path in self._setup.folder.glob(f"{work.name}-*"):
            path.unlink(missing_ok=True)
        return replace(work, attempt=work.attempt + 1)

    @staticmethod
    def _end(worker: _Worker) -> None:
        """End a process, and the programs that it has started."""
        pid = worker.process.pid
        if pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        worker.process.kill()
        worker.process.join()
        worker.connection.close()


def _end_of(process: ForkServerProcess) -> str:
    """Say how *process* ended."""
    status = process.exitcode or 0
    if status == -signal.SIGKILL:
        return "was killed (out of memory?)"
    return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
