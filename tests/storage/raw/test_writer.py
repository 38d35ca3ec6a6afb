"""A 200 is a promise: what `append` said was kept is there, whatever the disk did meanwhile."""

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
from tests.support.waiting import until

ALL = {"max_bytes": 1 << 40, "max_records": 1 << 40}


def a_writer(raw: Path, disk: Disk | None = None, **options) -> RawWriter:
    """A writer without reserved space, on the real disk by default."""
    return RawWriter(raw, **({"disk": disk, "min_free_bytes": 0, "reserve_bytes": 0} | options))


def kept(raw: Path) -> list[int]:
    """The numbers of the submissions that a reader finds."""
    found = []
    for segment in segments(raw):
        scan = scan_segment(segment.path, 0, **ALL)
        descriptor = os.open(segment.path, os.O_RDONLY)
        found += [number_of(read_submission(descriptor, span)) for span in scan.spans]
        os.close(descriptor)
    return found


async def look_again(writer: RawWriter, disk: CrampedDisk) -> None:
    """Return once *writer* has looked twice at *disk*: what the first look found is in force by then."""
    looks = disk.looks
    async with asyncio.timeout(30):
        while disk.looks < looks + 2:
            await writer.look()
            await asyncio.sleep(0.01)


async def append_all(writer: RawWriter, numbers) -> list[int]:
    """Append them one by one; those that were promised."""
    promised = []
    for number in numbers:
        try:
            await writer.append(a_submission(number))
        except StorageError:
            continue
        promised.append(number)
    return promised


async def test_what_was_kept_is_read_and_the_segment_is_sealed(tmp_path):
    """One segment under the day of receipt, private to its owner."""
    async with a_writer(tmp_path / "raw") as writer:
        await asyncio.gather(*[writer.append(a_submission(number)) for number in range(1, 101)])
        during = kept(tmp_path / "raw")

    (segment,) = segments(tmp_path / "raw")
    assert during == kept(tmp_path / "raw") == list(range(1, 101))
    assert scan_segment(segment.path, 0, **ALL).state == SegmentState.SEALED
    assert segment.path.parent.name == "20261122"
    assert segment.path.stat().st_mode & 0o777 == 0o600
    assert segment.path.parent.stat().st_mode & 0o777 == 0o700


async def test_those_who_wait_together_share_a_sync(tmp_path):
    """A hundred at once take few commits; each commit is reported."""
    commits = []
    async with a_writer(tmp_path / "raw", on_commit=commits.append) as writer:
        await asyncio.gather(*[writer.append(a_submission(number)) for number in range(1, 101)])

    assert len(commits) == writer.statistics().commits <= 2
    assert sum(commit.submissions for commit in commits) == writer.statistics().kept_submissions == 100
    assert all(commit.seconds > 0 for commit in commits)


async def test_a_writer_that_got_nothing_leaves_no_segment(tmp_path):
    """Nor a spare file."""
    async with RawWriter(tmp_path / "raw", min_free_bytes=0):
        pass

    assert list((tmp_path / "raw").iterdir()) == []


async def test_a_cancelled_append_tears_nothing(tmp_path):
    """Whoever hangs up gives up the answer; the others of the batch get theirs."""
    disk = StuckDisk()
    async with a_writer(tmp_path / "raw", disk) as writer:
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
async def test_wherever_the_disk_fails_no_promise_is_broken(tmp_path, error, short):
    """
    At each operation of a run with three segments, until a run ends without a fault.

    What was promised is read exactly once.  What was not may be read at most once.
    """
    n = 0
    while True:
        n += 1
        raw = tmp_path / str(n) / "raw"
        raw.parent.mkdir()
        disk = FaultyDisk(nth=n, error=error, short=short)
        promised = []
        try:
            async with a_writer(raw, disk, max_segment_bytes=1500) as writer:
                promised = await append_all(writer, range(1, 13))
                is_dead = writer.statistics().is_dead
        except OSError:
            is_dead = False
        found = kept(raw)
        assert len(found) == len(set(found))
        assert set(promised) <= set(found), f"operation {n} ({disk.calls[n - 1]})"
        if not disk.failed:
            break
        if is_dead:
            # No sync is ever tried again, and nothing promised after it.
            assert not [call for call in disk.calls[n:] if "sync" in call]
            assert promised == list(range(1, len(promised) + 1))

    assert promised == list(range(1, 13))
    assert n > 40


