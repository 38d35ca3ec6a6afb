"""Reads a rules file: TOML, a list of ``[[rule]]`` (its form: docs/clients.md)."""

import fnmatch
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from telemetry_server.convert.histograms.key_rewriting import KeyRewriting
from telemetry_server.convert.rules.coarsening import ARRIVALS, EXACT, MAJOR, Coarsening
from telemetry_server.convert.rules.rules import REFUSING, Action, Rule, Rules, Test, version_numbers

FACTS = ("namespace", "doctype", "docversion", "app", "version", "channel", "build", "client_id")
TABLES = ("header", "json")
_KEYS = frozenset(
    {"name", "action", "when", "unless", "fields", "keep", "replacement", "separator", "reason"}
    | {"arrival", "version"}
)
_BOUND = re.compile(r"(<=|>=|<|>)\s*([0-9][0-9.]*)")


class BadRules(ValueError):
    """The rules file is invalid; the message is one line that names the rule and its part."""


def read_rules(path: Path) -> Rules:
    """
    The rules of the file at *path*.

    Raises:
        BadRules: The file cannot be read, or is invalid.
    """
    try:
        return parse_rules(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadRules(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except BadRules as error:
        raise BadRules(f"{path}: {error}") from None


def parse_rules(text: str) -> Rules:
    """
    The rules in *text*.

    Raises:
        BadRules: The text is invalid.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadRules(f"not valid TOML: {error}") from None
    unknown = set(document) - {"rule"}
    if unknown:
        raise BadRules(f"{min(unknown)!r} is not a known key; write rules as [[rule]] tables")
    rules = document.get("rule", [])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise BadRules("write rules as [[rule]] tables")
    parsed = tuple(_rule(number, each) for number, each in enumerate(rules, start=1))
    names = [rule.name for rule in parsed]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise BadRules(f"two rules are named {repeated!r}")
    return Rules(parsed)


def _rule(number: int, described: Mapping[str, Any]) -> Rule:
    name = described.get("name")
    if not isinstance(name, str) or not name or not name.isprintable():
        raise BadRules(f"rule {number}: it needs a name")
    where = f"rule {name!r}"
    unknown = set(described) - _KEYS
    if unknown:
        raise BadRules(f"{where}: {min(unknown)!r} is not a key of a rule ({', '.join(sorted(_KEYS))})")
    action = _one_of(where, described.get("action"))
    tests = _tests(f"{where}, when", described.get("when", {}))
    if not tests:
        raise BadRules(f"{where}: it needs a [rule.when] with the pings that it applies to")
    fields = tuple(tuple(path.split(".")) for path in _texts(f"{where}, fields", described.get("fields", [])))
    if bool(fields) == (action in REFUSING or action is Action.COARSEN):
        raise BadRules(f"{where}: {action} {'takes no' if fields else 'needs'} fields")
    reason = described.get("reason", "")
    if not isinstance(reason, str) or not (reason.isprintable() or not reason):
        raise BadRules(f"{where}: reason must be one line of text")
    return Rule(
        name=name,
        action=action,
        when=tests,
        unless=_tests(f"{where}, unless", described.get("unless", {})),
        fields=fields,
        rewriting=_rewriting(where, action, described),
        coarsening=_coarsening(where, action, described),
        reason=reason,
    )


def _one_of(where: str, value: Any) -> Action:
    try:
        return Action(value)
    except ValueError:
        raise BadRules(f"{where}: action must be one of {', '.join(Action)}") from None


def _rewriting(where: str, action: Action, described: Mapping[str, Any]) -> KeyRewriting | None:
    given = {"keep", "replacement", "separator"} & set(described)
    if action is not Action.REWRITE_KEYS:
        if given:
            raise BadRules(f"{where}: {min(given)} is for {Action.REWRITE_KEYS} only")
        return None
    replacement, separator = described.get("replacement"), described.get("separator", ":")
    if not isinstance(replacement, str) or not isinstance(separator, str) or not separator:
        raise BadRules(f"{where}: rewrite_keys needs a replacement, a text")
    keep = tuple(map(_pattern, _texts(f"{where}, keep", described.get("keep", []))))
    return KeyRewriting(keep, replacement, separator)


def _coarsening(where: str, action: Action, described: Mapping[str, Any]) -> Coarsening:
    given = {"arrival", "version"} & set(described)
    if action is not Action.COARSEN:
        if given:
            raise BadRules(f"{where}: {min(given)} is for {Action.COARSEN} only")
        return EXACT
    if not given:
        raise BadRules(f"{where}: coarsen needs arrival, version or both")
    arrival, version = described.get("arrival", ""), described.get("version", "")
    if "arrival" in given and arrival not in ARRIVALS:
        raise BadRules(f"{where}: arrival must be one of {', '.join(ARRIVALS)}")
    if "version" in given and version != MAJOR:
        raise BadRules(f"{where}: version must be {MAJOR}")
    return Coarsening(arrival, has_major_versions=version == MAJOR)


def _tests(where: str, described: Any) -> tuple[Test, ...]:
    if not isinstance(described, dict):
        raise BadRules(f"{where}: must be a table of conditions")
    tests: list[Test] = []
    for name, wanted in described.items():
        if name in TABLES:
            tests += _tests_of_table(where, name, wanted)
        elif name in FACTS:
            tests.append(_test(f"{where}.{name}", name, wanted))
        else:
            raise BadRules(f"{where}: {name!r} is not a condition ({', '.join((*FACTS, *TABLES))})")
    return tuple(tests)


def _tests_of_table(where: str, table: str, wanted: Any) -> list[Test]:
    if not isinstance(wanted, dict):
        raise BadRules(f'{where}.{table}: must be a table, such as {table}."name" = "value"')
    written: Callable[[str], str] = (
        (lambda name: name.lower().replace("-", "_")) if table == "header" else (lambda name: name)
    )
    return [
        _test(f"{where}.{table}.{name}", f"{table}.{written(name)}", value) for name, value in wanted.items()
    ]


def _test(where: str, name: str, wanted: Any) -> Test:
    texts = _texts(where, wanted if isinstance(wanted, list) else [wanted])
    if not texts:
        raise BadRules(f"{where}: needs a value")
    found = [_BOUND.fullmatch(text) for text in texts]
    bounds = [(each[1], version_numbers(each[2]) or ()) for each in found if each]
    if not bounds:
        return Test(name, tuple(map(_pattern, texts)))
    if len(bounds) != len(texts):
        raise BadRules(f'{where}: either bounds, such as "<42", or patterns')
    return Test(name, bounds=tuple(bounds))


def _pattern(text: str) -> re.Pattern[str]:
    """``*`` and ``?`` stand for any characters, ``[`` for itself."""
    return re.compile(fnmatch.translate(text.replace("[", "[[]")))


def _texts(where: str, values: Any) -> list[str]:
    if isinstance(values, list) and all(isinstance(value, str) and value for value in values):
        return list(values)
    raise BadRules(f"{where}: must be a text or a list of texts")
