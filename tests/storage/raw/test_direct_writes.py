"""Large batches are written in whole pages without the page cache, and read like all others."""

import asyncio
import errno
import os
import select
import threading
from pathlib import Path
from random import Random

import pytest

from storage.errors import StorageFull
from storage.integrity.raw_count import count_segment
from storage.raw import handover
from storage.raw.framing import FILE_HEADER_BYTES
from storage.raw.intact_records import intact
from storage.raw.reader import read_submission, scan_segment
from storage.raw.segment_paths import segments
from storage.raw.writer import RawWriter
from tests.storage.raw.test_handover import PREFIX, a_record, result_of, rig_of, working
from tests.storage.raw.test_usual_commits import files_end_at, next_is_kept
from tests.storage.raw.test_writer import a_writer, kept
from tests.support.sizes import size
from tests.support.submissions import NOON, a_submission, number_of
from tests.support.waiting import until

PAGE_BYTES = 4096
LARGE = 100  # submissions of 2 KB
ROUNDS = size(40, 2_000)

pytestmark = pytest.mark.skipif(not handover.IS_COMPILED, reason="built without the compiled part")


def numbered(first: int, count: int, body_bytes: int = 2_000) -> list:
    """Return *count* submissions with different numbers and random bodies."""
    chance = Random(first)
    return [a_submission(number, body=chance.randbytes(body_bytes)) for number in range(first, first + count)]


async def append(writer: RawWriter, batch: list) -> None:
    """Append *batch* as one."""
    await asyncio.gather(*(writer.append(submission) for submission in batch))


def length_of(raw: Path) -> int:
    """Return the length of the only segment."""
    (segment,) = segments(raw)
    return segment.path.stat().st_size


@pytest.fixture
def raw(tmp_path) -> Path:
    """Return a folder for a raw store, where files can be written without the page cache."""
    try:
        os.close(os.open(tmp_path / "tried", os.O_WRONLY | os.O_CREAT | os.O_DIRECT))
    except OSError:
        pytest.skip("this file system has no direct writes")
    return tmp_path / "raw"


async def replace_direct_descriptor(writer: RawWriter, other: int) -> None:
    """Replace what the descriptor for direct writes is of, and close *other*."""
    # The thread opens it after the first commit, when the result may be known already.
    await until(lambda: writer._series.open._direct_descriptor is not None)
    direct = writer._series.open._direct_descriptor
    assert direct >= 0
    os.dup2(other, direct, inheritable=False)
    os.close(other)


async def test_a_large_batch_fills_its_last_page_and_a_small_one_does_not(raw):
    """The first one of a segment is written by Python, and never fills a page."""
    ends, batches = [], [numbered(1, 1), numbered(2, LARGE), numbered(102, LARGE), numbered(202, 3)]
    async with a_writer(raw, clock=lambda: NOON) as writer:
        for batch in [*batches, numbered(205, LARGE)]:
            await append(writer, batch)
            ends.append(length_of(raw))
        assert writer.statistics().kept_bytes == ends[-1] - FILE_HEADER_BYTES

    assert [end % PAGE_BYTES == 0 for end in ends] == [False, True, True, False, True]
    assert kept(raw) == list(range(1, 305))


async def test_random_batches_are_read_as_they_were_written(raw):
    """By the scan and by the count in C, with every size from nothing to a body that is too large to copy."""
    chance, expected = Random(7), {}
    async with a_writer(raw, clock=lambda: NOON, max_segment_bytes=30 << 20) as writer:
        for _ in range(ROUNDS):
            count, most = chance.choice([(1, 100), (1, 100_000), (1, 9 << 20), (40, 5_000), (300, 900)])
            batch = numbered(len(expected) + 1, count, chance.randrange(most))
            expected |= {number_of(each): each.body for each in batch}
            await append(writer, batch)

    found = {}
    for segment in segments(raw):
        scan = scan_segment(segment.path, 0, max_bytes=1 << 40, max_records=1 << 40)
        assert (scan.finished, scan.damage.records) == (True, 0)
        counted = count_segment(segment.path, scan.end)
        assert (counted.read, counted.damaged) == (len(scan.spans), 0)
        descriptor = os.open(segment.path, os.O_RDONLY)
        for span in scan.spans:
            submission = read_submission(descriptor, span)
            found[number_of(submission)] = submission.body
        os.close(descriptor)
    assert found == expected


