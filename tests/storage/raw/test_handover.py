"""Usual commits are the same in C and in Python, and so is what their errors mean."""

import errno
import fcntl
import os
import signal
import struct
import tempfile
import termios
import threading
import time
from contextlib import contextmanager, suppress
from datetime import date
from functools import partial
from pathlib import Path
from random import Random

import pytest

from storage.disk import Disk
from storage.errors import StorageError, StorageFull, WriterBusy, WriterDead
from storage.raw import handover
from storage.raw.handover import Commit, Place, PlainHandover
from storage.raw.record_frames import RawRecord, plain_frame
from tests.storage.raw.test_writer import a_writer
from tests.support.sizes import size
from tests.support.submissions import NOON, a_submission
from tests.support.waiting import PATIENCE_SECONDS

DAY, NEXT_DAY = date(2026, 1, 1), date(2026, 1, 2)
PREFIX = b"\x9fTLRboot"
STEPS = size(300, 5_000)
FORMS = [PlainHandover, handover.Handover]
needs_compiled = pytest.mark.skipif(not handover.IS_COMPILED, reason="built without the compiled part")


def a_record(body: bytes = b"{}", start: int = 0, day: date = DAY, header: bytes = b"{}") -> RawRecord:
    """Return a record with *body*, which begins at *start*."""
    return RawRecord(day, header, bytes(start) + body, start)


def rig_of(form, descriptor: int, direct: int = -1):
    """Return a hand-over of one form that appends to *descriptor*, and notes what it did."""

    class Rig(form):
        def __init__(self) -> None:
            super().__init__(lambda: None, Commit)
            self.length = self.submissions = self.size = self.by_python = 0
            self.max_bytes, self.room_bytes, self.seconds_left = 1 << 40, 1 << 40, 60.0
            self.failures: list[tuple[int, bool]] = []
            self.states: list[tuple[int, int, int]] = []

        def commit(self, records, size_bytes):
            self.by_python += 1
            try:
                buffers, last = plain_frame(records, self.length, PREFIX, self.submissions)
            except TypeError as error:
                return StorageError(str(error))
            written = Disk().write(descriptor, buffers)
            self.advance(last - self.submissions, written, size_bytes)
            return Commit(len(records), written, 0.0)

        def place(self):
            until = time.monotonic() + self.seconds_left
            limits = self.max_bytes, until, self.room_bytes
            return Place(descriptor, direct, DAY, PREFIX, self.length, self.submissions, *limits)

        def advance(self, submissions, written_bytes, size_bytes):
            self.submissions += submissions
            self.length += written_bytes
            self.size += size_bytes

        def fail(self, error_number, is_sync):
            self.failures.append((error_number, is_sync))
            return StorageError("failed")

        def note_and_limit(self, max_bytes, room_bytes, seconds_left):
            self.states.append(self.state())
            self.max_bytes, self.room_bytes, self.seconds_left = max_bytes, room_bytes, seconds_left

        def state(self):
            return self.length, self.submissions, self.size

    return Rig()


def result_of(rig):
    """Return the next result, without the time that it took."""
    end = time.monotonic() + PATIENCE_SECONDS
    while (result := rig.wait(0.5)) is None:
        assert time.monotonic() < end
    return (result.submissions, result.written_bytes) if isinstance(result, Commit) else str(result)


@contextmanager
def working(rig):
    """A thread does the work of *rig*, and has ended afterwards."""
    thread = threading.Thread(target=rig.work)
    thread.start()
    try:
        yield thread
    finally:
        rig.put(None)
        thread.join()


def some_records(chance: Random) -> list[RawRecord]:
    """Return a batch, nearly always of one day and well formed."""
    days = [DAY] if chance.random() < 0.8 else [DAY, NEXT_DAY]
    records = [
        a_record(
            chance.choice([b"", b"{", b"\x1f\x8b", b"x"]) * chance.choice([1, 1, 1000, 20_000]),
            chance.randrange(9),
            chance.choice(days),
            bytes(chance.randrange(600)),
        )
        for _ in range(chance.choice([1, 2, 30, 600]))
    ]
    if chance.random() < 0.03:
        records[-1] = RawRecord(DAY, "no bytes", b"", 0)  # type: ignore[arg-type]
    return records


def some_limits(chance: Random) -> tuple[int, int, float]:
    """Return the most bytes, the room and the seconds left of a place."""
    room = chance.choice([0, 10_000, 1 << 20, 1 << 40])
    return chance.choice([0, 1 << 40, 1 << 40]), room, chance.choice([-1.0, 60.0, 60.0, 60.0])


def compare(chance: Random, form, steps: int) -> int:
    """Compare *form* with the reference after each step; return how many commits it left to Python."""
    with tempfile.TemporaryFile() as plain_file, tempfile.TemporaryFile() as file:
        rigs = [rig_of(PlainHandover, plain_file.fileno()), rig_of(form, file.fileno())]
        with working(rigs[0]), working(rigs[1]):
            for step in range(steps):
                records, limits = some_records(chance), some_limits(chance)
                has_job = chance.random() < 0.3
                for rig in rigs:
                    if has_job:
                        rig.put(partial(rig.note_and_limit, *limits))
                    rig.begin(records, sum(record.body_bytes for record in records))
                assert result_of(rigs[0]) == result_of(rigs[1]), step
                assert rigs[0].states == rigs[1].states, step
        assert rigs[0].state() == rigs[1].state()
        assert os.pread(plain_file.fileno(), 1 << 30, 0) == os.pread(file.fileno(), 1 << 30, 0)
        assert rigs[1].failures == []
        return rigs[1].by_python


