"""The event loop waits for a commit that many share, but never for long."""

import asyncio
import threading
import time
from contextlib import contextmanager

import pytest

from storage.raw.commit_results import (
    MAX_MEAN_BYTES,
    MAX_WAITS,
    WAIT_SECONDS,
    CommitResults,
)
from storage.raw.gathering import MIN_GATHERED
from storage.raw.handover import Commit, Handover, PlainHandover
from storage.raw.record_frames import record_of
from storage.raw.writer import RawWriter
from tests.support.faulty_disk import StuckDisk
from tests.support.submissions import a_submission
from tests.support.waiting import PATIENCE_SECONDS, until

RECORD = record_of(a_submission())
FORMS = [PlainHandover, Handover]


@contextmanager
def some_results(form=Handover, seconds=0.0):
    """Yield results of the running loop, the numbers of its commits, and an event that a wake-up sets."""
    loop, found, done = asyncio.get_running_loop(), [], threading.Event()

    class Thread(form):
        def commit(self, _records, size_bytes):
            time.sleep(seconds)
            return Commit(size_bytes, 0, 0.0)

        def place(self):
            return None

    handover = Thread(lambda: (loop.call_soon_threadsafe(results.take), done.set()), Commit)
    results = CommitResults(loop, handover, lambda commit: found.append(commit.submissions))
    thread = threading.Thread(target=handover.work)
    thread.start()
    try:
        yield results, found, done
    finally:
        handover.put(None)
        thread.join()


async def turns_while(condition) -> int:
    """Return how many turns the loop made while *condition* was true."""
    turns = 0
    while condition():
        turns += 1
        await asyncio.sleep(0)
    return turns


@pytest.mark.parametrize("submissions", [1, MIN_GATHERED])
@pytest.mark.parametrize("form", FORMS)
async def test_each_result_arrives_once_in_order(form, submissions):
    """Whether the loop waits for it or is woken up."""
    with some_results(form) as (results, found, _):
        for number in range(100):
            results.expect([RECORD] * submissions, number)
            await until(lambda number=number: found and found[-1] == number)
        await asyncio.sleep(0.01)

    assert found == [*range(100)]


@pytest.mark.parametrize("form", FORMS)
async def test_the_loop_makes_few_turns_until_a_result_that_many_wait_for(form):
    """Each turn reads what has arrived, for the next commit."""
    loop = asyncio.get_running_loop()
    with some_results(form, 3 * WAIT_SECONDS) as (results, found, _):
        began = loop.time()
        results.expect([RECORD] * MIN_GATHERED, 0)
        turns = await turns_while(lambda: not found and loop.time() < began + MAX_WAITS * WAIT_SECONDS)
        await until(lambda: found)

    assert turns <= MAX_WAITS + 2


@pytest.mark.parametrize(
    ("submissions", "mean_bytes", "waits"),
    [
        (MIN_GATHERED, MAX_MEAN_BYTES, True),
        (MIN_GATHERED - 1, MAX_MEAN_BYTES, False),
        (MIN_GATHERED, MAX_MEAN_BYTES + 1, False),
    ],
)
async def test_the_loop_waits_for_many_small_submissions(submissions, mean_bytes, waits):
    """A single client gets its answer as soon as the loop is woken up; large bodies are read at once."""
    with some_results() as (results, found, _):
        results.expect([RECORD] * submissions, submissions * mean_bytes)

        assert results._is_wait_due == waits
        await until(lambda: found)


async def test_with_a_stalled_disk_the_loop_soon_runs_as_usual(tmp_path):
    """Its other work is late by a few milliseconds once, and then not at all."""
    disk = StuckDisk()
    async with (
        RawWriter(tmp_path / "raw", disk=disk, min_free_bytes=0, reserve_bytes=0) as writer,
        asyncio.TaskGroup() as group,
        disk,
    ):
        for number in range(2 * MIN_GATHERED):
            group.create_task(writer.append(a_submission(number + 1)))
        await until(lambda: disk.syncs)
        for _ in range(MAX_WAITS + 1):
            await asyncio.sleep(0)

        assert not writer._results._is_wait_due
        disk.let_go.set()

    assert writer.statistics().kept_submissions == 2 * MIN_GATHERED


@pytest.mark.parametrize("form", FORMS)
async def test_a_second_commit_may_follow_before_the_turn_that_the_first_asked_for(form):
    """The loop is woken up for the first; a wait for the second may take either."""
    with some_results(form) as (results, found, done):
        results.expect([RECORD], 1)
        done.wait(PATIENCE_SECONDS)
        results.expect([RECORD] * MIN_GATHERED, 2)
        await until(lambda: len(found) == 2)

    assert found == [1, 2]
