"""Actions of the processes of a `fork_server`: functions of plain values that return an exit status."""

import asyncio
import http.client
import itertools
import os
import random
import signal
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, nullcontext
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import orjson

from histogram_specs.cache.revision_cache import RevisionCache
from storage.backup.archive import back_up
from storage.backup.restore import restore as restore_from
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import StorageError
from storage.ledger.opening import open_ledger
from storage.lock import FileLock
from storage.partitions import paced_writes
from storage.partitions.compact import compact_day
from storage.raw.segment_file import SegmentSeries
from storage.raw.writer import RawWriter
from storage.tables.merging import compact_tables
from telemetry_server.aggregates.sealing import Sealer
from telemetry_server.archive.run import ArchivePlan, archive_days
from telemetry_server.coordinator import batch_planner
from telemetry_server.coordinator.replay import Replayer
from telemetry_server.edge.edge import EdgeOptions
from telemetry_server.edge.edge_worker import EdgeWorker, WorkerPlace
from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.privacy.forget import Forgetter
from telemetry_server.privacy.retention.age import RetentionDays
from telemetry_server.privacy.retention.run import RecordRetention, run_retention
from telemetry_server.repair.repair import Repairer
from telemetry_server.tables.rebuild import Rebuilder
from tests.support.data_root import DAY, NOON, REVISION, SPEC, World, a_ping, submitted
from tests.support.waiting import PATIENCE_SECONDS

# Imported before the processes of actions are forked: an import that fails is not a call of the action.
for module in (
    *("_strptime", "pyarrow.acero", "pyarrow.compute", "pyarrow.dataset"),
    *("telemetry_server.aggregates.update", "telemetry_server.privacy.forget_tables"),
):
    import_module(module)

COULD_NOT = 75  # the disk refused, and the client was informed
TASK_ITEMS, STEP_BYTES = 4, 100
LARGE_BYTES = 240_000  # compressed, a batch with such a ping is written without the page cache


class UnsyncedDisk(Disk):
    """A disk that does not sync: with it a power cut test must fail."""

    def sync_data(self, descriptor: int) -> None:
        pass

    def sync(self, descriptor: int) -> None:
        pass

    def sync_directory(self, path: Path) -> None:
        pass


class SlowDisk(Disk):
    """A disk whose data syncs take *seconds*."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def sync_data(self, descriptor: int) -> None:
        time.sleep(self._seconds)
        super().sync_data(descriptor)


def append(
    root: str,
    acknowledged: str,
    *,
    first: int,
    count: int = 1 << 30,
    appenders: int = 4,
    max_segment_bytes: int = 2000,
    padding: int = 0,
    large_padding: int = 0,
    syncs: bool = True,
) -> int:
    """
    Write pings from number *first* on, and record each acknowledged one in the file *acknowledged*.

    Segments are tiny, so that a new one begins every few commits.  Every fourth ping has *large_padding*
    in addition; with `LARGE_BYTES` its batch is written without the page cache.
    """

    async def run() -> int:
        numbers = iter(range(first, first + count))
        log = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        disk = Disk() if syncs else UnsyncedDisk()
        refused = 0

        async def appender(writer: RawWriter) -> None:
            nonlocal refused
            for number in numbers:
                length = padding + (0 if number % 4 else large_padding)
                submission = submitted(a_ping(number, padding=os.urandom(length // 2).hex()), number)
                try:
                    await writer.append(submission)
                except StorageError:
                    refused += 1
                    continue
                os.write(log, b"%d\n" % number)

        DataRoot(Path(root)).prepare(disk)
        async with RawWriter(
            DataRoot(Path(root)).raw,
            disk=disk,
            min_free_bytes=0,
            reserve_bytes=1 << 16,
            max_segment_bytes=max_segment_bytes,
        ) as writer:
            await asyncio.gather(*(appender(writer) for _ in range(appenders)))
        return COULD_NOT if refused else 0

    try:
        return asyncio.run(run())
    except OSError:
        return COULD_NOT  # the write did not begin


def append_large(root: str, acknowledged: str) -> int:
    """Write a few pings, some of them large, to segments that hold several commits."""
    return append(
        root, acknowledged, first=0, count=24, large_padding=LARGE_BYTES, max_segment_bytes=3 * LARGE_BYTES
    )


def append_unsynced_and_stay(root: str, first: int, count: int) -> int:
    """Write pings without syncing them, and wait to be killed."""
    series = SegmentSeries(DataRoot(Path(root)).raw, worker=7)
    for number in range(first, first + count):
        submission = submitted(a_ping(number), number)
        series.append([submission], day=submission.received_at.date())
    time.sleep(60)
    return 0


def convert(root: str) -> int:
    """Convert everything, in this process and in one thread, with a sync after each frame of a few pings."""
    batch_planner.TASK_ITEMS, paced_writes.STEP_BYTES = TASK_ITEMS, STEP_BYTES

    async def run() -> None:
        # One thread, so that the n-th call of the thread is the n-th of the work.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        async with AsyncExitStack() as stack:
            await (await World(Path(root)).opened(stack)).convert_all()

    try:
        asyncio.run(run())
    except (OSError, StorageError):
        return COULD_NOT
    return 0


def replay(root: str) -> int:
    """Replay the quarantine."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            await Replayer(await World(Path(root)).opened(stack)).replay(reason=None, day=None, dry_run=False)

    try:
        asyncio.run(run())
    except (OSError, StorageError):
        return COULD_NOT
    return 0


