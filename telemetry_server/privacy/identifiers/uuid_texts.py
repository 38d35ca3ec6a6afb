"""Finds UUIDs in text, in any case, with and without dashes."""

from collections.abc import Iterator

_DIGITS = b"0123456789abcdefABCDEF"
# A hexadecimal digit becomes h, a dash stays, everything else becomes a space.
_FORM = bytes(ord("h") if byte in _DIGITS else byte if byte == ord("-") else ord(" ") for byte in range(256))
_DASHED = b"hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh"
_PLAIN = b"h" * 32
# Longer runs of digits are digests and revisions, not ids.
MAX_RUN = 34


def uuids_in(text: bytes) -> Iterator[bytes]:
    """Yield the 16 bytes of every UUID in *text*; some may be repeated."""
    form = text.translate(_FORM)
    place = form.find(_DASHED)
    while place >= 0:
        yield bytes.fromhex(text[place : place + 36].replace(b"-", b"").decode())
        place = form.find(_DASHED, place + 36)
    place = form.find(_PLAIN)
    while place >= 0:
        end = place + 32
        while form[end : end + 1] == b"h":
            end += 1
        if end - place <= MAX_RUN:
            for start in range(place, end - 31):
                yield bytes.fromhex(text[start : start + 32].decode())
        place = form.find(_PLAIN, end)
