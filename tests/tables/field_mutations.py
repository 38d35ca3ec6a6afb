"""
Reads the fields of mutated records with a compiled module.

``python -m tests.tables.field_mutations LIBRARY SECONDS`` prints how many records it read, and fails at the
first record for which the plain way collects another row.
"""

import sys
from random import Random
from typing import Any

import orjson

from telemetry_server.convert.compiled.ping_text import OpenedObject
from telemetry_server.tables import column_collectors
from telemetry_server.tables.row_collector import RowCollector
from tests.records.test_measurements import OneSpecFile
from tests.tables.mutated_inputs import compare

MODULE = "telemetry_server.tables._fields"
ODD = (
    *(None, True, 0, 2**64, 0.5, "", "é", "a\ud800", [], ["a"], {}, {"branch": 1}),
    *("Linux", "Mac", "5.15.0-91", "5", "5.", "telemetry"),
    *("C0FFEE00-0000-4000-8000-000000000001", "{c0ffee00-0000-4000-8000-000000000001}"),
    *("c0ffee00-0000-4000-8000-00000000000g", "c0ffee00000040008000000000000001", "c0ffee00-0000-4000"),
    *("c0ffee00-0000-4000-80 0-000000000001", "c0ffee00-0000-4000-8000-00000000000é"),
    *("2026-02-29T10:00:00.000000Z", "2026-04-31T10:00:00.000000Z", "2024-02-29T10:00:00.000000Z"),
    *("0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z", "2000-03-01T00:00:00.000000Z"),
    *("2026-11-20T24:00:00.000000Z", "2026-11-20T10:00:00Z", "2026-11-20T10:00:00.000000+01:00"),
    *("2026-11-2\uff10T10:00:00.000000Z", "2026-11-20 10:00:00.000000Z"),
)
METADATA = {
    "document_id": "c0ffee00-0000-4000-8000-000000000001",
    "submission_timestamp": "2026-11-20T10:11:12.345678Z",
    "docversion": "1",
    "header": {"x_source_tags": "automation"},
    "geo": {"country": "FR"},
}
GLEAN: dict[str, Any] = {
    "metadata": {**METADATA, "namespace": "org-example-app", "doctype": "metrics"},
    "client_info": {
        "client_id": "0a1b2c3d-0000-4000-8000-000000000001",
        "session_id": "d1d1d1d1-0000-4000-8000-000000000001",
        "app_channel": "beta",
        "app_display_version": "126.0",
        "app_build": "2015980000",
        "os": "Linux",
        "os_version": "5.15.0-91",
        "architecture": "arm64-v8a",
    },
    "ping_info": {"experiments": {"tab-order": {"branch": "control"}, "other": {"branch": ""}, "third": {}}},
}
INFO = {
    "reason": "saved-session",
    "revision": "https://hg.mozilla.org/releases/mozilla-release/rev/abcdef",
    "sessionId": "d2d2d2d2-0000-4000-8000-000000000001",
    "subsessionId": "d3d3d3d3-0000-4000-8000-000000000001",
    "profileSubsessionCounter": 12,
    "appName": "Firefox",
    "appUpdateChannel": "release",
    "appVersion": "120.0",
    "appBuildID": "20261101000000",
    "OS": "WINNT",
    "version": "10.0",
    "arch": "x86-64",
}
CLASSIC: dict[str, Any] = {
    "metadata": {**METADATA, "namespace": "telemetry", "doctype": "saved-session"},
    "clientID": "0a1b2c3d-0000-4000-8000-000000000002",
    "info": INFO,
}
UNIFIED: dict[str, Any] = {
    "metadata": {**METADATA, "namespace": "telemetry", "doctype": "main"},
    "clientId": "0a1b2c3d-0000-4000-8000-000000000003",
    "application": {
        "name": "Firefox",
        "channel": "beta",
        "version": "121.0",
        "buildId": "20261102000000",
        "architecture": "x86-64",
    },
    "environment": {
        "system": {"os": {"name": "Linux", "version": "6.1.2"}},
        "experiments": {"pref-flip": {"branch": "on"}},
    },
    "payload": {"info": INFO},
}
RECORDS = {"glean": GLEAN, "classic": CLASSIC, "unified": UNIFIED}
# What other pings have in place of these.
ALSO = ("client_id", "clientId", "clientID", "app_channel", "app_version", "app_build", "os", "os_version")


def as_opened(value: Any, depth: int = 0) -> Any:
    """Return a record as a split one: most members are text, which is decoded when it is read."""
    if not isinstance(value, dict):
        return value
    opened = OpenedObject()
    for name, member in value.items():
        if depth < 2 and name in ("payload", "environment", "system"):
            opened[name] = as_opened(member, depth + 1)
            continue
        try:
            opened[name] = orjson.dumps(member)
        except TypeError:  # no JSON: a lone surrogate
            opened[name] = member
    return opened


def collected(records: list[dict[str, Any]]) -> tuple[Any, ...]:
    """Return the columns of *records*, whole and split, and the type of the error that ends them early."""
    collector = RowCollector(OneSpecFile())
    for record in records:
        for form in (record, as_opened(record)):
            try:
                collector.add(b"", 0, form)
            except Exception as error:
                return type(error), str(error)
    return collector.rows, None


def mutated(chance: Random, value: Any, depth: int = 0) -> Any:
    """Return a copy of *value* with parts replaced, removed, or in another order."""
    if chance.random() < 0.02 * depth:
        return chance.choice(ODD)
    if not isinstance(value, dict):
        return value
    items = [(key, part) for key, part in value.items() if chance.random() > 0.03]
    if chance.random() < 0.1:
        chance.shuffle(items)
    return {key: mutated(chance, part, depth + 1) for key, part in items}


def a_mutated_record(chance: Random) -> dict[str, Any]:
    """Return a record that most often is almost usual."""
    record: dict[str, Any] = mutated(chance, chance.choice(list(RECORDS.values())))
    return record | {name: chance.choice(ODD) for name in ALSO if chance.random() < 0.05}


if __name__ == "__main__":
    library, seconds = sys.argv[1:]
    count = compare(
        column_collectors,
        MODULE,
        library,
        mutated_input=a_mutated_record,
        collected=collected,
        seconds=float(seconds),
    )
    print(count)
