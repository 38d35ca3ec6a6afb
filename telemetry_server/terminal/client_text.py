"""
Text that a client chose, made safe for a terminal.

A terminal obeys control characters (C0, DEL, C1), reorders by bidirectional ones and breaks
lines at separators, so that a ping could hide or forge what an operator reads.
"""

import re

MAX_SHOWN_CHARACTERS = 300

_UNUSUAL = re.compile(r"[^\x20-\x7e]")
# Line feeds and tabs are layout of JSON and of JSON lines; within a string they are escaped anyway.
_UNUSUAL_IN_JSON = re.compile(r"[^\n\t\x20-\x7e]")


def shown(text: str, max_characters: int | None = MAX_SHOWN_CHARACTERS) -> str:
    r"""
    *text* as one line of printable characters: others as ``\x1b``, ``\u202e``, ``\U000e0001``.

    Args:
        max_characters: What is longer is cut, and ends with ``…``; None: nothing is cut.
    """
    if max_characters is not None and len(text) > max_characters:
        text = text[:max_characters] + "…"
    return text if text.isprintable() else _UNUSUAL.sub(_escaped, text)


def shown_lines(text: str) -> str:
    """*text* line by line as `shown` has it, uncut: for messages of ours that have several lines."""
    return "\n".join(shown(line, None) for line in text.split("\n"))


def shown_json(text: bytes) -> bytes:
    r"""The JSON *text* with ``\u`` escapes for what a terminal would obey: every value stays what it is."""
    if text.isascii() and b"\x7f" not in text:
        return text
    return _UNUSUAL_IN_JSON.sub(_escaped_in_json, text.decode("utf-8", "surrogatepass")).encode()


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    # A lone surrogate cannot even be written; it is not printable, and so escaped.
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _escaped_in_json(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2]):04x}" for at in range(0, len(units), 2))
