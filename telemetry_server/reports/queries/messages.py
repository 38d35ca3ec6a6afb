"""Messages between the reports process and its query processes: a length of 4 bytes, then the bytes."""

from typing import BinaryIO

LENGTH_BYTES = 4
MAX_MESSAGE_BYTES = 64 << 20


def framed(message: bytes) -> bytes:
    """Return *message* with its length before it."""
    return len(message).to_bytes(LENGTH_BYTES, "big") + message


def read_message(stream: BinaryIO) -> bytes | None:
    """Return the next message of *stream*; None at its end."""
    head = stream.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    return stream.read(int.from_bytes(head, "big"))
