"""Parses numbers in command arguments."""

import argparse

from telemetry_server.settings.value_types import duration_seconds


def integer(text: str) -> int:
    """
    Return *text* as a whole number.

    Raises:
        argparse.ArgumentTypeError: It is not a whole number.
    """
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def natural(text: str) -> int:
    """
    Return *text* as a whole number that is not negative.

    Raises:
        argparse.ArgumentTypeError: It is not a whole number, or is negative.
    """
    number = integer(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return number


def seconds(text: str) -> float:
    """
    Return *text* (``2``, ``500ms``) in seconds; more than 0.

    Raises:
        argparse.ArgumentTypeError: It is not a duration, or is 0.
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
    Return *text* as a whole number that is at least 1.

    Raises:
        argparse.ArgumentTypeError: It is not a whole number, or is less than 1.
    """
    number = integer(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def rate(text: str) -> float:
    """
    Return *text* as a fraction from 0 to 1.

    Raises:
        argparse.ArgumentTypeError: It is not a number from 0 to 1.
    """
    try:
        share = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1") from None
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return share
