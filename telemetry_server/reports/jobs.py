"""Long reports: started by a request, asked about by others until they are done."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from telemetry_server.reports.problems import Problem
from telemetry_server.reports.queries.errors import QueryError
from telemetry_server.reports.query_process import QueryBroken

MAX_JOBS = 32
MAX_KEPT_BYTES = 32 << 20  # of results; the oldest give way
KEPT_SECONDS = 600.0  # after the end


@dataclass(slots=True)
class Job:
    """One long report; only its owner may see it."""

    id: str
    owner: tuple[str, str]  # the visitor's proof and name
    task: "asyncio.Task[bytes]"
    progress: Callable[[], float]
    ended: float | None = None

    @property
    def result_bytes(self) -> int:
        """The size of its result; 0 where it has none."""
        if not self.task.done() or self.task.cancelled() or self.task.exception() is not None:
            return 0
        return len(self.task.result())

    def as_json(self) -> dict[str, Any]:
        """Return ``state`` (``running``, ``done``, ``failed``), ``progress`` from 0 to 1, and ``result``."""
        if not self.task.done():
            return {
                "id": self.id,
                "state": "running",
                "progress": self.progress(),
                "result": None,
                "detail": None,
            }
        if self.task.cancelled():
            error: BaseException | None = asyncio.CancelledError("The server is stopping.")
        else:
            error = self.task.exception()
        if error is not None:
            is_ours = not isinstance(error, QueryError | Problem)
            detail = "The query failed; the server's log says why." if is_ours else str(error)
            return {"id": self.id, "state": "failed", "progress": 1.0, "result": None, "detail": detail}
        result = orjson.Fragment(self.task.result())
        return {"id": self.id, "state": "done", "progress": 1.0, "result": result, "detail": None}


class Jobs:
    """The jobs of this process; they are lost with it."""

    def __init__(self, clock: Callable[[], float], on_failure: Callable[[str], None]) -> None:
        self._clock = clock
        self._on_failure = on_failure
        self._jobs: OrderedDict[str, Job] = OrderedDict()

    def start(
        self, owner: tuple[str, str], work: Awaitable[bytes], progress: Callable[[], float] = lambda: 0.0
    ) -> Job:
        """
        Start *work* as a job of *owner*.

        Args:
            progress: Returns the share that is done, from 0 to 1.

        Raises:
            Problem: Too many run.
        """
        self._forget_old()
        if len(self._jobs) >= MAX_JOBS and not self._forget_oldest_ended():
            getattr(work, "close", lambda: None)()
            raise Problem("busy", f"{MAX_JOBS} jobs are running. Try again.")

        async def run() -> bytes:
            return await work

        job = Job(secrets.token_urlsafe(12), owner, asyncio.get_running_loop().create_task(run()), progress)
        job.task.add_done_callback(lambda task: self._ended(job, task))
        self._jobs[job.id] = job
        return job

    def find(self, job_id: str, owner: tuple[str, str]) -> Job:
        """
        Return a job of *owner*.

        Raises:
            Problem: *owner* has no such job.
        """
        self._forget_old()
        job = self._jobs.get(job_id)
        if job is None or job.owner != owner:
            raise Problem("not-found", "No job of yours has this id; results are kept for 10 minutes.")
        return job

    async def close(self) -> None:
        """End all that run."""
        tasks = [job.task for job in self._jobs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, job: Job, task: "asyncio.Task[bytes]") -> None:
        job.ended = self._clock()
        self._make_room(job)
        if not task.cancelled() and isinstance(error := task.exception(), QueryBroken):
            self._on_failure(str(error))

    def _make_room(self, newest: Job) -> None:
        kept_bytes = newest.result_bytes
        for job in sorted(self._jobs.values(), key=lambda each: -(each.ended or 0.0)):
            if job is not newest and job.ended is not None:
                kept_bytes += job.result_bytes
                if kept_bytes > MAX_KEPT_BYTES:
                    del self._jobs[job.id]

    def _forget_oldest_ended(self) -> bool:
        ended = [job for job in self._jobs.values() if job.ended is not None]
        if ended:
            del self._jobs[min(ended, key=lambda job: job.ended or 0.0).id]
        return bool(ended)

    def _forget_old(self) -> None:
        now = self._clock()
        for job in list(self._jobs.values()):
            if job.ended is not None and now - job.ended > KEPT_SECONDS:
                del self._jobs[job.id]