CLIENT = "aaaaaaaa-1111-4222-8333-444444444444"


def forget(root: str) -> int:
    """Delete everything of `CLIENT`."""
    try:
        report = Forgetter(DataRoot(Path(root)), Disk()).forget([CLIENT], [])
    except (OSError, StorageError):
        return COULD_NOT
    return COULD_NOT if report.left else 0


def forget_rest(root: str) -> int:
    """Finish the orders that a run left."""
    try:
        report = Forgetter(DataRoot(Path(root)), Disk()).carry_out()
    except (OSError, StorageError):
        return COULD_NOT
    return COULD_NOT if report.left else 0


def compact(root: str, day: str = DAY) -> int:
    """Merge the files of a day, like the command."""
    data = DataRoot(Path(root))
    disk = Disk()
    lock = FileLock(data.state / "converter.lock")
    try:
        data.prepare(disk)
        with open_ledger(data, disk) as ledger:
            lock.acquire(wait=True)
            for _ in compact_day(data.path, ledger, disk, day):
                pass
            for _ in compact_tables(data, ledger, disk, day, nullcontext):
                pass
    except (OSError, StorageError):
        return COULD_NOT
    return 0


def remove_old_records(root: str) -> int:
    """Seal the day's aggregates and remove all that is older than a day, like the command."""

    async def remove() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        async with AsyncExitStack() as stack:
            world = World(Path(root))
            converter = await world.opened(stack)
            await converter.finish_tables()
            records = RecordRetention(1, Sealer(world.root, Disk(), 1).seal, remembers_ids=False)
            await run_retention(converter, RetentionDays(1, 1, 1), records, NOON + timedelta(days=3))

    try:
        asyncio.run(remove())
    except (OSError, StorageError):
        return COULD_NOT
    return 0


def rebuild_tables(root: str, day: str = DAY) -> int:
    """Make the tables of a day anew, like the command."""
    disk = Disk()
    try:
        world = World(Path(root))
        with open_ledger(world.root, disk) as ledger:
            Rebuilder(world.root, ledger, disk, world.setup.definition_finder).rebuild_day(day)
    except (OSError, StorageError):
        return COULD_NOT
    return 0


def repair(root: str) -> int:
    """Repair the data root, like the command."""
    try:
        schema_text = World(Path(root)).setup.schema_text
        Repairer(DataRoot(Path(root)), Disk(), schema_text).repair()
    except (OSError, StorageError, sqlite3.Error):
        return COULD_NOT
    return 0


def backup(root: str) -> int:
    """Back up a data root to an archive next to it."""
    try:
        back_up(DataRoot(Path(root) / "data"), Path(root) / "backup.tar", Disk())
    except (OSError, StorageError, sqlite3.Error):
        return COULD_NOT
    return 0


def restore(root: str) -> int:
    """Restore a data root from the archive."""
    try:
        restore_from(Path(root) / "backup.tar", Path(root) / "restored", Disk())
    except (OSError, StorageError):
        return COULD_NOT
    return 0


def archive(root: str) -> int:
    """Archive the closed days of a data root in a folder next to it, and drop the local copies."""
    plan = ArchivePlan(str(Path(root) / "elsewhere"), keeps_local=False, with_tables=True)
    try:
        for _ in archive_days(DataRoot(Path(root) / "data"), Disk(), plan):
            pass
    except (OSError, StorageError, sqlite3.Error):
        return COULD_NOT
    return 0


def store_specs(root: str) -> int:
    """Store definitions in the cache, like a fetch."""
    data = DataRoot(Path(root))
    try:
        data.prepare(Disk())
        RevisionCache(data.specs).store(REVISION, orjson.dumps(SPEC))
    except OSError:
        return COULD_NOT
    return 0


def edge(
    root: str,
    port_file: str,
    *,
    disk: str = "real",
    sync_seconds: float = 0.0,
    max_in_flight_bytes: int = 64 << 20,
) -> int:
    """Run an edge worker with a ``real``, ``unsynced`` or ``slow`` disk; write its port to *port_file*."""
    import uvloop

    data = DataRoot(Path(root))
    place = WorkerPlace(data.raw, 0, min_free_bytes=0, reserve_bytes=0)
    options = EdgeOptions(limits=EdgeLimits(max_in_flight_bytes=max_in_flight_bytes))
    disks = {"real": Disk, "unsynced": UnsyncedDisk, "slow": lambda: SlowDisk(sync_seconds)}

    async def run() -> None:
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        async with EdgeWorker(options, place, disk=disks[disk]()) as worker:
            await worker.listen([(socket.AF_INET, ("127.0.0.1", 0))])
            Path(f"{port_file}.new").write_text(str(worker.ports[0]))
            Path(f"{port_file}.new").rename(port_file)
            await stopped.wait()

    data.prepare(Disk())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    return 0


def probe_liveness(port: int, latencies: str, seconds: float) -> int:
    """Request the liveness page fifty times per second, and record how long each response took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    deadline = time.monotonic() + seconds
    with Path(latencies).open("w") as log:
        while time.monotonic() < deadline:
            started = time.monotonic()
            connection.request("GET", "/__lbheartbeat__")
            connection.getresponse().read()
            log.write(f"{time.monotonic() - started}\n")
            time.sleep(0.02)
    return 0


def schedule(root: str, seed: int) -> int:
    """Convert, replay and compact in random order until killed."""
    chance = random.Random(seed)
    for _ in itertools.count():
        action = chance.choice([convert, convert, replay, compact])
        action(root)
    return 0
