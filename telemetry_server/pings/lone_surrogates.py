"""
Lone surrogates: UTF-16 surrogates without their partner, which UTF-8 cannot represent.

Clients that cut a text at a number of UTF-16 units send one if they split an emoji.  Each lone surrogate
is replaced by U+FFFD, the replacement character.
"""

import re

LONE_SURROGATE = "lone_surrogate"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
# Both alternatives share a prefix, which makes the search quick.
_LONE_ESCAPE = re.compile(
    rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!%b)|(?<!%b\\u[dD])[c-fC-F][0-9a-fA-F]{2})" % (_LOW, _HIGH)
)
_REPLACEMENT_ESCAPE = rb"\\ufffd"  # a template: one backslash; as long as what it replaces
_LONE = re.compile("[\ud800-\udfff]")
_ESCAPED_BACKSLASH = rb"\\"
# Stands for escaped backslashes during the search: as long, and never part of a JSON text.
_STAND_IN = b"\0\0"


def replace_in_json(text: bytes) -> tuple[bytes, int]:
    r"""
    Replace every escape of a lone surrogate (``\ud83d``) in a JSON *text*, in strings and in keys.

    Returns:
        The text, with every other byte at its place, and the number of replacements.  A text with a
        zero byte is not JSON, and is returned unchanged.
    """
    if b"\0" in text:
        return text, 0
    replaced, count = _LONE_ESCAPE.subn(_REPLACEMENT_ESCAPE, text.replace(_ESCAPED_BACKSLASH, _STAND_IN))
    return (replaced.replace(_STAND_IN, _ESCAPED_BACKSLASH), count) if count else (text, 0)


def replace_in_text(text: str) -> tuple[str, int]:
    """Replace every lone surrogate in *text*, and count them."""
    return (text, 0) if text.isascii() else _LONE.subn(REPLACEMENT, text)
