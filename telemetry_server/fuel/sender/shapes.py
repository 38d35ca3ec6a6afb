"""
The shapes of values that may leave an installation.  A text that has none of them stays.

A shape turns a value into what is sent of it; `DROPPED` means nothing.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any, Final

from telemetry_server.fuel.documents.private_values import is_package

DROPPED: Final = object()
OTHER = "other"
Shape = Callable[[Any], Any]

_WORD = re.compile(r"[A-Z]?[a-z]+(?:[_-][a-z]+)*(?:[_-]?[0-9]{1,2})?|[A-Z]{1,8}|[A-Z][a-z]{1,9}[A-Z]{1,3}")
_CONSTANT = re.compile(r"[A-Z]{1,30}(?:_[A-Z]{1,30}){0,4}")
_VERSION = re.compile(
    r"(?:[a-z]{1,12}-)?[0-9]{1,4}(?:[.-][0-9]{1,6}|[.-]?(?:rc|beta|alpha|techpreview|mos)[0-9]{0,5}){0,5}"
)
_TOKEN = re.compile(
    r"[A-Z]?[a-z]{1,14}|[A-Z]{1,8}|[A-Z][a-z]{1,9}[A-Z][a-z]{1,9}|[A-Z]{0,4}-?[0-9]{1,5}[a-zA-Z]{0,4}[0-9]{0,2}|"
    r"[0-9]{1,4}(?:\.[0-9]{1,4}){1,2}(?:GHz|MHz)?|\((?:R|TM|C)\)|[A-Z]?[a-z]{1,14}\((?:R|TM)\)|[&@+/-]|"
    r"[A-Z][0-9]-[0-9]{4}[A-Z]{0,2}|v[0-9]{1,2}|[a-z][0-9]{3}[A-Z]{2}"
)
_TOKEN_ENDS = re.compile(r"[\s,]+")
_HEXADECIMAL = re.compile(r"[0-9a-f]{1,64}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PLAIN_ID = re.compile(r"[a-z]{1,12}-?[0-9]{1,9}|[0-9]{1,18}|[0-9a-f]{32}|[0-9a-f]{56}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?)?")
_TIME = re.compile(r"(?:\d{4}-\d{2}-\d{2}[T ])?\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?")
_STATUS_LINE = re.compile(r"([1-5][0-9]{2})(?: [A-Za-z' -]{1,40})?")
_TEST_NAME = re.compile(
    r"[a-z_]+[0-9]{0,2}(?:\.[a-z_]+[0-9]{0,2}){0,8}(?::[A-Za-z_]+(?:\.[a-z_]+[0-9]{0,2})?)?"
)
MAX_TEXT = 120
MAX_SUMMARY = 1000


def number(value: Any) -> Any:
    """A number."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else DROPPED


def number_or_null(value: Any) -> Any:
    """A number, or null."""
    return None if value is None else number(value)


def flag(value: Any) -> Any:
    """True or false."""
    return value if isinstance(value, bool) else DROPPED


def is_set(value: Any) -> Any:
    """Only whether there is a value."""
    return bool(value)


def text(value: Any) -> Any:
    """A text on one line."""
    return " ".join(value.split())[:MAX_SUMMARY] if isinstance(value, str) else DROPPED


def count(value: Any) -> Any:
    """Only how many elements there are."""
    return len(value) if isinstance(value, list) else DROPPED


def _text(pattern: re.Pattern[str], *, otherwise: Any = DROPPED) -> Shape:
    def shape(value: Any) -> Any:
        if not isinstance(value, str):
            return DROPPED
        return value if len(value) <= MAX_TEXT and pattern.fullmatch(value) else otherwise

    return shape


word = _text(_WORD, otherwise=OTHER)  # a name from code: ha_compact
constant = _text(_CONSTANT, otherwise=OTHER.upper())  # ACTIVE
version = _text(_VERSION, otherwise=OTHER)
hexadecimal = _text(_HEXADECIMAL)
uuid = _text(_UUID)
moment = _text(_MOMENT)
day_time = _text(_TIME)
test_name = _text(_TEST_NAME, otherwise=OTHER)


def word_or_version(value: Any) -> Any:
    """A name from code, or a version."""
    found = word(value)
    return version(value) if found == OTHER else found


def package(value: Any) -> Any:
    """The name of a package with its version."""
    return value if isinstance(value, str) and len(value) <= MAX_TEXT and is_package(value) else DROPPED


def product(value: Any) -> Any:
    """The name of a product: words, and numbers of models."""
    if not isinstance(value, str):
        return DROPPED
    tokens = [token for token in _TOKEN_ENDS.split(value.strip()) if token]
    is_plain = len(value) <= MAX_TEXT and all(_TOKEN.fullmatch(token) for token in tokens)
    return value if is_plain else OTHER


def or_null(shape: Shape) -> Shape:
    """Return *shape* for a value that may be null, and is null where it does not fit."""

    def shaped(value: Any) -> Any:
        found = shape(value)
        return None if value is None or found is DROPPED else found

    return shaped


def status_line(value: Any) -> Any:
    """The status of an answer, without a text of the product's."""
    found = _STATUS_LINE.fullmatch(value) if isinstance(value, str) else None
    return value if found else DROPPED


def path(value: Any) -> Any:
    """The path of a request: words and numbers as they are, any other part as ``*``."""
    if not isinstance(value, str) or len(value) > 1000:
        return DROPPED
    parts = value.partition("?")[0].split("/")
    return "/".join(part if not part or part.isdecimal() or _WORD.fullmatch(part) else "*" for part in parts)


class Pseudonyms:
    """
    Shapes that keep equal values equal without showing them.

    Args:
        secret: Never leaves the installation, so others cannot try out values.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, value: str) -> str:
        """Return 32 hexadecimal digits for *value*."""
        return hmac.new(self._secret, value.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]

    def identifier(self, value: Any) -> Any:
        """An identifier: a number, UUID or the like as it is, any other text as a pseudonym."""
        if isinstance(value, str):
            return value if _UUID.fullmatch(value) or _PLAIN_ID.fullmatch(value) else self.of(value)
        return number(value)

    def checksum(self, value: Any) -> Any:
        """A hexadecimal checksum as it is, any other text as a pseudonym."""
        if not isinstance(value, str):
            return DROPPED
        return value if _HEXADECIMAL.fullmatch(value) else self.of(value)
