"""Bounds the memory that a worker holds for its clients; slow clients are cut off first."""

from collections.abc import Callable
from math import exp2
from time import monotonic

from telemetry_server.edge.submit_connection import Memory

GRACE_SECONDS = 0.25  # a body that has just begun is not slow yet
# Bytes of a client's recent progress, below which it counts as stalled.
STALLED_BYTES = 1024.0
# Ordering all clients takes a millisecond for a thousand of them, so it is done rarely.
REORDER_SECONDS = 0.1


class ClientMemory(Memory):
    """
    Counts the bytes that one worker holds for its clients.

    There are two kinds.  Bytes that wait for the disk stay until the writer
    answers.  Bytes that wait for a client (a body that is not complete, an
    answer that is not read) are a `HeldBytes`: when the memory is full, the
    client with the least recent progress is cut off.  So a stalled client
    cannot block the others.

    Args:
        max_bytes: The bound for both kinds together.
        clock: Returns monotonic seconds.
    """

    __slots__ = ("_order", "_order_until", "_slow", "_slow_bytes", "clock")

    def __init__(self, max_bytes: int, *, clock: Callable[[], float] = monotonic) -> None:
        self.max_bytes = max_bytes
        self.clock = clock
        self.held_bytes = 0  # of both kinds
        self._slow: dict[HeldBytes, None] = {}
        self._slow_bytes = 0
        self._order: list[HeldBytes] = []  # the next one to be cut off is last
        self._order_until = 0.0

    def has_room_for(self, size: int) -> bool:
        """Whether *size* bytes more fit once all slow clients have given way."""
        return self.held_bytes - self._slow_bytes + size <= self.max_bytes

    def take(self, size: int) -> bool:
        """Hold *size* more bytes that do not wait for a client; return False if they do not fit."""
        if self.held_bytes + size > self.max_bytes and not self._make_room(size, None):
            return False
        self.held_bytes += size
        return True

    def give_back(self, size: int) -> None:
        """Release *size* bytes that `take` held or `HeldBytes.settle` returned."""
        self.held_bytes -= size

    def _make_room(self, size: int, asking: "HeldBytes | None") -> bool:
        """Cut off clients until *size* bytes fit: those slower than *asking*, or any for a complete body."""
        if not self.has_room_for(size):
            return False  # cutting others off would not help
        now = self.clock()
        if now >= self._order_until:
            self._reorder(now)
        self._cut_off_until_fits(size, asking, now)
        if asking is None and self.held_bytes + size > self.max_bytes:
            self._reorder(now)  # some began after the last ordering
            self._cut_off_until_fits(size, asking, now)
        return self.held_bytes + size <= self.max_bytes

    def _reorder(self, now: float) -> None:
        self._order = sorted(self._slow, key=lambda holding: holding.rank(now), reverse=True)
        self._order_until = now + REORDER_SECONDS

    def _cut_off_until_fits(self, size: int, asking: "HeldBytes | None", now: float) -> None:
        order = self._order
        while order and self.held_bytes + size > self.max_bytes:
            holding = order[-1]
            if holding.held_bytes and asking is not None and not holding.is_slower_than(asking, now):
                return  # *asking* is the slowest
            order.pop()
            if holding.held_bytes:
                give_way = holding.give_way
                holding.release()
                give_way()


class HeldBytes:
    """
    Bytes that are held until a client sends or reads more.

    Args:
        give_way: Called when other clients need the memory.  The bytes are already
            counted as released; the owner drops them and ends its request.
    """

    __slots__ = ("_memory", "_moved_at", "_moved_bytes", "began_at", "give_way", "held_bytes")

    def __init__(self, memory: ClientMemory, give_way: Callable[[], None]) -> None:
        self._memory = memory
        self.give_way = give_way
        self.held_bytes = 0
        self.began_at = self._moved_at = memory.clock()
        self._moved_bytes = 0.0
        memory._slow[self] = None

    def rank(self, now: float) -> tuple[bool, float, float]:
        """Return the order of cutting off, lowest first: not new, least progress (0 if stalled), oldest."""
        progress = self._progress(now)
        is_new = now - self.began_at < GRACE_SECONDS
        return is_new, (progress if progress >= STALLED_BYTES else 0.0), self.began_at

    def is_slower_than(self, other: "HeldBytes", now: float) -> bool:
        """Whether this one gives way to *other*; one that has just begun never does."""
        is_new, *rank = self.rank(now)
        return not is_new and rank < [*other.rank(now)[1:]]

    def _progress(self, now: float) -> float:
        # Each byte counts half after a second, a quarter after two.
        return self._moved_bytes * exp2(self._moved_at - now)

    def grow(self, size: int) -> bool:
        """Hold *size* more bytes that the client just sent; return False if they do not fit."""
        now = self._memory.clock()
        self._moved_bytes = self._progress(now) + size
        self._moved_at = now
        return self.hold(size)

    def hold(self, size: int) -> bool:
        """Hold *size* more bytes that do not count as progress; return False if they do not fit."""
        memory = self._memory
        if memory.held_bytes + size > memory.max_bytes and not memory._make_room(size, self):
            return False
        if self in memory._slow:
            memory.held_bytes += size
            memory._slow_bytes += size
            self.held_bytes += size
        return True

    def settle(self) -> int:
        """Return the number of held bytes, which no longer wait for the client; the caller releases them."""
        memory = self._memory
        if self in memory._slow:
            del memory._slow[self]
            memory._slow_bytes -= self.held_bytes
        size, self.held_bytes = self.held_bytes, 0
        return size

    def release(self) -> None:
        """Release all held bytes.  A second call does nothing."""
        self._memory.held_bytes -= self.settle()
