"""The form of a user's name."""

import re

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}\Z")


class BadUserName(ValueError):
    """A text that cannot be a user's name.  One line."""


def user_name(text: str) -> str:
    """
    Return *text* if it can be a user's name.

    Raises:
        BadUserName: It cannot.
    """
    if not _NAME.match(text):
        raise BadUserName(
            f"{text!r} is not a user name: use letters, digits and . _ @ + -, at most 100,"
            " the first a letter or digit"
        )
    return text
