"""Evaluates the expressions for numbers in spec files; nothing is executed as code."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from math import prod
from operator import add, floordiv, mul, sub
from pathlib import Path
from types import MappingProxyType

from histogram_specs.errors import BadConstants, BadExpression

MAX_CHARACTERS = 200
DEEPEST = 20
LARGEST = 2**63 - 1
MAX_MEANINGS = 16

# The values of each name from C++ headers.  A spec file does not contain its release, so a name has
# the values of all releases, the oldest first.
Constants = Mapping[str, tuple[int, ...]]
# js/public/GCAPI.h, before that js/src/jsfriendapi.h: 100 in every release.
_GC_REASONS = (100,)
# toolkit/components/startup/StartupTimeline.h: Firefox 17 and 24, 31, 38 and 45.
_STARTUP_EVENTS = (11, 14, 16)
CONSTANTS: Constants = MappingProxyType(
    {
        "js::gcreason::NUM_TELEMETRY_REASONS": _GC_REASONS,
        "JS::gcreason::NUM_TELEMETRY_REASONS": _GC_REASONS,
        "JS::GCReason::NUM_TELEMETRY_REASONS": _GC_REASONS,
        "mozilla::StartupTimeline::MAX_EVENT_ID": _STARTUP_EVENTS,
    }
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*")
_TOKEN = re.compile(r"[ \t]*(?:([0-9]+)|([A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*)|([-+*/()]))")
_SUMS: Mapping[str, Callable[[int, int], int]] = {"+": add, "-": sub}
_SIGNS = {"+": 1, "-": -1}
# Integer division, as in the tool that read these files.
_PRODUCTS: Mapping[str, Callable[[int, int], int]] = {"*": mul, "/": floordiv}


def meanings(texts: Iterable[str], constants: Constants = CONSTANTS) -> Iterator[Mapping[str, int]]:
    """
    Yield the possible values of the names in *texts*; each name has one value in all texts.

    Raises:
        BadExpression: If there are more than `MAX_MEANINGS`.
    """
    names = sorted({name for text in texts for name in _NAME.findall(text) if name in constants})
    count = prod(len(constants[name]) for name in names)
    if count > MAX_MEANINGS:
        raise BadExpression(f"{', '.join(names)}: {count} meanings; at most {MAX_MEANINGS} are tried")
    for numbers in product(*(constants[name] for name in names)):
        yield dict(zip(names, numbers, strict=True))


def evaluate(text: str, constants: Mapping[str, int]) -> int:
    """
    Evaluate an integer expression: decimal numbers, ``+ - * /``, parentheses, names of *constants*.

    Raises:
        BadExpression: If it is anything else, too long, nested too deep or exceeds 63 bits.
    """
    if len(text) > MAX_CHARACTERS:
        raise BadExpression(f"an expression of {len(text)} characters; at most {MAX_CHARACTERS} are read")
    reader = _Reader(text, _tokens(text), constants)
    value = reader.sum(depth=0)
    if reader.peek():
        raise BadExpression(f"{text!r}: {reader.peek()!r} is out of place")
    return value


def read_constants(path: Path) -> Constants:
    """
    Read a JSON object of names, each with its integer or the list of integers that releases used.

    They override the built-in ones.

    Raises:
        BadConstants: If the file cannot be read or is anything else.
    """
    try:
        table = json.loads(path.read_bytes())
    except OSError as error:
        raise BadConstants(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadConstants(f"{path}: not a JSON file of constants: {error}") from error
    if not isinstance(table, dict):
        raise BadConstants(f"{path}: must be one JSON object of names and integers")
    read = {}
    for name, written in table.items():
        numbers = tuple(written) if isinstance(written, list) else (written,)
        if not 0 < len(numbers) <= MAX_MEANINGS or not all(type(number) is int for number in numbers):
            raise BadConstants(
                f"{path}: {name!r:.60} must be an integer, or a list of 1 to {MAX_MEANINGS} integers"
            )
        read[name] = numbers
    return MappingProxyType({**CONSTANTS, **read})


def _tokens(text: str) -> list[str]:
    tokens = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise BadExpression(f"{text!r}: not a sum of integers at character {position + 1}")
        tokens.append(match[0].strip())
        position = match.end()
    return tokens


class _Reader:
    """A recursive descent parser for one expression."""

    def __init__(self, text: str, tokens: list[str], constants: Mapping[str, int]) -> None:
        self._text = text
        self._tokens = tokens
        self._constants = constants
        self._position = 0

    def peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self._position += 1
        return token

    def sum(self, depth: int) -> int:
        value = self.product(depth)
        while self.peek() in _SUMS:
            value = self.checked(_SUMS[self.take()](value, self.product(depth)))
        return value

    def product(self, depth: int) -> int:
        value = self.factor(depth)
        while self.peek() in _PRODUCTS:
            operation = _PRODUCTS[self.take()]
            try:
                value = self.checked(operation(value, self.factor(depth)))
            except ZeroDivisionError:
                raise BadExpression(f"{self._text!r}: divides by zero") from None
        return value

    def factor(self, depth: int) -> int:
        if depth > DEEPEST:
            raise BadExpression(f"{self._text!r}: nested too deep")
        symbol = self.take()
        if symbol == "(":
            value = self.sum(depth + 1)
            if self.take() != ")":
                raise BadExpression(f"{self._text!r}: a parenthesis is not closed")
            return value
        if symbol in _SIGNS:
            return _SIGNS[symbol] * self.factor(depth + 1)
        if symbol.isdigit():
            return self.checked(int(symbol))
        if symbol in self._constants:
            return self._constants[symbol]
        problem = f"{symbol!r} is not a known constant" if symbol else "it ends early"
        raise BadExpression(f"{self._text!r}: {problem}")

    def checked(self, value: int) -> int:
        if abs(value) > LARGEST:
            raise BadExpression(f"{self._text!r}: exceeds 63 bits")
        return value
