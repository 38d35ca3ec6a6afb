"""Every acknowledged submission is kept, also when the disk fails."""

import asyncio
import errno
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.disk import Disk
from storage.errors import StorageError, StorageFull, WriterBusy, WriterClosed, WriterDead
from storage.raw.reader import SegmentState, read_submission, scan_segment, segments
from storage.raw.writer import RawWriter
from tests.support.faulty_disk import (
    CrampedDisk,
    FaultyDisk,
    FillingDisk,
    ForgetfulDisk,
    StuckDisk,
    StutteringDisk,
)
from tests.support.submissions import NOON, a_submission, number_of
from tests.support.waiting import PATIENCE_SECONDS, until

ALL = {"max_bytes": 1 << 40, "max_records": 1 << 40}


def a_writer(raw: Path, disk: Disk | None = None, **options) -> RawWriter:
    """Return a writer without reserved space, on the real disk by default."""
    return RawWriter(raw, **({"disk": disk, "min_free_bytes": 0, "reserve_bytes": 0} | options))


def kept(raw: Path) -> list[int]:
    """Return the numbers of the submissions that a reader finds."""
    found = []
    for segment in segments(raw):
        scan = scan_segment(segment.path, 0, **ALL)
        descriptor = os.open(segment.path, os.O_RDONLY)
        found += [number_of(read_submission(descriptor, span)) for span in scan.spans]
        os.close(descriptor)
    return found


def states_in(raw: Path) -> set[SegmentState]:
    """Return the states of the segments in *raw*."""
    return {scan_segment(segment.path, 0, **ALL).state for segment in segments(raw)}


async def check_disk_again(writer: RawWriter, disk: CrampedDisk) -> None:
    """Return once *writer* has checked *disk* twice: the result of the first check is then used."""
    looks = disk.looks
    async with asyncio.timeout(PATIENCE_SECONDS):
        while disk.looks < looks + 2:
            await writer.check_disk()
            await asyncio.sleep(0.01)


async def append_all(writer: RawWriter, numbers) -> list[int]:
    """Append submissions one by one; return the numbers of the acknowledged ones."""
    acknowledged = []
    for number in numbers:
        try:
            await writer.append(a_submission(number))
        except StorageError:
            continue
        acknowledged.append(number)
    return acknowledged


async def test_kept_submissions_are_read_and_the_segment_is_sealed(tmp_path):
    """There is one segment under the day of receipt, private to its owner."""
    async with a_writer(tmp_path / "raw") as writer:
        await asyncio.gather(*[writer.append(a_submission(number)) for number in range(1, 101)])
        during = kept(tmp_path / "raw")

    (segment,) = segments(tmp_path / "raw")
    assert during == kept(tmp_path / "raw") == list(range(1, 101))
    assert scan_segment(segment.path, 0, **ALL).state == SegmentState.SEALED
    assert segment.path.parent.name == "20261122"
    assert segment.path.stat().st_mode & 0o777 == 0o600
    assert segment.path.parent.stat().st_mode & 0o777 == 0o700


async def test_submissions_that_wait_together_share_a_sync(tmp_path):
    """A hundred at once need few commits; each commit is reported."""
    commits = []
    async with a_writer(tmp_path / "raw", on_commit=commits.append) as writer:
        await asyncio.gather(*[writer.append(a_submission(number)) for number in range(1, 101)])

    assert len(commits) == writer.statistics().commits <= 2
    assert sum(commit.submissions for commit in commits) == writer.statistics().kept_submissions == 100
    assert all(commit.seconds > 0 for commit in commits)


async def test_a_writer_without_submissions_leaves_no_files(tmp_path):
    """Neither a segment nor a spare file is left."""
    async with RawWriter(tmp_path / "raw", min_free_bytes=0):
        pass

    assert list((tmp_path / "raw").iterdir()) == []


