"""
Recognises the coding of a body that is not JSON, or finds the first byte that is not UTF-8.

Clients compress or encode with other settings than they announce.  A parser's message, such as
"not valid UTF-8 at byte 0", does not show that.
"""

import zlib

_COMPRESSED: tuple[tuple[bytes, str], ...] = (
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\xc2\x8b", "gzip that was encoded again, as Latin-1 text in UTF-8"),
    (b"\x1f\xef\xbf\xbd", "gzip that was decoded as text, which destroys it"),
    (b"H4sI", "gzip in base64"),
)
# Longer marks first: the mark of UTF-32 begins with that of UTF-16.
_WIDE_TEXT: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"{\x00\x00\x00", "UTF-32"),
    (b"\x00\x00\x00{", "UTF-32"),
    (b"{\x00", "UTF-16"),
    (b"\x00{", "UTF-16"),
)
_DEFLATE_METHOD = 8
_LOOK_BYTES = 4096
_RAW_DEFLATE = -15
_JSON_BEGINS_WITH = b"{[ \t\r\n"


def coding_problem(text: bytes, skipped_bytes: int = 0) -> str | None:
    """
    Say in one line why *text* is not UTF-8 text.

    Args:
        skipped_bytes: Bytes before *text* that are included in positions.

    Returns:
        The recognised coding and what to send instead, or the position of the first byte that is not
        UTF-8, counted from 0.  None if *text* is UTF-8 and looks like text.
    """
    for magic, name in _COMPRESSED:
        if text.startswith(magic):
            return _compressed(name)
    for start, name in _WIDE_TEXT:
        if text.startswith(start):
            return f"the bytes look like {name} text: send UTF-8"
    if _is_deflate(text, zlib.MAX_WBITS) or _is_deflate(text, _RAW_DEFLATE):
        return _compressed("deflate")
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return f"byte {skipped_bytes + error.start} is not UTF-8{_other_text(text, error)}"
    return None


def _compressed(name: str) -> str:
    return f"the bytes look like {name}: send the JSON plain or as gzip"


def _other_text(text: bytes, error: UnicodeDecodeError) -> str:
    if error.reason == "unexpected end of data":
        return ": the text ends within a character"
    # UTF-8 never has a single such byte between two ASCII bytes; text in Latin-1 mostly does.
    around = text[max(0, error.start - 1) : error.start] + text[error.start + 1 : error.start + 2]
    if around.isascii() and text[error.start] >= 0xA0:
        return ": the text looks like Latin-1, send UTF-8"
    return ""


def _is_deflate(text: bytes, window_bits: int) -> bool:
    """Whether *text* begins as deflated JSON, with zlib's header or, for negative *window_bits*, without."""
    if window_bits > 0 and (
        len(text) < 2 or text[0] & 0x0F != _DEFLATE_METHOD or (text[0] << 8 | text[1]) % 31
    ):
        return False
    try:
        start = zlib.decompressobj(window_bits).decompress(text[:_LOOK_BYTES], 1)
    except zlib.error:
        return False
    return start != b"" and start in _JSON_BEGINS_WITH
