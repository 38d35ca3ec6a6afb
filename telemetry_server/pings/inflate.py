"""Inflates a received body to the bytes of its text, within limits."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from telemetry_server.pings.errors import CorruptGzip, EmptyBody, InvalidJson, TooLarge

isal_zlib: Any
try:
    from isal import isal_zlib
except ImportError:  # not available for this machine: zlib gives the same result, three times slower
    isal_zlib = None

crc32: Callable[[bytes], int] = zlib.crc32 if isal_zlib is None else isal_zlib.crc32

MAX_INFLATED_BYTES = 8 << 20
MAX_RATIO = 200
RATIO_COUNTS_PAST_BYTES = 1 << 20
MAX_MEMBERS = 4

_MAGIC = b"\x1f\x8b"
_STEP_BYTES = 1024
_GZIP = 31  # zlib's window bits for gzip, with header and trailer checked


@dataclass(slots=True)
class Inflated:
    """The text of a body."""

    data: bytes
    was_gzip: bool = False
    trailing_bytes: int = 0  # after the last gzip member; not part of the text
    crc32: int | None = field(default=None, compare=False)  # of the text, where its only gzip member names it


def inflate(body: bytes) -> Inflated:
    """
    Return the text of *body*; gzip is recognised by its first bytes, never by a header.

    Members are joined.  Memory stays within the limits for every input.

    Raises:
        EmptyBody: The body or its text is empty.
        CorruptGzip: A member is damaged or incomplete, or there are more than `MAX_MEMBERS`.
        TooLarge: The text is more than `MAX_INFLATED_BYTES`, or, past `RATIO_COUNTS_PAST_BYTES`, more than
            `MAX_RATIO` times what was sent.
        InvalidJson: The body is gzip within gzip: only one layer is removed.
    """
    if not body.startswith(_MAGIC):
        if len(body) > MAX_INFLATED_BYTES:
            raise TooLarge(f"{len(body)} bytes, at most {MAX_INFLATED_BYTES} are accepted")
        if not body:
            raise EmptyBody("the body is empty")
        return Inflated(body)
    limit = min(MAX_INFLATED_BYTES, max(RATIO_COUNTS_PAST_BYTES, MAX_RATIO * len(body)))
    members: list[bytes] = []
    rest = body
    while rest.startswith(_MAGIC):
        if len(members) == MAX_MEMBERS:
            raise CorruptGzip(f"more than {MAX_MEMBERS} gzip members")
        data, rest = _member(rest, limit - sum(map(len, members)))
        members.append(data)
    data = members[0] if len(members) == 1 else b"".join(members)
    if not data:
        raise EmptyBody("the body is gzip of an empty text")
    if data.startswith(_MAGIC):
        raise InvalidJson("gzip within gzip: compress the JSON once")
    end = len(body) - len(rest)
    crc32_sent = int.from_bytes(body[end - 8 : end - 4], "little") if len(members) == 1 else None
    return Inflated(data, was_gzip=True, trailing_bytes=len(rest), crc32=crc32_sent)


def _member(data: bytes, room_bytes: int) -> tuple[bytes, bytes]:
    """The text of the first member, and the bytes after it."""
    decompressor, text = _decompressed(data, room_bytes + 1)
    if len(text) > room_bytes:
        raise TooLarge(f"inflates to more than {MAX_INFLATED_BYTES} bytes or {MAX_RATIO} times what was sent")
    if not decompressor.eof:
        raise CorruptGzip(f"the gzip data ends early, after {len(data)} bytes")
    return text, decompressor.unused_data


def _decompressed(data: bytes, max_bytes: int) -> tuple[Any, bytes]:
    # ISA-L accepts reserved header flags, and stops earlier than zlib at some damage.  Data that it does
    # not inflate is inflated by zlib, so that both give the same result.
    if isal_zlib is not None and len(data) > 3 and not data[3] & 0xE0:
        quick = isal_zlib.decompressobj(_GZIP)
        try:
            return quick, quick.decompress(data, max_bytes)
        except isal_zlib.error:
            pass
    decompressor = zlib.decompressobj(_GZIP)
    try:
        return decompressor, decompressor.decompress(data, max_bytes)
    except zlib.error as error:
        words = str(error).rpartition(": ")[2]
        raise CorruptGzip(f"the gzip data is damaged at byte {_damaged_at(data)}: {words}") from None


def _damaged_at(data: bytes) -> int:
    """The position of the first byte that zlib refuses; *data* inflates to little before it."""
    position, step = 0, _STEP_BYTES
    decompressor = zlib.decompressobj(_GZIP)
    while position < len(data):
        before = decompressor.copy()
        try:
            decompressor.decompress(data[position : position + step])
        except zlib.error:
            if step == 1:
                break
            decompressor, step = before, 1
        else:
            position += step
    return position
