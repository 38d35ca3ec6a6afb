"""A commit that many clients share waits for those that were just answered."""

import asyncio

import pytest

from storage.errors import WriterClosed
from storage.raw import gathering
from storage.raw.gathering import MIN_GATHERED, PAUSE_SECONDS, Gathering
from storage.raw.submission_queue import SubmissionQueue


def a_queue() -> SubmissionQueue:
    """Return an empty queue."""
    return SubmissionQueue(lambda: None, lambda: WriterClosed("over"))


@pytest.fixture
def pauses(monkeypatch):
    """Return the seconds of each pause of the loop; none of them is slept."""
    found: list[float] = []
    monkeypatch.setattr(gathering, "sleep", found.append)
    return found


@pytest.mark.parametrize(
    ("wanted", "asks", "expected"),
    [
        (MIN_GATHERED, True, [PAUSE_SECONDS]),
        (MIN_GATHERED, False, []),
        (MIN_GATHERED - 1, True, []),
    ],
)
async def test_the_loop_pauses_once_in_the_next_turn(pauses, wanted, asks, expected):
    """The answers of the last commit are sent before."""
    open_gathering = Gathering(a_queue(), lambda: None)
    began = open_gathering.begin(wanted, pauses=asks)
    during = [*pauses]
    for _ in range(3):
        await asyncio.sleep(0)
    open_gathering.end()

    assert began == (wanted >= MIN_GATHERED)
    assert during == []
    assert pauses == expected


async def test_the_loop_does_not_pause_for_a_commit_that_has_begun(pauses):
    """All submissions may arrive in the same turn."""
    open_gathering = Gathering(a_queue(), lambda: None)
    open_gathering.begin(MIN_GATHERED, pauses=True)
    open_gathering.end()
    await asyncio.sleep(0)

    assert pauses == []


async def test_a_commit_waits_a_millisecond_at_most():
    """Then it begins with what there is."""
    ended = asyncio.Event()
    open_gathering = Gathering(a_queue(), ended.set)
    open_gathering.begin(MIN_GATHERED, pauses=True)
    await asyncio.wait_for(ended.wait(), 60)
    open_gathering.end()

    assert not open_gathering.is_open
