"""Parses days in command arguments."""

import argparse
from datetime import date


def day_of(text: str) -> str:
    """
    Return *text* as YYYYMMDD; ``2026-11-21`` is accepted as well.

    Raises:
        argparse.ArgumentTypeError: It is not a valid day.
    """
    try:
        return f"{date.fromisoformat(text):%Y%m%d}"
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid day; write it like 20261121") from None
