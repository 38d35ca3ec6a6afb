"""
The operator's rules: which pings to refuse, and which fields to remove from the others.

Rules are data (see `rules_file`) and are applied in order until one refuses the ping.  Everything
here can be pickled for another process.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from telemetry_server.convert.histograms.key_rewriting import KeyRewriting
from telemetry_server.convert.rules.coarsening import EXACT, Coarsening
from telemetry_server.pings.client_identity import client_id_of

MAX_FIELD_CHARACTERS = 1024


class Action(StrEnum):
    """What a rule does with the pings that it matches."""

    UNWANTED = "unwanted"
    AFFECTED_BY_BUG = "affected_by_bug"  # refused too; the detail names a bug as the reason
    DROP = "drop"
    REDACT = "redact"
    COARSEN = "coarsen"
    REWRITE_KEYS = "rewrite_keys"


REFUSING = frozenset({Action.UNWANTED, Action.AFFECTED_BY_BUG})
REMOVING = frozenset({Action.DROP, Action.REDACT})
REDACTED = "[redacted]"


@dataclass(frozen=True, slots=True)
class Facts:
    """The fields that a rule can test besides those of the payload and headers."""

    namespace: str
    doctype: str
    docversion: str
    app: str | None
    version: str | None
    channel: str | None
    build: str | None

    def value_of(self, name: str, ping: Mapping[str, Any], headers: Mapping[str, str]) -> str | None:
        """The value of *name*: one of these fields, ``client_id``, ``header.<name>`` or ``json.<path>``."""
        if name.startswith("header."):
            return headers.get(name[len("header.") :])
        if name.startswith("json."):
            return scalar_text(_find(ping, name[len("json.") :].split(".")))
        if name == "client_id":
            return client_id_of(ping)
        value: str | None = getattr(self, name)
        return value


@dataclass(frozen=True, slots=True)
class Test:
    """A condition on one value: it matches one of the patterns, or is within every bound."""

    name: str
    patterns: tuple[re.Pattern[str], ...] = ()
    bounds: tuple[tuple[str, tuple[int, ...]], ...] = ()  # an operator, and a version as numbers

    def holds(self, value: str | None) -> bool:
        """Whether *value* meets the condition; a missing value never does."""
        if value is None:
            return False
        value = value[:MAX_FIELD_CHARACTERS]
        if self.bounds:
            return _is_within(value, self.bounds)
        return any(pattern.fullmatch(value) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class Rule:
    """Applies `action` to pings for which all of `when` hold, but not all of `unless`."""

    name: str
    action: Action
    when: tuple[Test, ...]
    unless: tuple[Test, ...] = ()
    fields: tuple[tuple[str, ...], ...] = ()  # paths to drop, redact or rewrite
    rewriting: KeyRewriting | None = None
    coarsening: Coarsening = EXACT
    reason: str = ""  # written by the operator

    def is_for(self, facts: Facts, ping: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
        """Whether this rule applies to the ping."""
        if not _all_hold(self.when, facts, ping, headers):
            return False
        return not (self.unless and _all_hold(self.unless, facts, ping, headers))

    @property
    def refusal(self) -> str:
        """The quarantine detail of a ping that this rule refuses."""
        kind = "affected by a bug, " if self.action is Action.AFFECTED_BY_BUG else ""
        return f"{kind}rule {self.name}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a file, in order."""

    rules: tuple[Rule, ...] = ()

    def apply(self, facts: Facts, ping: dict[str, Any], headers: Mapping[str, str]) -> "Applied":
        """
        Apply every rule to *ping*, which is changed in place.

        Returns:
            The refusal, if a rule refuses the ping, how often each kind of rule changed something, and what
            is to be stored less exactly.
        """
        notes: dict[str, int] = {}
        coarsening = EXACT
        for rule in self.rules:
            if not rule.is_for(facts, ping, headers):
                continue
            if rule.action in REFUSING:
                return Applied(rule.refusal, notes, coarsening)
            coarsening = coarsening.with_(rule.coarsening)
            if _change(rule, ping) or rule.action is Action.COARSEN:
                note = f"rule_{rule.action}"
                notes[note] = notes.get(note, 0) + 1
        return Applied(None, notes, coarsening)

    @property
    def has_removals(self) -> bool:
        """Whether a rule removes something: fields, values, or a part of the time of arrival."""
        return any(rule.action in REMOVING or rule.coarsening.arrival for rule in self.rules)

    def remove(
        self, facts: Facts, ping: dict[str, Any], headers: Mapping[str, str]
    ) -> tuple[Coarsening, bool]:
        """
        Apply the rules that remove fields to *ping*, in place, even if another rule refuses it.

        Returns:
            What is to be stored less exactly, and whether *ping* was changed.
        """
        coarsening, is_changed = EXACT, False
        for rule in self.rules:
            if rule.action not in REFUSING and rule.is_for(facts, ping, headers):
                coarsening = coarsening.with_(rule.coarsening)
                is_changed |= rule.action in REMOVING and _change(rule, ping)
        return coarsening, is_changed


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of applying the rules to one ping."""

    refusal: str | None
    notes: Mapping[str, int]
    coarsening: Coarsening = EXACT


def _all_hold(
    tests: tuple[Test, ...], facts: Facts, ping: Mapping[str, Any], headers: Mapping[str, str]
) -> bool:
    return all(test.holds(facts.value_of(test.name, ping, headers)) for test in tests)


def _change(rule: Rule, ping: dict[str, Any]) -> bool:
    changed = False
    for path in rule.fields:
        parent = _find(ping, path[:-1])
        if not isinstance(parent, dict) or path[-1] not in parent:
            continue
        if rule.action is Action.DROP:
            del parent[path[-1]]
        elif rule.action is Action.REDACT:
            parent[path[-1]] = REDACTED
        elif rule.rewriting is not None and not rule.rewriting.rewrite(parent[path[-1]]):
            continue
        changed = True
    return changed


def _find(value: Any, path: tuple[str, ...] | list[str]) -> Any:
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def scalar_text(value: Any) -> str | None:
    """A string, number or boolean as text; None for any other value."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def version_numbers(text: str) -> tuple[int, ...] | None:
    """The leading numbers of *text*: ``(45, 0)`` for ``45.0b6``; None if it does not start with one."""
    found = re.match(r"[0-9]{1,18}(?:\.[0-9]{1,18})*", text)
    return tuple(map(int, found[0].split("."))) if found else None


def _is_within(value: str, bounds: tuple[tuple[str, tuple[int, ...]], ...]) -> bool:
    numbers = version_numbers(value)
    if numbers is None:
        return False
    return all(_keeps_to(_padded(numbers), operator, _padded(bound)) for operator, bound in bounds)


def _padded(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """``42`` and ``42.0`` are the same version."""
    return (*numbers, *(0,) * (8 - len(numbers)))[:8]


def _keeps_to(numbers: tuple[int, ...], operator: str, bound: tuple[int, ...]) -> bool:
    if operator == "<":
        return numbers < bound
    if operator == "<=":
        return numbers <= bound
    return numbers > bound if operator == ">" else numbers >= bound
