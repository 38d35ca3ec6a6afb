"""Opens gzip members, also those that are cut off or damaged, as far as they can be inflated."""

import zlib

GZIP_MAGIC = b"\x1f\x8b"
MAX_INFLATED_BYTES = 64 << 20
_STEP_BYTES = 1 << 16
_SMALL_STEP_BYTES = 64  # a step that reaches damage is lost whole


def inflated(body: bytes) -> bytes:
    """Return what the gzip members at the beginning of *body* hold, up to the first damage."""
    parts: list[bytes] = []
    size = 0
    view = memoryview(body)
    while view[:2] == GZIP_MAGIC and size < MAX_INFLATED_BYTES:
        text, end = inflated_member(view)
        parts.append(text)
        size += len(text)
        if end is None:
            break
        view = view[end:]
    return b"".join(parts)


def inflated_member(view: memoryview) -> tuple[bytes, int | None]:
    """
    Return what the gzip member at the beginning of *view* holds, and where it ends.

    Returns:
        The end is None for a member that is cut off, damaged or too large.
    """
    try:
        return _inflated(view, _STEP_BYTES)
    except _Damaged:
        return _inflated(view, _SMALL_STEP_BYTES, until_damage=True)


class _Damaged(Exception):
    pass


def _inflated(view: memoryview, step: int, *, until_damage: bool = False) -> tuple[bytes, int | None]:
    inflater = zlib.decompressobj(31)
    parts: list[bytes] = []
    position = size = 0
    while position < len(view) and not inflater.eof and size < MAX_INFLATED_BYTES:
        try:
            part = inflater.decompress(view[position : position + step])
        except zlib.error:
            if until_damage:
                break
            raise _Damaged from None
        parts.append(part)
        position, size = position + step, size + len(part)
    end = min(position, len(view)) - len(inflater.unused_data) if inflater.eof else None
    return b"".join(parts), end
