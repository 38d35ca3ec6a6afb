"""The queue of a writer is bounded, and is the same in C and in Python."""

from datetime import date
from random import Random

import pytest

from storage.errors import WriterBusy, WriterClosed
from storage.raw import submission_queue
from storage.raw.record_frames import RawRecord
from storage.raw.submission_queue import (
    MAX_WAITING_BYTES,
    MAX_WAITING_SUBMISSIONS,
    RECORD_OVERHEAD_BYTES,
    FutureWaiter,
    PlainQueue,
    SubmissionQueue,
)
from tests.support.sizes import size

DAY = date(2026, 1, 1)
STEPS = size(5_000, 100_000)
WAITER = FutureWaiter(None)  # type: ignore[arg-type]


def a_record(body: bytes = b"{}", start: int = 0) -> RawRecord:
    """Return a record with *body*, which begins at *start*."""
    return RawRecord(DAY, b"{}", bytes(start) + body, start)


class Rig:
    """A queue of one form with small bounds, and what it called."""

    def __init__(self, form) -> None:
        self.called: list[object] = []
        called = self.called

        class Queue(form):
            def _refuse(self, record):
                called.append(record)

        self.queue = Queue(lambda: called.append(len(self.queue._records)), 8, 1000, 500, 50)

    def state(self):
        """Return all that may differ."""
        queue = self.queue
        return queue._records, queue._waiters, queue.size_bytes, self.called


def compare(chance: Random, form, steps: int) -> None:
    """Compare *form* with the reference after each of many steps in any order."""
    rigs = [Rig(PlainQueue), Rig(form)]
    for step in range(steps):
        what, number, is_open = chance.randrange(12), chance.randrange(1, 10), chance.random() < 0.8
        record = a_record(bytes(chance.choice([0, 1, 100, 449, 450, 451, 900])), chance.randrange(3))
        for rig in rigs:
            queue = rig.queue
            if what < 9:
                queue.add(record, step)
            elif what == 9:
                queue.enough_submissions, queue.enough_bytes = number, 200 * number
            elif what == 10:
                queue._records, queue._waiters, queue.size_bytes = [], [], 0
                del rig.called[:]
            else:
                queue.is_open = is_open
        assert rigs[0].state() == rigs[1].state(), step


@pytest.mark.skipif(not submission_queue.IS_COMPILED, reason="built without the compiled part")
def test_both_forms_do_the_same():
    """What waits, and what was called."""
    compare(Random(1), submission_queue.Queue, STEPS)


@pytest.mark.skipif(not submission_queue.IS_COMPILED, reason="built without the compiled part")
@pytest.mark.parametrize(
    "arguments",
    [(), (a_record(),), ((1, 2, 3, 4), WAITER), ((DAY, b"", b"", 1 << 70), WAITER), (b"", WAITER)],
)
def test_the_compiled_form_refuses_what_is_not_a_record(arguments):
    """It reads the parts of a record without asking for their names."""
    queue = SubmissionQueue(lambda: None, lambda: WriterClosed("over"))
    with pytest.raises((TypeError, OverflowError)):
        queue.add(*arguments)

    assert (len(queue), queue.size_bytes) == (0, 0)


def test_a_full_queue_is_busy_and_an_empty_one_takes_any_record():
    """By number, and by bytes."""
    queue = SubmissionQueue(lambda: None, lambda: WriterClosed("over"))
    large = a_record(bytes(MAX_WAITING_BYTES + 1))
    queue.add(large, WAITER)
    with pytest.raises(WriterBusy):
        queue.add(a_record(), WAITER)
    assert queue.take_batch() == ([large], [WAITER], len(large.text) + RECORD_OVERHEAD_BYTES)

    for _ in range(MAX_WAITING_SUBMISSIONS):
        queue.add(a_record(), WAITER)
    with pytest.raises(WriterBusy):
        queue.add(a_record(), WAITER)

    assert len(queue) == MAX_WAITING_SUBMISSIONS


def test_a_closed_queue_gives_its_reason():
    """That of the writer."""
    queue = SubmissionQueue(lambda: None, lambda: WriterClosed("over"))
    queue.is_open = False
    with pytest.raises(WriterClosed, match="over"):
        queue.add(a_record(), WAITER)


def test_it_calls_when_enough_wait():
    """By number, or by bytes."""
    calls: list[int] = []
    queue = SubmissionQueue(lambda: calls.append(len(queue)), lambda: WriterClosed("over"))
    queue.call_at(3, 1 << 20)
    for _ in range(4):
        queue.add(a_record(), WAITER)
    queue.call_at(100, 5 * (2 + RECORD_OVERHEAD_BYTES))
    queue.add(a_record(), WAITER)

    assert calls == [3, 4, 5]
