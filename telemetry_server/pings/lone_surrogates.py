"""
Half a character: a UTF-16 surrogate without its partner, which no UTF-8 text can hold.

Clients that cut a text at a number of UTF-16 units send one where that parts an emoji.
Each is replaced by U+FFFD, the character that stands for what cannot be read.
"""

import re

LONE_SURROGATE = "lone_surrogate"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
# All begin alike, so that the search for it is quick.
_LONE_ESCAPE = re.compile(
    rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!%b)|(?<!%b\\u[dD])[c-fC-F][0-9a-fA-F]{2})" % (_LOW, _HIGH)
)
_REPLACEMENT_ESCAPE = rb"\\ufffd"  # a template: one backslash; as long as what it replaces
_LONE = re.compile("[\ud800-\udfff]")
_ESCAPED_BACKSLASH = rb"\\"
# As long, and no part of any JSON text: it keeps escaped backslashes out of the way.
_STAND_IN = b"\0\0"


def replace_in_json(text: bytes) -> tuple[bytes, int]:
    r"""
    Replace every escape of a lone surrogate (``\ud83d``) in a JSON *text*, in strings and in keys.

    Returns:
        The text, each byte where it was, and how many were replaced.  A text with a zero byte is
        not JSON, and comes back as it is.
    """
    if b"\0" in text:
        return text, 0
    replaced, count = _LONE_ESCAPE.subn(_REPLACEMENT_ESCAPE, text.replace(_ESCAPED_BACKSLASH, _STAND_IN))
    return (replaced.replace(_STAND_IN, _ESCAPED_BACKSLASH), count) if count else (text, 0)


def replace_in_text(text: str) -> tuple[str, int]:
    """Replace every lone surrogate in *text*, and count them."""
    return (text, 0) if text.isascii() else _LONE.subn(REPLACEMENT, text)