async def test_a_cancelled_append_does_not_affect_its_batch(tmp_path):
    """A client that disconnects gets no answer; the others of its batch get theirs."""
    disk = StuckDisk()
    async with a_writer(tmp_path / "raw", disk) as writer, disk:
        appends = [asyncio.create_task(writer.append(a_submission(number))) for number in range(1, 6)]
        await asyncio.sleep(0.05)
        appends[1].cancel()
        waiting = asyncio.create_task(writer.append(a_submission(6)))
        await asyncio.sleep(0)
        waiting.cancel()
        disk.let_go.set()
        results = await asyncio.gather(*appends, waiting, return_exceptions=True)

    assert [type(result) for result in results] == [
        type(None),
        asyncio.CancelledError,
        type(None),
        type(None),
        type(None),
        asyncio.CancelledError,
    ]
    assert kept(tmp_path / "raw") == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "error", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EINTR, errno.EMFILE]
)
@pytest.mark.parametrize("short", [False, True])
async def test_a_disk_failure_at_any_operation_loses_no_acknowledged_submission(tmp_path, error, short):
    """
    Each operation of a run with three segments fails once.

    Acknowledged submissions are read exactly once, others at most once.
    """
    n = 0
    while True:
        n += 1
        raw = tmp_path / str(n) / "raw"
        raw.parent.mkdir()
        disk = FaultyDisk(nth=n, error=error, short=short)
        acknowledged = []
        try:
            async with a_writer(raw, disk, max_segment_bytes=1500) as writer:
                acknowledged = await append_all(writer, range(1, 13))
                is_dead = writer.statistics().is_dead
        except OSError:
            is_dead = False
        found = kept(raw)
        assert len(found) == len(set(found))
        assert set(acknowledged) <= set(found), f"operation {n} ({disk.calls[n - 1]})"
        if not disk.failed:
            break
        if is_dead:
            # No sync is tried again, and nothing is acknowledged after it.
            assert not [call for call in disk.calls[n:] if "sync" in call]
            assert acknowledged == list(range(1, len(acknowledged) + 1))

    assert acknowledged == list(range(1, 13))
    assert n > 40


@pytest.mark.parametrize("operation", ["write_some", "create", "rename_new"])
async def test_a_full_disk_fails_only_the_current_batch(tmp_path, operation):
    """A batch that a full disk refused is not acknowledged; the next batch is kept."""
    nth = 3 if operation == "write_some" else 2
    disk = FaultyDisk(operation, nth=nth, error=errno.ENOSPC, short=True)
    async with a_writer(tmp_path / "raw", disk, max_segment_bytes=10, tick_seconds=600.0) as writer:
        acknowledged = await append_all(writer, [1])
        with pytest.raises(StorageFull):
            await writer.append(a_submission(2))
        with pytest.raises(StorageFull):
            await writer.append(a_submission(2))
        writer._tick()  # the next check of the disk finds space
        await until(lambda: writer.refusal is None)
        acknowledged += await append_all(writer, [3])

    assert acknowledged == [1, 3]
    assert kept(tmp_path / "raw") == [1, 3]


@pytest.mark.parametrize("operation", ["sync_data", "sync", "sync_directory"])
async def test_after_a_failed_sync_nothing_more_is_acknowledged(tmp_path, operation):
    """The batch fails, so do all later ones; the file is not synced again; `wait_until_dead` returns."""
    disk = FaultyDisk(operation, nth=3 if operation == "sync_directory" else 1)
    async with a_writer(tmp_path / "raw", disk) as writer:
        death = asyncio.create_task(writer.wait_until_dead())
        for number in range(1, 4):
            with pytest.raises(WriterDead):
                await writer.append(a_submission(number))
        assert isinstance(await death, WriterDead)
        syncs = len(disk.calls)

    assert len(disk.calls) == syncs
    assert writer.statistics().is_dead
    assert writer.statistics().kept_submissions == 0


@pytest.mark.parametrize(("error", "expected"), [(errno.EIO, WriterDead), (errno.ENOSPC, StorageFull)])
async def test_a_failed_write_is_answered_although_its_segment_does_not_close_well(tmp_path, error, expected):
    """The first error is reported; a network disk may report another as the file is closed."""

    class UnclosableDisk(FaultyDisk):
        def close(self, descriptor: int) -> None:
            super().close(descriptor)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    disk = UnclosableDisk("write_some", nth=3, error=error)
    async with a_writer(tmp_path / "raw", disk) as writer:
        acknowledged = await append_all(writer, [1])
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(expected):
                await writer.append(a_submission(2))

    assert acknowledged == kept(tmp_path / "raw") == [1]


@pytest.mark.parametrize("most", [1, 7, 300])
async def test_short_writes_are_finished(tmp_path, most):
    """A short write is continued, not failed."""
    async with a_writer(tmp_path / "raw", StutteringDisk(most)) as writer:
        await append_all(writer, range(1, 6))

    assert kept(tmp_path / "raw") == [1, 2, 3, 4, 5]


async def test_a_power_cut_at_any_moment_keeps_acknowledged_submissions(tmp_path):
    """Unsynced bytes, sizes and names are lost; none of them was acknowledged."""
    (tmp_path / "disk").mkdir()
    disk = ForgetfulDisk(tmp_path / "disk")
    acknowledged = []
    async with a_writer(tmp_path / "disk" / "raw", disk, max_segment_bytes=600) as writer:
        for number in range(1, 11):
            acknowledged += await append_all(writer, [number])
            disk.survivors(tmp_path / f"after-{number}")
            assert kept(tmp_path / f"after-{number}" / "raw") == acknowledged

    assert len(list(segments(tmp_path / "disk" / "raw"))) >= 3