@needs_compiled
def test_both_forms_do_the_same():
    """The same bytes, the same results, and the same that Python is told."""
    by_python = compare(Random(1), handover.Handover, STEPS)

    assert STEPS // 20 < by_python < STEPS * 9 // 10


@needs_compiled
def test_a_usual_commit_needs_no_python():
    """It is one that a place was given for."""
    with tempfile.TemporaryFile() as file:
        rig = rig_of(handover.Handover, file.fileno())
        with working(rig):
            for number in range(1, 4):
                rig.begin([a_record()] * number, number)
                result_of(rig)

        assert rig.by_python == 0
        assert rig.state()[1:] == (6, 6)


def filled(descriptor: int) -> int:
    """Return how many bytes wait in a pipe."""
    return struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))[0]


@needs_compiled
def test_an_interrupted_write_is_continued_and_a_failed_sync_is_reported():
    """A signal cuts a write to a full pipe short, or stops it before the first byte; pipes cannot sync."""
    reading, writing = os.pipe()
    handled = []
    before = signal.signal(signal.SIGUSR1, lambda *_: handled.append(1))
    records = [a_record(bytes([number]) * 50_000) for number in range(10)]
    expected = b"".join(plain_frame(records, 0, PREFIX, 0)[0])
    rig = rig_of(handover.Handover, writing)
    got = bytearray()
    try:
        with working(rig) as thread:
            rig.begin(records, 0)
            while len(got) < len(expected):
                for _ in range(3):
                    time.sleep(0.01)  # the thread fills the pipe, and waits in the kernel
                    signal.pthread_kill(thread.ident, signal.SIGUSR1)
                got += os.read(reading, max(1, filled(reading)))
            result = result_of(rig)
    finally:
        signal.signal(signal.SIGUSR1, before)
        os.close(reading)
        os.close(writing)

    assert bytes(got) == expected
    assert handled
    assert (result, rig.failures) == ("failed", [(errno.EINVAL, True)])
    assert rig.state() == (0, 0, 0)


@needs_compiled
def test_a_failed_write_is_reported_as_the_kernel_gives_it():
    """A full disk, for example; the thread goes on."""
    with Path("/dev/full").open("ab", buffering=0) as full:
        rig = rig_of(handover.Handover, full.fileno())
        with working(rig):
            for _ in range(2):
                rig.begin([a_record()], 1)
                assert result_of(rig) == "failed"

    assert rig.failures == [(errno.ENOSPC, False)] * 2


@pytest.mark.parametrize("form", FORMS)
def test_an_error_of_a_job_ends_the_work(form):
    """It is an error of the program: `threading.excepthook` reports it."""
    with tempfile.TemporaryFile() as file:
        rig = rig_of(form, file.fileno())
        rig.put(lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            rig.work()


@pytest.mark.parametrize("form", FORMS)
def test_a_result_wakes_the_loop_if_it_does_not_wait(form):
    """Each once, and in order."""
    woken = []

    class Numbers(form):
        def commit(self, _records, size_bytes):
            return Commit(size_bytes, 0, 0.0)

        def place(self):
            return None

    numbers = Numbers(lambda: woken.append(1), Commit)
    for number in range(5):
        numbers.begin([a_record()], number)
    numbers.put(None)
    numbers.work()

    assert [numbers.wait(0).submissions for _ in range(5)] == [0, 1, 2, 3, 4]
    assert numbers.wait(0) is None
    assert len(woken) == 5


@needs_compiled
@pytest.mark.parametrize("call", [("begin", 1, 2), ("begin", []), ("wait", -1), ("wait", 1), ("wait", "x")])
def test_the_compiled_form_refuses_what_it_cannot_read(call):
    """Nothing is handed over."""
    name, *arguments = call
    rig = rig_of(handover.Handover, -1)
    with pytest.raises((TypeError, ValueError)):
        getattr(rig, name)(*arguments)
    with pytest.raises(TypeError):
        getattr(handover.Handover.__new__(handover.Handover), name)(*arguments)


@pytest.mark.parametrize(
    ("number", "is_sync", "expected"),
    [
        (errno.ENOSPC, False, StorageFull),
        (errno.ENOMEM, False, WriterBusy),
        (errno.EIO, False, WriterDead),
        (errno.ENOSPC, True, WriterDead),
    ],
)
async def test_an_error_of_a_usual_commit_means_the_same_as_any(tmp_path, number, is_sync, expected):
    """Only a write may be tried again, in a new segment."""
    async with a_writer(tmp_path / "raw", clock=lambda: NOON) as writer:
        await writer.append(a_submission(1))
        done = threading.Event()
        found = []
        writer._committer.submit(
            lambda: writer._committer.fail(number, is_sync), lambda error: (found.append(error), done.set())
        )
        done.wait(PATIENCE_SECONDS)

        assert type(found[0]) is expected
        assert writer._series.open is None
        with suppress(StorageError):
            await writer.append(a_submission(2))
        statistics = writer.statistics()
        assert (statistics.kept_submissions == 2) == (expected is WriterBusy)
        assert (statistics.is_full, statistics.is_dead) == (expected is StorageFull, expected is WriterDead)


async def test_a_place_is_given_for_a_real_disk_only(tmp_path):
    """Another one is a test's, which counts operations or makes them fail."""

    class OtherDisk(Disk):
        pass

    for disk, expected in [(Disk(), NOON.date()), (OtherDisk(), None)]:
        folder = tmp_path / type(disk).__name__
        async with a_writer(folder, disk=disk, clock=lambda: NOON) as writer:
            await writer.append(a_submission(1))
            await writer.append(a_submission(2))
            place = writer._committer.place()

        assert (place and place.day) == expected