@pytest.mark.parametrize("operation", ["write_some", "create", "rename_new"])
async def test_a_full_disk_fails_its_own_batch_and_no_other(tmp_path, operation):
    """A batch that a full disk refused is not acknowledged; the next batch is kept."""
    nth = 3 if operation == "write_some" else 2
    disk = FaultyDisk(operation, nth=nth, error=errno.ENOSPC, short=True)
    async with a_writer(tmp_path / "raw", disk, max_segment_bytes=10, tick_seconds=0.05) as writer:
        promised = await append_all(writer, [1])
        with pytest.raises(StorageFull):
            await writer.append(a_submission(2))
        with pytest.raises(StorageFull):
            await writer.append(a_submission(2))
        await until(lambda: writer.refusal is None)  # the next look at the disk finds room
        promised += await append_all(writer, [3])

    assert promised == [1, 3]
    assert kept(tmp_path / "raw") == [1, 3]


@pytest.mark.parametrize("operation", ["sync_data", "sync", "sync_directory"])
async def test_after_a_failed_sync_nothing_is_promised_any_more(tmp_path, operation):
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


@pytest.mark.parametrize("most", [1, 7, 300])
async def test_short_writes_are_finished(tmp_path, most):
    """A short write is continued, not failed."""
    async with a_writer(tmp_path / "raw", StutteringDisk(most)) as writer:
        await append_all(writer, range(1, 6))

    assert kept(tmp_path / "raw") == [1, 2, 3, 4, 5]


async def test_a_power_cut_at_any_moment_keeps_what_was_promised(tmp_path):
    """Bytes, sizes and names that were not synced are gone; none of them was promised."""
    (tmp_path / "disk").mkdir()
    disk = ForgetfulDisk(tmp_path / "disk")
    promised = []
    async with a_writer(tmp_path / "disk" / "raw", disk, max_segment_bytes=600) as writer:
        for number in range(1, 11):
            promised += await append_all(writer, [number])
            disk.survivors(tmp_path / f"after-{number}")
            assert kept(tmp_path / f"after-{number}" / "raw") == promised

    assert len(list(segments(tmp_path / "disk" / "raw"))) >= 3


async def test_a_disk_that_does_not_sync_is_found_out(tmp_path):
    """The control of the test above: without data syncs it must lose something."""
    (tmp_path / "disk").mkdir()

    class Liar(ForgetfulDisk):
        def sync_data(self, descriptor: int) -> None:
            pass

    disk = Liar(tmp_path / "disk")
    async with a_writer(tmp_path / "disk" / "raw", disk) as writer:
        await append_all(writer, [1, 2])
        disk.survivors(tmp_path / "after")

    assert kept(tmp_path / "after" / "raw") == []


async def test_a_slow_disk_refuses_rather_than_grows(tmp_path):
    """After the timeout all waiting submissions fail, and new ones are refused until the disk works again."""
    disk = StuckDisk()
    async with a_writer(tmp_path / "raw", disk, commit_timeout_seconds=0.1) as writer:
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
        promised = await append_all(writer, [4])

    assert promised == [4]
    assert kept(tmp_path / "raw") == [1, 4]


async def test_the_queue_is_bounded(tmp_path):
    """By number and by bytes; one large submission always fits."""
    disk = StuckDisk()
    async with a_writer(tmp_path / "raw", disk) as writer:
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


async def test_below_the_floor_nothing_is_taken_until_there_is_half_as_much_again(tmp_path):
    """Hysteresis: the answer does not flutter."""
    disk = CrampedDisk(99_999)
    async with a_writer(tmp_path / "raw", disk, min_free_bytes=100_000, tick_seconds=0.05) as writer:
        assert await append_all(writer, [1]) == []
        assert isinstance(writer.refusal, StorageFull)
        disk.free_bytes = 149_999
        await look_again(writer, disk)
        assert await append_all(writer, [2]) == []
        disk.free_bytes = 150_000
        await look_again(writer, disk)
        assert await append_all(writer, [3]) == [3]
        assert writer.refusal is None
        disk.free_bytes = 110_000
        await look_again(writer, disk)
        assert await append_all(writer, [4]) == [4]


FLOOR = 8 << 20


