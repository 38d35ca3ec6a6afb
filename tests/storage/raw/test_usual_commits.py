"""A usual commit whose write or sync fails on the real disk is not acknowledged, and nothing else is lost."""

import asyncio
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from storage.errors import StorageError, StorageFull, WriterDead
from storage.raw import handover
from storage.raw.reader import segments
from storage.raw.writer import RawWriter
from tests.storage.raw.test_writer import a_writer, kept
from tests.support.submissions import NOON, a_submission
from tests.support.waiting import until


def replace_open_segment(writer: RawWriter, path: str, flags: int) -> None:
    """Replace what the descriptor of the open segment is of by *path*."""
    other = os.open(path, flags)
    os.dup2(other, writer._series.open._descriptor, inheritable=False)
    os.close(other)


async def failure_of(writer: RawWriter, number: int) -> StorageError:
    """Return the error of a submission; where the compiled form was built, Python did not write it."""
    committer, by_python = writer._committer, []
    commit = committer.commit
    committer.commit = lambda *batch: (by_python.append(batch), commit(*batch))[1]
    with pytest.raises(StorageError) as failed:
        await writer.append(a_submission(number))
    del committer.commit
    assert bool(by_python) != handover.IS_COMPILED
    return failed.value


async def next_is_kept(writer: RawWriter, number: int) -> None:
    """Append a submission once a check of the disk has found space."""
    writer._tick()
    await until(lambda: writer.refusal is None)
    await writer.append(a_submission(number))


@contextmanager
def files_end_at(length_bytes: int) -> Iterator[None]:
    """Make writes beyond this length fail, in all files of this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_fails_only_the_current_batch(tmp_path):
    """The next batch goes to a new segment."""
    async with a_writer(tmp_path, clock=lambda: NOON, tick_seconds=600.0) as writer:
        await writer.append(a_submission(1))
        replace_open_segment(writer, "/dev/full", os.O_WRONLY)
        assert isinstance(await failure_of(writer, 2), StorageFull)
        await next_is_kept(writer, 3)

    assert kept(tmp_path) == [1, 3]
    assert len(list(segments(tmp_path))) == 2


async def test_a_write_that_ends_halfway_fails_only_the_current_batch(tmp_path):
    """The kernel writes a part of the batch, then nothing; readers pass over that part."""
    async with a_writer(tmp_path, clock=lambda: NOON, tick_seconds=600.0) as writer:
        await writer.append(a_submission(1))
        (segment,) = segments(tmp_path)
        end = segment.path.stat().st_size + 100
        with files_end_at(end):
            assert isinstance(await failure_of(writer, 2), StorageFull)
        assert segment.path.stat().st_size == end
        await next_is_kept(writer, 3)

    assert kept(tmp_path) == [1, 3]


@pytest.mark.parametrize(
    ("flags", "reason"), [(os.O_WRONLY, "could not be synced"), (os.O_RDONLY, "could not be written")]
)
async def test_after_a_failed_sync_or_an_unknown_error_nothing_more_is_acknowledged(tmp_path, flags, reason):
    """The null device cannot sync; a descriptor for reading cannot be written to."""
    async with a_writer(tmp_path, clock=lambda: NOON) as writer:
        death = asyncio.create_task(writer.wait_until_dead())
        await writer.append(a_submission(1))
        replace_open_segment(writer, "/dev/null", flags)
        error = await failure_of(writer, 2)
        assert isinstance(error, WriterDead)
        assert reason in str(error)
        with pytest.raises(WriterDead):
            await writer.append(a_submission(3))
        assert isinstance(await death, WriterDead)

    assert writer.statistics().kept_submissions == 1
    assert kept(tmp_path) == [1]
