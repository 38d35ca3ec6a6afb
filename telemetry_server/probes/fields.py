"""The fields of one definition: which are known, which are required, and the type of each."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from telemetry_server.probes.errors import DefinitionProblem
from telemetry_server.probes.processes import HISTORICAL, WRITTEN
from telemetry_server.probes.yaml_file import Node, OtherScalar, Pairs

MAX_SHOWN_CHARACTERS = 60
TWICE = "it is defined twice"
PRODUCTS = frozenset({"firefox", "fennec", "thunderbird"})
HISTORICAL_PRODUCTS = PRODUCTS | {"geckoview", "geckoview_streaming", "all"}
SYSTEMS = frozenset({"mac", "linux", "windows", "android", "unix", "all"})
CHANNEL_RULES = frozenset({"opt-in", "opt-out"})
_EXPIRY = re.compile(r"never|[0-9]{1,3}", re.ASCII)
# Versions as older files write them, which the strict grammar refuses.
_HISTORICAL_EXPIRY = re.compile(r"never|default|[0-9]{1,3}(?:\.[0-9]{1,2})?(?:a[0-9])?", re.ASCII)


class Mode(StrEnum):
    """How a definition file is read."""

    STRICT = "strict"  # today's rules, for who writes definitions
    HISTORICAL = "historical"  # the rules of every era, for definitions of clients that are in use


Check = Callable[[Any, Mode], str | None]  # the value → what is wrong with it


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a definition."""

    check: Check
    required: bool = False  # in strict mode
    required_in_history: bool = False
    only_in_history: bool = False  # strict mode does not know it
    any_scalar: bool = False  # a date, too


def shown(value: object) -> str:
    """*value* in a message, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"


class Problems:
    """Collects what is wrong with the definitions of a file."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self.found: list[DefinitionProblem] = []

    def add(self, line: int, name: str, detail: str) -> None:
        """Add an error: the definition is of no use."""
        self.found.append(DefinitionProblem(line, name, detail))

    def warn(self, line: int, name: str, detail: str) -> None:
        """Add what is an error in strict mode only."""
        self.found.append(DefinitionProblem(line, name, detail, self.mode is Mode.HISTORICAL))

    @property
    def errors(self) -> int:
        """How many errors there are."""
        return sum(not problem.is_warning for problem in self.found)


def unique_pairs(node: Node, name: str, problems: Problems) -> dict[str, tuple[Node, Node]]:
    """
    Return the pairs of a mapping by the text of their keys, the last of two equal ones.

    A key that YAML does not read as text (``on``, ``012``, ``12:30``, ``null``) is an error.
    """
    pairs: dict[str, tuple[Node, Node]] = {}
    for key, value in node.value if isinstance(node.value, Pairs) else ():
        if not isinstance(key.value, str):
            text = key.plain if isinstance(key.value, OtherScalar) else key.value
            problems.add(key.line, name, f"the name {shown(text)} is not text in YAML; put it in quotes")
            continue
        if key.value in pairs:
            problems.warn(key.line, f"{name}.{key.value}" if name else key.value, TWICE)
        pairs[key.value] = key, value
    return pairs


def read_fields(
    name: str, line: int, node: Node, fields: Mapping[str, Field], problems: Problems
) -> dict[str, Any] | None:
    """Return the checked fields of one definition; None if it has an error."""
    if not isinstance(node.value, Pairs):
        problems.add(line, name, "the definition is not a mapping of fields")
        return None
    errors = problems.errors
    is_strict = problems.mode is Mode.STRICT
    values: dict[str, Any] = {}
    for key, (key_node, value) in unique_pairs(node, name, problems).items():
        field = fields.get(key)
        if field is None or (is_strict and field.only_in_history):
            problems.add(key_node.line, name, f"the field {shown(key)} is not known")
            continue
        wrong = None if field.any_scalar else _other_scalar(value)
        wrong = wrong or field.check(value.plain, problems.mode)
        if wrong is not None:
            problems.add(value.line, name, f"{key} {wrong}")
        else:
            values[key] = value.plain
    for key, field in fields.items():
        required = field.required if is_strict else field.required_in_history
        if required and not any(k.value == key for k, _ in node.value):
            problems.add(line, name, f"the field {key} is missing")
    return values if problems.errors == errors else None


