"""Conversion of main pings with every check of their probes, compared with conversion without any."""

import gzip
import tempfile
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import orjson

from bench.conversion import BATCH, Work, good_pings, milliseconds_each, ours
from bench.report import Row, paired_row
from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.history.resolver import Resolver
from storage.partitions.schema import PartitionSchema
from storage.raw.submission import Submission
from telemetry_server.convert.conversion import ConversionContext
from telemetry_server.generator.definitions import Definitions, shipped_definitions
from telemetry_server.generator.payloads import Layout
from telemetry_server.probes.stores import StorePolicy, Stores

GOAL = 1.15
# Counts of a main ping: few values, as in 2017, and many, as in later years.
COUNTS = {"few scalars": (2, 0), "many scalars and events": (100, 20)}
SEED = 18


class Unchecked(Stores):
    """Stores of no doctype: nothing is held against definitions."""

    def policy_of(self, namespace: str, doctype: str) -> None:
        """Return None for every doctype."""


def measure(quick: bool) -> list[Row]:
    """Return a row for each number of scalars, from alternating rounds."""
    count, rounds = (BATCH, 3) if quick else (3 * BATCH, 9)
    definitions = shipped_definitions()
    plain = good_pings(definitions, Layout.UNIFIED, count)
    rows = []
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as folder:
        for number, (name, (scalars, events)) in enumerate(COUNTS.items()):
            checked = _context(Path(folder, str(number)), definitions, max(scalars, 1), max(events, 1))
            works = {
                "checked": ours(checked, plainly=False),
                "unchecked": ours(replace(checked, stores=Unchecked()), plainly=False),
            }
            pings = [with_values(each, Random(SEED + at), scalars, events) for at, each in enumerate(plain)]
            rows.append(
                paired_row(
                    f"probes, main pings with {name}",
                    "CPU ms per ping",
                    _pairs(works, pings, rounds),
                    "the same without checks",
                    f"goal: {GOAL}",
                )
            )
    return rows


def _pairs(works: dict[str, Work], pings: list[Submission], rounds: int) -> list[tuple[float, float]]:
    for work in works.values():
        milliseconds_each(work, pings[:BATCH])
    pairs = []
    # Alternates after each batch, because the speed of a shared machine changes from second to second.
    for _ in range(rounds):
        for first in range(0, len(pings), BATCH):
            batch = pings[first : first + BATCH]
            pairs.append(
                (milliseconds_each(works["checked"], batch), milliseconds_each(works["unchecked"], batch))
            )
    return pairs


def _context(folder: Path, definitions: Definitions, scalars: int, events: int) -> ConversionContext:
    """Return a context with definitions of *scalars* and *events*, and a store beside that of main pings."""
    RevisionCache(folder).store(definitions.revision, definitions.text, definition_files(scalars, events))
    stores = Stores({("telemetry", "custom"): StorePolicy("custom-store", client_id="forbidden")})
    resolver = Resolver(RevisionCache(folder), None, offline=True)
    return ConversionContext(resolver, PartitionSchema.default(), stores=stores)


def definition_files(scalars: int, events: int) -> dict[str, bytes]:
    """Return the files beside Histograms.json that define the values of `with_values`."""
    return {"Scalars.yaml": _scalar_file(scalars), "Events.yaml": _event_file(events)}


def with_values(submission: Submission, chance: Random, scalars: int, events: int) -> Submission:
    """Return a unified ping with so many scalars and events."""
    ping = orjson.loads(gzip.decompress(submission.body))
    parent = ping["payload"]["processes"]["parent"]
    parent["scalars"] = {f"bench.values.probe_{at}_count": chance.randrange(1000) for at in range(scalars)}
    parent["events"] = [
        [chance.randrange(10**6), "bench", "click", f"object_{at}_link", None, {"key": "value"}]
        for at in range(events)
    ]
    return replace(submission, body=gzip.compress(orjson.dumps(ping), mtime=0))


def _scalar_file(count: int) -> bytes:
    probe = {"kind": "uint", **_shared("expires")}
    return _yaml({"bench.values": {f"probe_{at}_count": probe for at in range(count)}})


def _event_file(count: int) -> bytes:
    entry = {
        "objects": [f"object_{at}_link" for at in range(count)],
        "extra_keys": {"key": "A key."},
        **_shared("expiry_version"),
    }
    return _yaml({"bench": {"click": entry}})


def _shared(expires: str) -> dict[str, Any]:
    return {
        expires: "never",
        "bug_numbers": [1],
        "description": "A probe.",
        "notification_emails": ["bench@example.org"],
        "record_in_processes": ["main"],
        "release_channel_collection": "opt-out",
    }


def _yaml(value: dict[str, Any]) -> bytes:
    """Return *value* as JSON, which is YAML."""
    return orjson.dumps(value)