@pytest.mark.parametrize("body_bytes", [100, 50_000, 1 << 20])
@pytest.mark.parametrize("records", [0, 1, 9, 200])
@pytest.mark.parametrize("others", [0, 3])
async def test_a_small_disk_that_fills_between_two_looks_keeps_its_floor(
    tmp_path, body_bytes, records, others
):
    """What was written since the last look counts: no timer comes in between here."""
    record = body_bytes + 800
    disk = FillingDisk(FLOOR + records * record + 100, others_bytes=others * record)
    async with a_writer(tmp_path / "raw", disk, min_free_bytes=FLOOR, commit_timeout_seconds=600) as writer:
        writer._tick_seconds = 600.0
        with pytest.raises(StorageFull):
            for number in range(4 * records + 20):
                await writer.append(replace(a_submission(number), body=bytes(body_bytes)))
        assert isinstance(writer.refusal, StorageFull)

    # Header and seal come on top, and what others write beside these three after the last look.
    assert disk.free_bytes >= FLOOR - 3 * others * record - 200


async def test_far_above_the_floor_only_the_timer_looks(tmp_path):
    """A look for each commit would cost something on a network's file system."""
    disk = FillingDisk(1 << 40)
    async with a_writer(tmp_path / "raw", disk, min_free_bytes=FLOOR, commit_timeout_seconds=600) as writer:
        writer._tick_seconds = 600.0
        await append_all(writer, range(50))

    assert disk.looks <= 3


async def test_at_rest_nobody_looks_at_the_disk(tmp_path):
    """A look after the last submission, then none until something comes or somebody asks."""
    disk = CrampedDisk(2000)
    async with a_writer(tmp_path / "raw", disk, min_free_bytes=1000, tick_seconds=0.05) as writer:
        await asyncio.sleep(0.2)
        assert disk.looks == 1
        await writer.append(a_submission(1))
        await until(lambda: disk.looks > 1)
        looks = 0
        while looks != disk.looks:  # it comes to rest
            looks = disk.looks
            await asyncio.sleep(0.3)
        await writer.look()
        assert disk.looks == looks + 1


async def test_a_disk_that_filled_up_during_a_rest_takes_nothing(tmp_path):
    """The first submission after it is refused, and `refusal` reports it before."""
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
        await writer.look()
        assert isinstance(writer.refusal, StorageFull)

    assert kept(tmp_path / "raw") == [2]


async def test_room_is_kept_back_and_given_up_on_a_full_disk(tmp_path):
    """So that what runs can still be sealed and logged."""
    disk = FaultyDisk("write_some", nth=3, error=errno.ENOSPC)
    async with a_writer(tmp_path / "raw", disk, reserve_bytes=1 << 20) as writer:
        spare = tmp_path / "raw" / ".reserve-0"
        assert spare.stat().st_blocks * 512 >= 1 << 20
        await writer.append(a_submission(1))
        with pytest.raises(StorageFull):
            await writer.append(a_submission(2))
        assert not spare.exists()

    assert kept(tmp_path / "raw") == [1]


async def test_an_idle_writer_seals_a_segment_that_is_old(tmp_path):
    """It is sealed without a further submission, so readers need not wait for one."""
    async with a_writer(tmp_path / "raw", max_segment_age_seconds=0.05, tick_seconds=0.05) as writer:
        await writer.append(a_submission(1))
        (segment,) = segments(tmp_path / "raw")
        await until(lambda: scan_segment(segment.path, 0, **ALL).state == SegmentState.SEALED)
        await writer.append(a_submission(2))

    assert len(list(segments(tmp_path / "raw"))) == 2


async def test_midnight_begins_a_new_day(tmp_path):
    """Also in the middle of a batch, and for an idle writer."""
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
        await asyncio.sleep(0.15)
        states = {scan_segment(segment.path, 0, **ALL).state for segment in segments(tmp_path / "raw")}

    assert found == {"20261122": 2, "20261123": 3}
    assert states == {SegmentState.SEALED}


async def test_a_closing_writer_finishes_what_it_took(tmp_path):
    """And takes nothing more."""
    disk = StuckDisk()
    async with a_writer(tmp_path / "raw", disk) as writer:
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
    """A segment that never got its name; a young one may be another writer's."""
    day = tmp_path / "raw" / "20261122"
    day.mkdir(parents=True)
    old, young = day / ".1-00-1.tlg.new", day / ".2-00-1.tlg.new"
    old.touch()
    young.touch()
    os.utime(old, (0, 0))

    async with a_writer(tmp_path / "raw"):
        pass

    assert list(day.iterdir()) == [young]
