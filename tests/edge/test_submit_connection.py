"""What runs for every submission does the same in C and in Python."""

from datetime import date
from random import Random
from types import SimpleNamespace

import pytest

from storage.errors import StorageFull
from storage.raw.record_frames import RawRecord
from telemetry_server.edge import submit_connection
from telemetry_server.edge.submit_connection import (
    PlainActivity,
    PlainConnection,
    PlainLane,
    PlainMemory,
)
from tests.support.sizes import size

STEPS = size(3_000, 60_000)
PLAIN = SimpleNamespace(
    Memory=PlainMemory, Activity=PlainActivity, Lane=PlainLane, Connection=PlainConnection
)
STATES = [
    *("_answered", "_deadline", "_kept_bytes", "_namespace", "_pending", "_request", "_timer", "_timer_at"),
    *("_is_choked", "_is_half_closed", "_is_head_late_at_deadline", "_is_last", "_is_over", "_is_paused"),
    *("_is_waiting", "_transport"),
]
FLAGS = [state for state in STATES if state.startswith("_is_")]


class Rig:
    """A connection of one form, and what it did."""

    def __init__(self, form, full_at: int) -> None:
        self.did: list[object] = []
        self.now = 0.0
        self.full_at = full_at
        memory, activity = form.Memory(), form.Activity()
        memory.held_bytes, memory.max_bytes = 0, 100
        activity.active_requests, activity.is_draining = 0, False
        self.memory, self.activity = memory, activity
        did = self.did

        class Connection(form.Connection):
            def _receive(self, data):
                did.append(("receive", data))

            def _answer(self, error):
                did.append(("answer", error))

            def _wait_until(self, deadline):
                did.append(("wait", deadline))
                self._timer, self._timer_at = "a timer", deadline

        self.lane = form.Lane((memory, activity), self.read_whole, self.take, lambda: self.now, self.did)
        self.lane.keepalive_seconds, self.lane.max_requests = 30.0, 20
        self.lane.kept, self.lane.kept_until = b"kept", 50.0
        self.connection = Connection(self.lane)

    def read_whole(self, data):
        if data.startswith(b"odd"):
            return None
        body_bytes = len(data)
        return RawRecord(date(2026, 1, 1), b"{}", data), data[:1].decode(), body_bytes, data.endswith(b"last")

    def take(self, record, waiter):
        assert waiter is self.connection
        if len(self.did) % 10 == self.full_at:
            raise StorageFull
        self.did.append(record)

    def write(self, data):
        self.did.append(("write", data))

    def state(self):
        """Return all that may differ."""
        memory, activity = self.memory, self.activity
        connection = {name: value for name in STATES if (value := getattr(self.connection, name)) is not self}
        return memory.held_bytes, activity.active_requests, connection, self.did


def change(chance: Random, rigs: list[Rig]) -> None:
    """Do the same thing to all *rigs*."""
    what = chance.randrange(12)
    data = chance.choice([b"a", b"bcd", b"odd", b"x" * 60, b"a last", b""])
    error = chance.choice([None] * 9 + [StorageFull()])
    flag, is_on = chance.choice(FLAGS), chance.random() < 0.3
    passed = chance.choice([0.0, 0.01, 20.0])
    pending, request = chance.choice([b"", b"", b"more"]), chance.choice([None, None, "a request"])
    has_transport, number = chance.random() < 0.8, chance.randrange(25)
    for rig in rigs:
        connection = rig.connection
        if what < 4:
            connection.data_received(data)
        elif what < 8:
            if connection._is_waiting:
                connection.finish(error)
        elif what == 8:
            if flag != "_is_waiting":
                setattr(connection, flag, is_on)
        elif what == 9:
            connection._pending, connection._request = pending, request
        elif what == 10:
            rig.now += passed
            connection._transport = rig if has_transport else None
            connection._timer_at = rig.now if is_on else 0.0
        else:
            connection._answered = number
            rig.activity.is_draining = is_on
            rig.lane.kept_until = rig.now + passed


def compare(chance: Random, form, steps: int) -> set[str]:
    """Compare *form* with the reference after each of many steps in any order; return what was done."""
    rigs: list[Rig] = []
    done: set[str] = set()
    for step in range(steps):
        if step % 60 == 0:
            full_at = chance.randrange(20)
            rigs = [Rig(PLAIN, full_at), Rig(form, full_at)]
        change(chance, rigs)
        plain, compiled = (rig.state() for rig in rigs)
        assert plain == compiled, step
        done.update(str(what[0] if isinstance(what, tuple) else what) for what in plain[3])
    return done


@pytest.mark.skipif(not submit_connection.IS_COMPILED, reason="built without the compiled part")
def test_both_forms_do_the_same():
    """What was called, every count and every flag."""
    done = compare(Random(1), submit_connection, STEPS)

    assert {"receive", "answer", "wait", "write", "a", "x"} <= done


@pytest.mark.parametrize("form", [PLAIN, submit_connection], ids=["plain", "as-built"])
def test_an_error_that_is_not_the_storages_is_raised(form):
    """It is a fault of the program; nothing is counted for it."""
    rig = Rig(form, 99)

    def fail(*_):
        raise ZeroDivisionError

    broken = form.Lane((rig.memory, rig.activity), rig.read_whole, fail, lambda: 0.0, [])
    connection = form.Connection(broken)
    with pytest.raises(ZeroDivisionError):
        connection.data_received(b"a")

    assert (rig.memory.held_bytes, rig.activity.active_requests, connection._is_waiting) == (0, 0, False)


@pytest.mark.skipif(not submit_connection.IS_COMPILED, reason="built without the compiled part")
def test_a_connection_without_a_lane_raises():
    """The compiled form never reads what is not there."""
    unfinished = submit_connection.Connection.__new__(submit_connection.Connection)
    for call in (unfinished.data_received, unfinished.finish):
        with pytest.raises(TypeError):
            call(b"")
    with pytest.raises(TypeError):
        submit_connection.Connection(submit_connection.Lane.__new__(submit_connection.Lane))
