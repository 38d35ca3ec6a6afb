"""Runs pulling and handing on, in a process of their own."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from storage.data_root import DataRoot
from storage.errors import StorageError
from telemetry_server.composition.queue import (
    publisher_of,
    pull_urls,
    push_url,
    reader_of,
    share_of,
    source_of,
)
from telemetry_server.observability import metrics
from telemetry_server.observability.events import QueueAway, QueueConnected, WorkFailed
from telemetry_server.queue.backlog import Backlog
from telemetry_server.queue.errors import QueueError, ShareChanged
from telemetry_server.queue.hand_on import HandOn
from telemetry_server.queue.intake import Counts, Intake
from telemetry_server.queue.puller import Progress, Puller, PullState
from telemetry_server.queue.status_file import PULL, PUSH, QueueStatus, StatusFile, now_text
from telemetry_server.settings.settings import Settings

STATUS_SECONDS = 1.0
NICE_BEHIND_THE_EDGE = 10
MAX_END_SECONDS = 30.0  # from the end of the supervisor to that of its processes of queues
PULL_DIRECTION, PUSH_DIRECTION = "pull", "push"


@dataclass(slots=True)
class _Report:
    """Writes the status file, counts metrics, and logs changes of state."""

    file: StatusFile
    direction: str
    on_change: Callable[[QueueStatus], None]
    statuses: dict[str, QueueStatus] = field(default_factory=dict)
    written_at: float = 0.0

    def note(self, url: str, state: str, detail: str, **numbers: int) -> None:
        """Record the state of the queue *url*."""
        before = self.statuses.get(url)
        changed = before is None or (before.state, before.detail) != (state, detail)
        since = now_text() if changed or before is None else before.since
        self.statuses[url] = QueueStatus(url, state, since, detail[:500], updated=now_text(), **numbers)
        now = asyncio.get_running_loop().time()
        if changed:
            self.on_change(self.statuses[url])
        if changed or now - self.written_at >= STATUS_SECONDS:
            self.written_at = now
            self.file.write(self.statuses.values())
            well = all(status.is_well for status in self.statuses.values())
            metrics.queue_connected.report(well, self.direction)
            metrics.queue_lag_messages.report(
                sum(each.lag for each in self.statuses.values()), self.direction
            )
            metrics.queue_position.report(
                sum(each.position for each in self.statuses.values()), self.direction
            )

    def finish(self) -> None:
        """Write the last state."""
        self.file.write(
            replace(status, state="ended", updated=now_text()) if status.is_well else status
            for status in self.statuses.values()
        )


def _log(direction: str, status: QueueStatus) -> None:
    """Log that a broker is connected or away."""
    if status.state == PullState.CONNECTED:
        QueueConnected(direction, status.url).emit()
    elif status.state != PullState.ENDED:
        QueueAway(direction, status.url, status.detail).emit()


@asynccontextmanager
async def _stopped_by(stop: Callable[[], None], lifeline_fd: int | None) -> AsyncIterator[None]:
    """
    Call *stop* on SIGTERM, SIGINT, or the end of the lifeline's process, during the block.

    In the last case the process ends within `MAX_END_SECONDS`, even if a broker keeps it waiting.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    last_moment: asyncio.TimerHandle | None = None

    def end(fd: int) -> None:
        nonlocal last_moment
        # The end of a pipe can be read again and again.
        loop.remove_reader(fd)
        stop()
        # Nothing else ends a process whose supervisor is gone; what it has not noted is sent or pulled again.
        last_moment = loop.call_later(MAX_END_SECONDS, os._exit, 1)

    if lifeline_fd is not None:
        loop.add_reader(lifeline_fd, end, lifeline_fd)
    try:
        yield
    finally:
        if lifeline_fd is not None:
            loop.remove_reader(lifeline_fd)
        if last_moment is not None:
            last_moment.cancel()


async def pull(
    settings: Settings,
    *,
    once: bool = False,
    wake: Callable[[], None] = lambda: None,
    lifeline_fd: int | None = None,
) -> Counts:
    """
    Pull from all queues of the settings until a signal, or with *once* until their present ends.

    Raises:
        AlreadyPulling, ShareChanged: The data root is in use, or has another share.
        QueueError: Only with *once*.
        OSError, StorageError: The disk refuses.
    """
    root = DataRoot(settings.data_dir.resolve())
    on_change = (lambda _: None) if once else partial(_log, PULL_DIRECTION)
    report = _Report(StatusFile(root.state, PULL), PULL_DIRECTION, on_change)
    total = Counts()
    try:
        return await _pull(settings, root, report, total, once=once, wake=wake, lifeline_fd=lifeline_fd)
    except ShareChanged as error:
        for url in pull_urls(settings):
            report.note(url.shown, PullState.STOPPED.value, str(error))
        raise


