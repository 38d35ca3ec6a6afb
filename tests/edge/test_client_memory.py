"""A worker's memory for clients is bounded, and slow clients are cut off first."""

from dataclasses import dataclass, field

from telemetry_server.edge.client_memory import GRACE_SECONDS, ClientMemory, HeldBytes


@dataclass
class Clock:
    """A clock that a test sets."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Room:
    """A memory of 1,600 bytes, and the clients that were cut off, in order."""

    clock: Clock = field(default_factory=Clock)
    cut_off: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.memory = ClientMemory(16_000, clock=self.clock)

    def client(self, name: str, size: int) -> HeldBytes:
        """A client that has just sent *size* bytes."""
        holding = HeldBytes(self.memory, lambda: self.cut_off.append(name))
        assert holding.grow(size)
        return holding


def test_a_complete_body_cuts_off_a_stalled_client():
    """A client that makes progress stays, though it holds more and began earlier."""
    room = Room()
    moving = room.client("moving", 4_000)
    stalled = room.client("stalled", 8_000)
    room.clock.now += 10
    assert moving.grow(4_000)

    assert room.memory.take(3_000)
    assert room.cut_off == ["stalled"]
    assert stalled.held_bytes == 0
    assert room.memory.held_bytes == 8_000 + 3_000


def test_the_oldest_stalled_client_is_cut_off_first():
    """How much each holds does not matter."""
    room = Room()
    for name in ("first", "second", "third"):
        room.client(name, 5_000)
        room.clock.now += 10

    assert room.memory.take(5_000)
    assert room.cut_off == ["first"]


def test_a_growing_body_cuts_off_only_slower_clients():
    """It is refused itself if all others are faster."""
    room = Room()
    fast, slow = room.client("fast", 8_000), room.client("slow", 2_000)
    room.clock.now += 1

    assert fast.grow(7_000)
    assert room.cut_off == ["slow"]
    late = room.client("late", 500)
    room.clock.now += GRACE_SECONDS * 2
    assert not late.grow(600)
    assert room.cut_off == ["slow"]
    assert slow.held_bytes == 0


def test_a_new_body_is_not_cut_off_for_a_growing_one():
    """Its rate is not known yet; but a complete body cuts it off."""
    room = Room()
    old = room.client("old", 14_000)
    room.client("new", 1_500)

    assert not old.grow(1_000)
    assert room.cut_off == []
    assert room.memory.take(1_000)
    assert room.cut_off == ["new"]


def test_bytes_that_wait_for_the_disk_are_never_cut_off():
    """Nothing is cut off if that would not free enough memory."""
    room = Room()
    assert room.memory.take(12_000)
    room.client("stalled", 3_000)
    room.clock.now += 10

    assert not room.memory.take(4_001)
    assert not room.memory.has_room_for(4_001)
    assert room.cut_off == []
    assert room.memory.has_room_for(4_000)
    assert room.memory.take(4_000)
    assert room.cut_off == ["stalled"]


def test_a_complete_body_stays_counted_until_it_is_given_back():
    """It cannot be cut off after it is complete."""
    room = Room()
    body = room.client("done", 15_000)
    size = body.settle()

    assert size == 15_000
    assert room.memory.held_bytes == 15_000
    assert not room.memory.take(1_001)
    body.release()
    assert room.memory.held_bytes == 15_000
    room.memory.give_back(size)
    assert room.memory.held_bytes == 0
    assert room.cut_off == []


def test_a_second_release_changes_nothing():
    """Also not after the client was cut off."""
    room = Room()
    first, second = room.client("first", 9_000), room.client("second", 3_000)
    first.release()
    first.release()
    assert room.memory.held_bytes == 3_000
    assert room.memory.take(16_000)

    second.release()
    assert room.memory.held_bytes == 16_000
    assert second.grow(0)
    assert second.held_bytes == 0


def test_only_as_many_clients_are_cut_off_as_needed():
    """One by one, including those that began after the last ordering."""
    room = Room()
    for number in range(160):
        room.client(f"{number}", 100)
        room.clock.now += 0.001
    room.clock.now += 10

    assert room.memory.take(250)
    assert room.cut_off == ["0", "1", "2"]
    room.client("late", 50)
    assert room.memory.take(15_750)
    assert len(room.cut_off) == 161
    assert room.memory.held_bytes == 16_000
