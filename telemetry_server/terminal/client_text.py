"""
Makes text from clients safe for a terminal.

Terminals execute control characters (C0, DEL, C1), reorder text at bidirectional controls and
break lines at separators.  With these a ping could hide or forge what an operator reads.
"""

import re

MAX_SHOWN_CHARACTERS = 300

_UNUSUAL = re.compile(r"[^\x20-\x7e]")
# Line feeds and tabs are allowed between JSON values; inside strings JSON escapes them anyway.
_UNUSUAL_IN_JSON = re.compile(r"[^\n\t\x20-\x7e]")


def shown(text: str, max_characters: int | None = MAX_SHOWN_CHARACTERS) -> str:
    r"""
    Return *text* as one line of printable characters; others become ``\x1b``, ``\u202e``, ``\U000e0001``.

    Args:
        max_characters: Longer text is cut and ends with ``…``; None cuts nothing.
    """
    if max_characters is not None and len(text) > max_characters:
        text = text[:max_characters] + "…"
    return text if text.isprintable() else _UNUSUAL.sub(_escaped, text)


def shown_lines(text: str) -> str:
    """Return *text* with each line treated by `shown`, uncut; for messages of several lines."""
    return "\n".join(shown(line, None) for line in text.split("\n"))


def shown_json(text: bytes) -> bytes:
    r"""Return the JSON *text* with ``\u`` escapes for unsafe characters; the values do not change."""
    if text.isascii() and b"\x7f" not in text:
        return text
    return _UNUSUAL_IN_JSON.sub(_escaped_in_json, text.decode("utf-8", "surrogatepass")).encode()


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    # Lone surrogates are not printable either, and are escaped too: UTF-8 cannot encode them.
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _escaped_in_json(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2]):04x}" for at in range(0, len(units), 2))
