"""
Messages between the coordinator and its conversion processes.

A message is a pickled value.  Its large buffers are not copied into the pickle: they follow it, so that they
are sent from where they are, and received where they stay.
"""

import pickle
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

# The length of the body, and how many buffers follow it.  The body begins with the length of each.
_HEAD = struct.Struct("=QQ")
_LENGTH_BYTES = 8
MIN_BUFFER_BYTES = 64 << 10
"""Each buffer that follows is received by a call of its own, which costs more than to copy a small one."""

Parts = list[bytes | memoryview]


def parts_of(value: object) -> Parts:
    """Return the message of *value* as parts to send one after another."""
    buffers: list[memoryview] = []

    def is_copied(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if len(raw) < MIN_BUFFER_BYTES:
            return True
        buffers.append(raw)
        return False

    pickled = pickle.dumps(value, pickle.HIGHEST_PROTOCOL, buffer_callback=is_copied)
    lengths = struct.pack(f"={len(buffers)}Q", *map(len, buffers))
    return [_HEAD.pack(len(lengths) + len(pickled), len(buffers)) + lengths, pickled, *buffers]


class Incoming:
    """A message that is being received."""

    def __init__(self) -> None:
        self._body = bytearray()
        self._buffers: list[bytearray] = []
        self._rooms = self._all_rooms()
        self.room = next(self._rooms)
        """Where the next bytes belong; it is never empty."""

    def took(self, count: int) -> bool:
        """Note that `room` took *count* bytes; return whether the message is whole."""
        self.room = self.room[count:]
        if not self.room:
            room = next(self._rooms, None)
            if room is None:
                return True
            self.room = room
        return False

    def value(self) -> Any:
        """Return the value of the message, which must be whole."""
        pickled = memoryview(self._body)[_LENGTH_BYTES * len(self._buffers) :]
        return pickle.loads(pickled, buffers=self._buffers)  # noqa: S301 - between our own processes

    def _all_rooms(self) -> Iterator[memoryview]:
        head = bytearray(_HEAD.size)
        yield memoryview(head)
        size, count = _HEAD.unpack(head)
        self._body = bytearray(size)
        yield memoryview(self._body)
        for length in struct.unpack_from(f"={count}Q", self._body):
            buffer = bytearray(length)
            self._buffers.append(buffer)
            yield memoryview(buffer)


def read_value(stream: BinaryIO) -> Any:
    """
    Return the value of the next message in *stream*.

    Raises:
        EOFError: The stream ends before.
    """
    message = Incoming()
    while count := stream.readinto(message.room):  # type: ignore[attr-defined]
        if message.took(count):
            return message.value()
    raise EOFError
