"""Numbers as commands take them."""

import argparse

from telemetry_server.settings.value_types import duration_seconds


def integer(text: str) -> int:
    """
    *text* as a whole number.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def natural(text: str) -> int:
    """
    *text* as a whole number that is not negative.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    number = integer(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return number


def seconds(text: str) -> float:
    """
    *text* as a time in seconds that is more than 0: ``2``, ``500ms``.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        duration = duration_seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if duration <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return duration


def positive(text: str) -> int:
    """
    *text* as a whole number that is at least 1.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    number = integer(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def rate(text: str) -> float:
    """
    *text* as a share of all, 0 to 1.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        share = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number between 0 and 1") from None
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return share
