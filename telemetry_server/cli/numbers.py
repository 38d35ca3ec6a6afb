"""Numbers as commands take them."""

import argparse


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
