"""A garden's definitions and stores, and the pings that are held against them."""

from collections import Counter
from pathlib import Path
from typing import Any

import orjson

from telemetry_server.convert.conversion import ConversionContext
from telemetry_server.convert.pipeline import convert
from telemetry_server.outcomes.outcome import Outcome
from telemetry_server.probes.marks import MarkName
from telemetry_server.probes.stores import parse_stores
from tests.convert.payloads.samples import CHANGESET, REPOSITORY, REVISION, SPECS, a_context, a_submission

SCALARS = b"""
garden.weather:
  rain_ticks:
    bug_numbers: [0]
    description: Rain that fell on the garden.
    expires: '71'
    kind: uint
    notification_emails: [gardeners@example.org]
    release_channel_collection: opt-out
    record_in_processes: ["main"]
    record_into_store: ["side-store"]
  open_count:
    bug_numbers: [1]
    description: How often the gate was opened.
    expires: never
    kind: uint
    notification_emails: [gardeners@example.org]
    release_channel_collection: opt-out
    record_in_processes: ["main", "content"]
    record_into_store: ["main", "side-store"]
  main_only:
    bug_numbers: [2]
    description: The name of the season.
    expires: never
    kind: string
    notification_emails: [gardeners@example.org]
    record_in_processes: ["all"]
  by_tool:
    bug_numbers: [3]
    description: How often each tool was used.
    expires: never
    kind: uint
    keyed: true
    keys: ["rake", "hoe"]
    notification_emails: [gardeners@example.org]
    record_in_processes: ["all_children"]
    record_into_store: ["side-store"]
  by_bed:
    bug_numbers: [4]
    description: How often each bed was watered.
    expires: never
    kind: uint
    keyed: true
    notification_emails: [gardeners@example.org]
    record_in_processes: ["all_children"]
    record_into_store: ["side-store"]
  note:
    bug_numbers: [5]
    description: A note of the gardener.
    expires: never
    kind: string
    notification_emails: [gardeners@example.org]
    record_in_processes: ["main"]
    record_into_store: ["side-store", "new-profile"]
startup:
  profile_count:
    bug_numbers: [6]
    description: How many gardens there are.
    expires: never
    kind: uint
    notification_emails: [gardeners@example.org]
    record_in_processes: ["main"]
    record_into_store: ["new-profile"]
"""
SIDE_SPECS = {
    "SIDE_FLAG": {
        "kind": "flag",
        "expires_in_version": "75",
        "record_in_processes": ["main"],
        "record_into_store": ["side-store"],
    }
}
STORES = b"""
[custom]
store = "side-store"
client_id = "forbidden"

[deletion-request]
store = "deletion-request"
client_id = "required"

[new-profile]
store = "new-profile"
client_id = "required"
"""
SOMEBODY = "7ad1c0de-25f5-450a-9cce-7d31318846d8"


def a_garden(directory: Path, **files: bytes) -> ConversionContext:
    """A context with the garden's definitions and stores; *files* replace or add definition files."""
    context = a_context(directory, {**SPECS, **SIDE_SPECS}, stores=parse_stores(STORES))
    folder = directory / "specs" / REPOSITORY / CHANGESET
    for name, text in {"Scalars_yaml": SCALARS, **files}.items():
        (folder / name.replace("_", ".")).write_bytes(text)
    return context


def a_ping(
    payload: dict[str, Any], doctype: str = "custom", version: str = "70.0", **more: Any
) -> dict[str, Any]:
    """A ping of *doctype* with *payload*."""
    return {
        "type": doctype,
        "version": 4,
        "application": {
            "name": "Firefox",
            "version": version,
            "buildId": "20191010000000",
            "channel": "release",
        },
        "payload": {"info": {"revision": REVISION}, **payload},
        **more,
    }


def a_main_ping(process: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A main ping with *process* as the parent's section."""
    payload = {"histograms": {}, "processes": {"parent": process}}
    return a_ping(payload, "main", **more)


def marks_of(ping: dict[str, Any] | bytes, context: ConversionContext) -> tuple[Outcome, Counter[str]]:
    """The outcome of *ping*, and its notes that are marks; both ways of parsing must agree."""
    outcome = convert(a_submission(ping), context)
    assert outcome == convert(a_submission(ping), context, fully=True)
    names = set(MarkName)
    return outcome, Counter({name: count for name, count in outcome.notes.items() if name in names})


def body_of(outcome: Any) -> dict[str, Any]:
    """The body that may be written of a refused ping."""
    return orjson.loads(outcome.submission.body)
