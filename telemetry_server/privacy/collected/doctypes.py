"""What is said of each doctype on the transparency page: why it is collected, and what is done with it."""

from collections.abc import Iterator, Mapping
from typing import Any

from telemetry_server.convert.rules.coarsening import EXACT
from telemetry_server.convert.rules.rules import Rule, Rules
from telemetry_server.probes.stores import TELEMETRY, Stores

# Firefox's own doctypes, in a sentence; other doctypes are described by their schema or their application.
FIREFOX: Mapping[str, str] = {
    "main": "How a session of Firefox went: performance, hardware, use of features, settings.",
    "first-shutdown": "The first session of a new profile, in the form of main.",
    "saved-session": "A session of an early Firefox, sent when the next one begins.",
    "idle-daily": "A session of an early Firefox, sent once a day while it is idle.",
    "event": "What happened in a session, with the time of each event.",
    "crash": "A crash of Firefox: its reason and its place in the program.",
    "new-profile": "A profile was created.",
    "update": "An update of Firefox was downloaded, or was installed.",
    "modules": "The libraries that are loaded into Firefox.",
    "health": "How sending of pings itself goes.",
    "deletion-request": "A client asks for the deletion of its data.",
    "core": "A session of Firefox for Android or iOS.",
    "ftu": "The first use of a Firefox OS device.",
    "appusage": "How applications of a Firefox OS device are used.",
    "android-anr-report": "Firefox for Android did not respond.",
    "loop": "How calls of Firefox Hello went.",
    "flash-video": "How videos of the Flash plugin played.",
}

# Documents of Fuel-stat, by the name of their schema.
FUEL: Mapping[str, str] = {
    "installation-structure": "What an installation consists of: nodes, environments, settings; the contact "
    "only where its administrator agreed to it.",
    "action-log": "What was done in the user interface and by the installer, and how it ended.",
    "oswl": "How many virtual machines, volumes, users and other resources an environment has.",
    "ostf-run": "How the health checks of an environment ended.",
    "failure-report": "A deployment that failed, sent with a contact so that support can answer.",
}


def description_of(namespace: str, doctype: str, schema: Mapping[str, Any] | None, defined: str = "") -> str:
    """Return a sentence about a doctype: of its application, of its schema, or ours; empty where unknown."""
    if defined:
        return defined
    for name in ("description", "title"):
        text = (schema or {}).get(name)
        if isinstance(text, str) and text.strip():
            return " ".join(text.split())
    return FIREFOX.get(doctype, "") if namespace == TELEMETRY else ""


def policy_of(namespace: str, doctype: str, stores: Stores) -> dict[str, Any]:
    """Return ``store``, ``client_id`` and ``environment``; without a policy all is allowed."""
    policy = stores.policy_of(namespace, doctype)
    if policy is None:
        return {"store": None, "client_id": "allowed", "environment": "allowed"}
    return {"store": policy.store, "client_id": policy.client_id, "environment": policy.environment}


def treatment_of(namespace: str, doctype: str, rules: Rules | None, stores: Stores) -> dict[str, Any]:
    """
    Return how exactly the doctype is stored: ``arrival``, ``version``, and the ``rules`` for its pings.

    A rule with further conditions may leave some pings as they are, so it is listed and changes neither word.
    """
    found = list(_rules_of(namespace, doctype, rules))
    coarsening = EXACT
    for rule, conditions in found:
        if not conditions:
            coarsening = coarsening.with_(rule.coarsening)
    arrival = "day" if stores.is_anonymous(namespace, doctype) else coarsening.arrival or "exact"
    return {
        "arrival": arrival,
        "version": "major" if coarsening.has_major_versions else "whole",
        "rules": [_as_json(rule, conditions) for rule, conditions in found],
    }


def _rules_of(namespace: str, doctype: str, rules: Rules | None) -> Iterator[tuple[Rule, list[str]]]:
    """Yield each rule that may apply to the doctype, and what else it asks of a ping."""
    known = {"namespace": namespace, "doctype": doctype}
    for rule in rules.rules if rules is not None else ():
        tests = [test for test in rule.when if test.name in known]
        if not all(test.holds(known[test.name]) for test in tests):
            continue
        excluded = rule.unless and all(
            test.name in known and test.holds(known[test.name]) for test in rule.unless
        )
        if excluded:
            continue
        others = [test.name for test in (*rule.when, *rule.unless) if test.name not in known]
        yield rule, list(dict.fromkeys(others))


def _as_json(rule: Rule, conditions: list[str]) -> dict[str, Any]:
    return {
        "name": rule.name,
        "action": rule.action.value,
        "fields": [".".join(path) for path in rule.fields],
        "arrival": rule.coarsening.arrival or None,
        "version": "major" if rule.coarsening.has_major_versions else None,
        "reason": rule.reason,
        "conditions": conditions,
    }
