"""Parses durations and sizes in command arguments."""

import argparse
import re

_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES = {"": 1, "b": 1} | {
    f"{letter}{suffix}": base**power
    for power, letter in enumerate("kmgt", start=1)
    for suffix, base in (("ib", 1024), ("b", 1000), ("", 1024))
}
_QUANTITY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z]*)")


def duration(text: str) -> float:
    """
    Return *text* (``60s``, ``5m``, ``500ms``, ``60``) in seconds.

    Raises:
        argparse.ArgumentTypeError: It is not a duration, or is 0.
    """
    found = _QUANTITY.fullmatch(text)
    if found is None or found[2] not in _SECONDS or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration; write it like 60s, 5m or 500ms")
    return float(found[1]) * _SECONDS[found[2]]


def size(text: str) -> int:
    """
    Return *text* (``1GiB``, ``512MiB``, ``1000000``) in bytes.

    Raises:
        argparse.ArgumentTypeError: It is not a size, or is less than a byte.
    """
    found = _QUANTITY.fullmatch(text)
    unit = None if found is None else _BYTES.get(found[2].lower())
    if found is None or unit is None or float(found[1]) * unit < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write it like 1GiB or 512MiB")
    return int(float(found[1]) * unit)