async def test_a_disk_that_ignores_syncs_loses_submissions(tmp_path):
    """Control of the test above, which would prove nothing if this lost nothing."""
    (tmp_path / "disk").mkdir()

    class DiskWithoutSync(ForgetfulDisk):
        def sync_data(self, descriptor: int) -> None:
            pass

    disk = DiskWithoutSync(tmp_path / "disk")
    async with a_writer(tmp_path / "disk" / "raw", disk) as writer:
        await append_all(writer, [1, 2])
        disk.survivors(tmp_path / "after")

    assert kept(tmp_path / "after" / "raw") == []


async def test_a_slow_disk_causes_writer_busy(tmp_path):
    """After the timeout all waiting submissions fail, and new ones are refused until the disk responds."""
    disk = StuckDisk()
    async with a_writer(tmp_path / "raw", disk, commit_timeout_seconds=0.1) as writer, disk:
        first = asyncio.create_task(writer.append(a_submission(1)))
        await until(lambda: disk.syncs > 0)
        second = asyncio.create_task(writer.append(a_submission(2)))
        with pytest.raises(WriterBusy):
            await first
        with pytest.raises(WriterBusy):
            await second
        with pytest.raises(WriterBusy):
            await writer.append(a_submission(3))
        disk.let_go.set()
        await until(lambda: writer.refusal is None)
        acknowledged = await append_all(writer, [4])

    assert acknowledged == [4]
    assert kept(tmp_path / "raw") == [1, 4]


async def test_the_queue_is_bounded(tmp_path):
    """The limits are a number and bytes; one large submission always fits."""
    disk = StuckDisk()
    async with a_writer(tmp_path / "raw", disk) as writer, disk:
        tasks = [asyncio.create_task(writer.append(a_submission(1)))]
        await until(lambda: disk.syncs > 0)
        tasks += [asyncio.create_task(writer.append(a_submission(n))) for n in range(2, 4098)]
        await asyncio.sleep(0)  # each has queued its submission by then
        with pytest.raises(WriterBusy):
            await writer.append(a_submission(5000))
        disk.let_go.set()
        await asyncio.gather(*tasks)
        disk.let_go.clear()
        big = a_submission(1, body=bytes(17 << 20))
        syncs = disk.syncs
        tasks = [asyncio.create_task(writer.append(a_submission(1)))]
        await until(lambda: disk.syncs > syncs)
        tasks += [asyncio.create_task(writer.append(big))]
        await asyncio.sleep(0)
        with pytest.raises(WriterBusy):
            await writer.append(a_submission(5000))
        disk.let_go.set()
        await asyncio.gather(*tasks)

    assert writer.statistics().kept_submissions == 4097 + 2


async def test_below_the_floor_nothing_is_accepted_until_one_and_a_half_floors_are_free(tmp_path):
    """This hysteresis keeps the answer from alternating."""
    disk = CrampedDisk(99_999)
    async with a_writer(tmp_path / "raw", disk, min_free_bytes=100_000, tick_seconds=0.05) as writer:
        assert await append_all(writer, [1]) == []
        assert isinstance(writer.refusal, StorageFull)
        disk.free_bytes = 149_999
        await check_disk_again(writer, disk)
        assert await append_all(writer, [2]) == []
        disk.free_bytes = 150_000
        await check_disk_again(writer, disk)
        assert await append_all(writer, [3]) == [3]
        assert writer.refusal is None
        disk.free_bytes = 110_000
        await check_disk_again(writer, disk)
        assert await append_all(writer, [4]) == [4]


FLOOR = 8 << 20


@pytest.mark.parametrize("body_bytes", [100, 50_000, 1 << 20])
@pytest.mark.parametrize("records", [0, 1, 9, 200])
@pytest.mark.parametrize("others", [0, 3])
async def test_a_small_disk_that_fills_between_two_checks_keeps_its_floor(
    tmp_path, body_bytes, records, others
):
    """Bytes written since the last check count; the timer does not run in this test."""
    record = body_bytes + 800
    disk = FillingDisk(FLOOR + records * record + 100, others_bytes=others * record)
    async with a_writer(tmp_path / "raw", disk, min_free_bytes=FLOOR, commit_timeout_seconds=600) as writer:
        writer._tick_seconds = 600.0
        with pytest.raises(StorageFull):
            for number in range(4 * records + 20):
                await writer.append(replace(a_submission(number), body=bytes(body_bytes)))
        assert isinstance(writer.refusal, StorageFull)

    # Header and seal are added, and the bytes that other writers write after the last check.
    assert disk.free_bytes >= FLOOR - 3 * others * record - 200


async def test_far_above_the_floor_only_the_timer_checks_the_disk(tmp_path):
    """A check for each commit would be slow on a network file system."""
    disk = FillingDisk(1 << 40)
    async with a_writer(tmp_path / "raw", disk, min_free_bytes=FLOOR, commit_timeout_seconds=600) as writer:
        writer._tick_seconds = 600.0
        await append_all(writer, range(50))

    assert disk.looks <= 3


