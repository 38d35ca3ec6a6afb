"""Days as commands take them."""

import argparse
from datetime import date


def day_of(text: str) -> str:
    """
    *text* as YYYYMMDD; ``2026-11-21`` will do as well.

    Raises:
        argparse.ArgumentTypeError: It is no day.
    """
    try:
        return f"{date.fromisoformat(text):%Y%m%d}"
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write it like 20261121") from None