async def _pull(
    settings: Settings,
    root: DataRoot,
    report: _Report,
    total: Counts,
    *,
    once: bool,
    wake: Callable[[], None],
    lifeline_fd: int | None,
) -> Counts:
    with Intake(
        root, reader_of(settings), share_of(settings), min_free_bytes=settings.min_free_bytes
    ) as intake:
        pullers = []
        for url in pull_urls(settings):
            source = source_of(url, root)
            on_progress = partial(_note_pull, report, url.shown, total, wake)
            pullers.append(Puller(source, intake, once=once, on_progress=on_progress))

        def stop() -> None:
            for puller in pullers:
                puller.stop()

        async with _stopped_by(stop, lifeline_fd):
            try:
                async with asyncio.TaskGroup() as group:
                    for puller in pullers:
                        group.create_task(puller.run())
            except BaseExceptionGroup as errors:
                raise errors.exceptions[0] from None
            finally:
                report.finish()
    return total


async def accept_gap(settings: Settings) -> None:
    """
    Continue at the oldest message of each queue whose position is not in it any more.

    Raises:
        QueueError: A broker is away or refuses, or the data root is in use.
    """
    root = DataRoot(settings.data_dir.resolve())
    with Intake(root, reader_of(settings), share_of(settings)) as intake:
        for url in pull_urls(settings):
            source = source_of(url, root)
            try:
                intake.forget(await source.lost(intake.positions))
            finally:
                await source.close()


def _note_pull(
    report: _Report, url: str, total: Counts, wake: Callable[[], None], progress: Progress
) -> None:
    """Count and report the progress of one puller."""
    if progress.batch is not None:
        _count(progress.batch, total)
        if progress.batch.received:
            wake()
    report.note(
        url,
        progress.state.value,
        progress.detail,
        messages=total.received,
        lag=progress.lag,
        position=progress.position,
    )


def _count(batch: Counts, total: Counts) -> None:
    total.add(batch)
    for result, amount in (
        ("received", batch.received - batch.faulty),
        ("faulty", batch.faulty),
        ("other_share", batch.left_to_others),
        ("repeated", batch.repeated),
    ):
        if amount:
            metrics.queue_messages.count(result, amount=amount)


def run_pull_process(settings: Settings, *, wake_fd: int, lifeline_fd: int) -> int:
    """Run the puller of `serve`; return its exit status."""
    os.nice(NICE_BEHIND_THE_EDGE)
    os.set_blocking(wake_fd, False)

    def wake() -> None:
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(wake_fd, b"\0")

    return _run_until_stopped(lambda: pull(settings, wake=wake, lifeline_fd=lifeline_fd), "pull")


def run_hand_on_process(settings: Settings, *, lifeline_fd: int) -> int:
    """Run the process of `serve` that hands on what waits in raw/; return its exit status."""
    os.nice(NICE_BEHIND_THE_EDGE)
    return _run_until_stopped(lambda: hand_on(settings, lifeline_fd=lifeline_fd), "hand on")


async def hand_on(settings: Settings, *, lifeline_fd: int | None = None) -> None:
    """Hand on what waits in raw/ until a signal."""
    root = DataRoot(settings.data_dir.resolve())
    url = push_url(settings)
    assert url is not None
    report = _Report(StatusFile(root.state, PUSH), PUSH_DIRECTION, partial(_log, PUSH_DIRECTION))
    publisher = publisher_of(url, ack_seconds=settings.commit_timeout_seconds)
    backlog = Backlog(root)

    def note(handed_on: int, trouble: str) -> None:
        report.note(
            url.shown,
            (PullState.AWAY if trouble else PullState.CONNECTED).value,
            trouble,
            messages=handed_on,
            lag=backlog.waiting_count,
            position=handed_on,
        )

    work = HandOn(backlog, publisher, on_state=note)
    async with _stopped_by(work.stop, lifeline_fd):
        try:
            await work.run()
        finally:
            report.finish()


def _run_until_stopped(start: Callable[[], Coroutine[Any, Any, object]], what: str) -> int:
    """Run; an error of the disk is logged, and ends the process, which the supervisor starts again."""
    try:
        asyncio.run(start())
    except (OSError, StorageError, QueueError) as error:
        WorkFailed(what, str(error)).emit()
        return 1
    return 0