async def test_an_idle_writer_does_not_check_the_disk(tmp_path):
    """It checks after the last submission, then only for new submissions or on request."""
    disk = CrampedDisk(2000)
    async with a_writer(tmp_path / "raw", disk, min_free_bytes=1000, tick_seconds=0.05) as writer:
        await asyncio.sleep(0.2)
        assert disk.looks == 1
        await writer.append(a_submission(1))
        await until(lambda: disk.looks > 1)
        looks = 0
        while looks != disk.looks:  # until the writer is idle
            looks = disk.looks
            await asyncio.sleep(0.3)
        await writer.check_disk()
        assert disk.looks == looks + 1


async def test_an_idle_writer_refuses_after_the_disk_has_filled_up(tmp_path):
    """The next submission is refused, and `refusal` reports the full disk after a check."""
    disk = CrampedDisk(2000)
    async with a_writer(tmp_path / "raw", disk, min_free_bytes=1000, tick_seconds=0.05) as writer:
        disk.free_bytes = 999
        assert writer.refusal is None
        assert await append_all(writer, [1]) == []
        disk.free_bytes = 2000
        await until(lambda: writer.refusal is None)
        assert await append_all(writer, [2]) == [2]
        await asyncio.sleep(0.3)
        disk.free_bytes = 999
        await writer.check_disk()
        assert isinstance(writer.refusal, StorageFull)

    assert kept(tmp_path / "raw") == [2]


async def test_reserved_space_is_released_on_a_full_disk(tmp_path):
    """So segments can still be sealed and events logged."""
    disk = FaultyDisk("write_some", nth=3, error=errno.ENOSPC)
    async with a_writer(tmp_path / "raw", disk, reserve_bytes=1 << 20) as writer:
        spare = tmp_path / "raw" / ".reserve-0"
        assert spare.stat().st_blocks * 512 >= 1 << 20
        await writer.append(a_submission(1))
        with pytest.raises(StorageFull):
            await writer.append(a_submission(2))
        assert not spare.exists()

    assert kept(tmp_path / "raw") == [1]


async def test_an_idle_writer_seals_an_old_segment(tmp_path):
    """It is sealed without a further submission, so readers need not wait for one."""
    async with a_writer(tmp_path / "raw", max_segment_age_seconds=0.05, tick_seconds=0.05) as writer:
        await writer.append(a_submission(1))
        (segment,) = segments(tmp_path / "raw")
        await until(lambda: scan_segment(segment.path, 0, **ALL).state == SegmentState.SEALED)
        await writer.append(a_submission(2))

    assert len(list(segments(tmp_path / "raw"))) == 2


async def test_midnight_starts_a_new_segment(tmp_path):
    """This holds within a batch, and for an idle writer."""
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    batch = [a_submission(n, received_at=midnight + timedelta(microseconds=n - 3)) for n in range(1, 6)]
    now = [NOON]
    async with a_writer(tmp_path / "raw", clock=lambda: now[0], tick_seconds=0.05) as writer:
        await asyncio.gather(*[writer.append(submission) for submission in batch])
        found = {
            segment.path.parent.name: len(scan_segment(segment.path, 0, **ALL).spans)
            for segment in segments(tmp_path / "raw")
        }
        now[0] = midnight + timedelta(days=1)
        await until(lambda: states_in(tmp_path / "raw") == {SegmentState.SEALED})

    assert found == {"20261122": 2, "20261123": 3}


async def test_a_closing_writer_commits_accepted_submissions(tmp_path):
    """It accepts no more submissions."""
    disk = StuckDisk()
    async with a_writer(tmp_path / "raw", disk) as writer, disk:
        taken = asyncio.create_task(writer.append(a_submission(1)))
        await asyncio.sleep(0.05)
        waiting = asyncio.create_task(writer.append(a_submission(2)))
        await asyncio.sleep(0)
        closing = asyncio.create_task(writer.close())
        await asyncio.sleep(0)
        with pytest.raises(WriterClosed):
            await writer.append(a_submission(3))
        disk.let_go.set()
        await asyncio.gather(taken, waiting, closing)

    assert kept(tmp_path / "raw") == [1, 2]


async def test_unfinished_segments_of_a_killed_writer_are_removed(tmp_path):
    """Only old ones are removed: a young one may be in use by another writer."""
    day = tmp_path / "raw" / "20261122"
    day.mkdir(parents=True)
    old, young = day / ".1-00-1.tlg.new", day / ".2-00-1.tlg.new"
    old.touch()
    young.touch()
    os.utime(old, (0, 0))

    async with a_writer(tmp_path / "raw"):
        pass

    assert list(day.iterdir()) == [young]