def _other_scalar(node: Node) -> str | None:
    """Return the problem of a value that contains a scalar of a type that definitions do not have."""
    if isinstance(node.value, OtherScalar):
        if not node.value.text:
            return "has no value"
        return f"{shown(node.value.text)} is a {node.value.kind} in YAML, not text; put it in quotes"
    return next((wrong for item in node.items if (wrong := _other_scalar(item)) is not None), None)


def text(value: Any, mode: Mode) -> str | None:
    """Return the problem of a text."""
    return None if isinstance(value, str) else f"is {shown(value)}, not text"


def boolean(value: Any, mode: Mode) -> str | None:
    """Return the problem of a truth value."""
    if isinstance(value, bool):
        return None
    if mode is Mode.HISTORICAL and value in ("true", "false"):
        return None
    return f"is {shown(value)}, neither true nor false"


def texts(value: Any, mode: Mode) -> str | None:
    """Return the problem of a list of texts that must not be empty."""
    if not isinstance(value, list):
        return f"is {shown(value)}, not a list"
    if not value:
        return "is an empty list"
    wrong = next((item for item in value if not isinstance(item, str)), None)
    return None if wrong is None else f"has {shown(wrong)}, which is not text"


def texts_or_empty(value: Any, mode: Mode) -> str | None:
    """Return the problem of a list of texts; only strict mode refuses an empty one."""
    return None if value == [] and mode is Mode.HISTORICAL else texts(value, mode)


def whole_numbers(value: Any, mode: Mode) -> str | None:
    """Return the problem of a list of whole numbers, which must not be empty; true is not a number."""
    if not isinstance(value, list):
        return f"is {shown(value)}, not a list"
    if not value:
        return "is an empty list"
    wrong = next((item for item in value if type(item) is not int), None)
    return None if wrong is None else f"has {shown(wrong)}, which is not a whole number"


def addresses(value: Any, mode: Mode) -> str | None:
    """Return the problem of a list of mail addresses."""
    wrong = texts(value, mode)
    if wrong is not None:
        return wrong
    bad = next((item for item in value if " " in item or "," in item), None)
    return None if bad is None else f"has {shown(bad)}: one address an entry, without space and comma"


def words_of(allowed: frozenset[str], historical: frozenset[str] = frozenset()) -> Check:
    """Return a check of a list of words."""

    def check(value: Any, mode: Mode) -> str | None:
        wrong = texts(value, mode)
        if wrong is not None:
            return wrong
        known = allowed | historical if mode is Mode.HISTORICAL else allowed
        bad = next((item for item in value if item not in known), None)
        return None if bad is None else f"has {shown(bad)}, not one of {', '.join(sorted(allowed))}"

    return check


def word_of(allowed: frozenset[str]) -> Check:
    """Return a check of one word."""

    def check(value: Any, mode: Mode) -> str | None:
        if isinstance(value, str) and value in allowed:
            return None
        return f"is {shown(value)}, not one of {', '.join(sorted(allowed))}"

    return check


def expiry(value: Any, mode: Mode) -> str | None:
    """Return the problem of the version in which a probe expires."""
    if not isinstance(value, str):
        return f"is {shown(value)}, not text; put it in quotes"
    pattern = _EXPIRY if mode is Mode.STRICT else _HISTORICAL_EXPIRY
    return None if pattern.fullmatch(value) else f"is {shown(value)}, neither 'never' nor a version"


PROCESSES = words_of(WRITTEN, HISTORICAL)
OPERATING_SYSTEMS = words_of(SYSTEMS)
PRODUCT_LIST = words_of(PRODUCTS, HISTORICAL_PRODUCTS)
CHANNEL_RULE = word_of(CHANNEL_RULES)
