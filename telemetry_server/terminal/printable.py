"""Escapes and measures text from clients for a terminal."""

import re
import unicodedata

# C0, DEL and C1 control the terminal; the others change the direction of text, end a line, or
# cannot be encoded in UTF-8.
_COMMANDS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Return *text* with every control character as an escape: ``\n``, ``\x1b``, ``\u202e``."""
    return _COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def width_of(text: str) -> int:
    """Return the width of *text* in cells of a terminal."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def cut_to(text: str, width: int) -> str:
    """Return *text* cut to at most *width* cells; cut text ends with ``…``."""
    if width_of(text) <= width:
        return text
    kept, room = [], width - 1
    for character in text:
        room -= _cells(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + "…" if width > 0 else ""


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
