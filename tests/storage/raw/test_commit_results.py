"""The event loop waits for a commit that many share, but never for long."""

import asyncio
import threading

import pytest

from storage.raw.commit_results import (
    MAX_MEAN_BYTES,
    MAX_WAITS,
    WAIT_SECONDS,
    CommitResults,
    Result,
)
from storage.raw.commit_thread import Commit
from storage.raw.gathering import MIN_GATHERED
from storage.raw.writer import RawWriter
from tests.support.faulty_disk import StuckDisk
from tests.support.submissions import a_submission
from tests.support.waiting import until

COMMIT = Commit(MIN_GATHERED, 1000, 0.001)


def some_results() -> tuple[CommitResults, list[Result]]:
    """Return results of the running loop, and the list that they are added to."""
    found: list[Result] = []
    return CommitResults(asyncio.get_running_loop(), found.append), found


async def turns_while(condition) -> int:
    """Return how many turns the loop made while *condition* was true."""
    turns = 0
    while condition():
        turns += 1
        await asyncio.sleep(0)
    return turns


@pytest.mark.parametrize("submissions", [1, MIN_GATHERED])
async def test_each_result_arrives_once_in_order(submissions):
    """Whether the loop waits for it or is woken up."""
    results, found = some_results()
    sent = [Commit(number, 0, 0.0) for number in range(100)]
    for commit in sent:
        thread = threading.Thread(target=results.put, args=(commit,))
        results.expect(submissions, 0, thread.start)
        await until(lambda commit=commit: found and found[-1] is commit)
        thread.join()
    await asyncio.sleep(0.01)

    assert found == sent


async def test_the_loop_makes_few_turns_until_a_result_that_many_wait_for():
    """Each turn reads what has arrived, for the next commit."""
    results, found = some_results()
    loop = asyncio.get_running_loop()
    thread = threading.Timer(3 * WAIT_SECONDS, results.put, [COMMIT])
    began = loop.time()
    results.expect(MIN_GATHERED, 0, thread.start)
    turns = await turns_while(lambda: not found and loop.time() < began + MAX_WAITS * WAIT_SECONDS)
    await until(lambda: found)

    assert turns <= MAX_WAITS + 1
    thread.join()


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
    results, _ = some_results()
    began: list[bool] = []
    results.expect(submissions, submissions * mean_bytes, lambda: began.append(True))

    assert results._is_wait_due == waits
    assert began == ([] if waits else [True])  # with the wait, or at once
    await asyncio.sleep(0)
    assert began == [True]


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


async def test_a_second_commit_may_follow_before_the_turn_that_the_first_asked_for():
    """The result of the first is taken in a wait; its wake-up then finds nothing, or the second."""
    results, found = some_results()
    second = Commit(1, 2, 0.003)
    results.put(COMMIT)
    results.expect(MIN_GATHERED, 0, lambda: None)
    await asyncio.sleep(0)
    results.expect(MIN_GATHERED, 0, lambda: results.put(second))
    for _ in range(4):
        await asyncio.sleep(0)

    assert found == [COMMIT, second]