async def test_a_reader_at_the_end_sees_whole_batches_and_no_damage(raw):
    """It reads the open segment while batches are added, again and again."""
    over, seen = threading.Event(), []

    def read() -> None:
        ends: dict[Path, int] = {}
        while not over.is_set():
            for segment in segments(raw):
                start = ends.get(segment.path, 0)
                scan = scan_segment(segment.path, start, max_bytes=1 << 40, max_records=1 << 40)
                descriptor = os.open(segment.path, os.O_RDONLY)
                seen.extend(number_of(read_submission(descriptor, span)) for span in scan.spans)
                os.close(descriptor)
                assert scan.damage.records == 0
                ends[segment.path] = scan.end
        seen.append(None)

    async with a_writer(raw, clock=lambda: NOON) as writer:
        await append(writer, numbered(1, 1))
        reading = threading.Thread(target=read)
        reading.start()
        last = 1
        for number in range(ROUNDS):
            count = (LARGE, LARGE, 3)[number % 3]
            await append(writer, numbered(last + 1, count))
            last += count
        for _ in range(1000):
            if last in seen:
                break
            await asyncio.sleep(0.01)
        over.set()
        reading.join()

    assert seen == [*range(1, last + 1), None]


async def test_where_direct_writes_are_refused_the_page_cache_is_used(raw):
    """A disk with larger blocks answers as this descriptor does; the batch is written all the same."""
    async with a_writer(raw, clock=lambda: NOON) as writer:
        await append(writer, numbered(1, 1))
        with select.epoll() as refusing:
            with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
                os.write(refusing.fileno(), b"x" * PAGE_BYTES)
            await replace_direct_descriptor(writer, os.dup(refusing.fileno()))
        await append(writer, numbered(2, LARGE))
        await append(writer, numbered(102, LARGE))

    assert kept(raw) == list(range(1, 202))


async def test_a_direct_write_to_a_full_disk_fails_only_the_current_batch(raw):
    """The next batch goes to a new segment."""
    async with a_writer(raw, clock=lambda: NOON, tick_seconds=600.0) as writer:
        await append(writer, numbered(1, 1))
        await replace_direct_descriptor(writer, os.open("/dev/full", os.O_WRONLY))
        results = await asyncio.gather(
            *(writer.append(each) for each in numbered(2, LARGE)), return_exceptions=True
        )
        assert {type(result) for result in results} == {StorageFull}
        writer._tick()
        while writer.refusal is not None:
            await asyncio.sleep(0.01)
        await append(writer, numbered(200, 1))

    assert kept(raw) == [1, 200]
    assert len(list(segments(raw))) == 2


@pytest.mark.parametrize("rest_bytes", [PAGE_BYTES, 100])
async def test_a_direct_write_that_ends_halfway_fails_only_the_current_batch(raw, rest_bytes):
    """Where it ends within a block, the page cache takes what still fits."""
    async with a_writer(raw, clock=lambda: NOON, tick_seconds=600.0) as writer:
        await append(writer, numbered(1, 1))
        await append(writer, numbered(2, LARGE))
        end = length_of(raw) + PAGE_BYTES + rest_bytes
        with files_end_at(end):
            results = await asyncio.gather(
                *(writer.append(each) for each in numbered(200, LARGE)), return_exceptions=True
            )
        assert {type(result) for result in results} == {StorageFull}
        assert length_of(raw) == end
        await next_is_kept(writer, 300)

    assert kept(raw)[: LARGE + 1] == list(range(1, LARGE + 2))
    assert kept(raw)[-1] == 300


@pytest.mark.parametrize("left_bytes", [0, 1, 8, 35, 36, 37, 43, 44, 100, PAGE_BYTES - 1])
def test_a_page_is_filled_from_every_place(tmp_path, left_bytes):
    """A mark that does not fit into the rest of a page goes on to the end of the next one."""
    records, prefix = [a_record(bytes(3_000))] * 40, PREFIX
    start = 10 * PAGE_BYTES - left_bytes
    with (tmp_path / "segment").open("wb+") as file:
        file.truncate(start)
        direct = os.open(file.name, os.O_WRONLY | os.O_APPEND | os.O_DIRECT)
        cached = os.open(file.name, os.O_WRONLY | os.O_APPEND)
        rig = rig_of(handover.Handover, cached, direct)
        rig.length = start
        with working(rig):
            rig.begin(records, 40 * 3_500)
            submissions, written_bytes = result_of(rig)
        text = os.pread(file.fileno(), 1 << 20, start)
        for descriptor in (direct, cached):
            os.close(descriptor)

    skipped = -start % 8
    end, last, headers, _ = intact(text[skipped:], len(text), prefix, 0)
    assert (submissions, len(headers), last) == (40, 40, 40)
    assert end + skipped == len(text) == written_bytes
    assert (start + len(text)) % PAGE_BYTES == 0
    assert rig.by_python == 0


async def test_both_descriptors_of_a_segment_are_closed(raw):
    """No descriptor is left after a segment was sealed, or abandoned."""
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    async with a_writer(raw, clock=lambda: NOON, max_segment_bytes=1) as writer:
        for number in range(1, 6):
            await append(writer, numbered(number, 1))
        writer._series.abandon()

    assert len(list(Path("/proc/self/fd").iterdir())) == open_before
