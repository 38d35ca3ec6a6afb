"""Generated pings of every kind, and the tables of a data root that has converted them."""

import gzip
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import orjson

from histogram_specs.cache.revision_cache import RevisionCache
from storage.raw.submission import Submission
from telemetry_server.generator.definitions import Definitions, definitions_of, shipped_definitions
from telemetry_server.generator.payloads import Layout, uuid_of
from telemetry_server.generator.stream import Recipe
from tests.support.data_root import NOON, World, submitted
from tests.support.glean import NAMESPACE, glean_ping
from tests.support.tables import Tables

CLIENTS = 12
CHANGED = ("LAYOUT_REFLOW_MS", "SCRIPT_PARSE_MS")  # their buckets differ between the two revisions


def changed_definitions() -> Definitions:
    """Return the shipped definitions with other buckets for `CHANGED`."""
    definitions = json.loads(shipped_definitions().text)
    for name in CHANGED:
        definitions[name] |= {"high": 5000, "n_buckets": 12}
    return definitions_of(json.dumps(definitions).encode())


def submissions_of_every_kind(count: int) -> Iterator[Submission]:
    """
    Yield about *count* submissions over two days.

    Good and malformed, classic and unified, of two revisions; some sent twice; Glean pings; pings of
    child processes, with scalars and events.
    """
    each = count // 8
    for turn, definitions in enumerate((shipped_definitions(), changed_definitions())):
        for layout in Layout:
            seed = 2 * turn + (layout is Layout.UNIFIED)
            recipe = Recipe(definitions, seed=seed, malformed_rate=0.2, repeat_rate=0.05, layout=layout)
            for ping in recipe.pings(each):
                yield Submission(received_at=_moment(ping.index), path=ping.path, body=ping.body)
    for number in range(each * 2):
        chance = Random(f"glean/{number}")
        path = f"/submit/{NAMESPACE}/metrics/1/{uuid_of(chance)}"
        yield submitted(glean_ping(chance), number, path=path, at=_moment(number))
    for number in range(each * 2):
        chance = Random(f"session/{number}")
        document_id = uuid_of(chance)
        ping = session_ping(chance, number, document_id)
        yield submitted(ping, number, path=f"/submit/telemetry/{document_id}", at=_moment(number))


def _moment(number: int) -> datetime:
    return NOON + timedelta(hours=5 * (number % 7), microseconds=number)


def session_ping(chance: Random, number: int, document_id: str) -> dict[str, Any]:
    """Return a main ping of one of `CLIENTS`: scalars, events, experiments, a child process, subsessions."""
    ping: dict[str, Any] = orjson.loads(_generated_text(number % 40))
    client = number % CLIENTS
    ping["id"], ping["clientId"] = document_id, str(UUID(int=client, version=4))
    info = ping["payload"]["info"]
    info["profileSubsessionCounter"] = number // CLIENTS * 2 + 1  # every second one was lost
    info["sessionId"] = "{" + str(UUID(int=1000 + client, version=4)).upper() + "}"
    ping["environment"]["experiments"] = {"pref-flip": {"branch": ("control", "treatment")[client % 2]}}
    processes = ping["payload"]["processes"]
    processes["parent"] |= {
        "scalars": {
            "browser.engagement.total_uri_count": chance.randint(1, 900),
            "browser.startup.kind": chance.choice(("cold", "warm")),
            "update.background": chance.random() < 0.5,
        },
        "keyedScalars": {"search.counts": {"duck.urlbar": chance.randint(1, 9), "große.suche": 1}},
        "events": [
            [chance.randint(1, 10**6), "navigation", "search", "urlbar", "enter", {"engine": "duck", "n": 2}]
            for _ in range(chance.randint(0, 4))
        ],
    }
    processes["gpu"] = {"histograms": dict(list(ping["payload"]["histograms"].items())[:3])}
    ping["payload"]["childPayloads"] = [{"simpleMeasurements": {"uptime": chance.randint(1, 99)}}]
    return ping


@cache
def _generated_text(number: int) -> bytes:
    return gzip.decompress(Recipe(shipped_definitions(), seed=7, layout=Layout.UNIFIED).ping_at(number).body)


async def converted_world(path: Path, count: int) -> tuple[World, Tables]:
    """Return a data root below *path* that has converted `submissions_of_every_kind`, and its tables."""
    path.mkdir(parents=True, exist_ok=True)
    world = World(path)
    for definitions in (shipped_definitions(), changed_definitions()):
        RevisionCache(world.root.specs).store(definitions.revision, definitions.text)
    world.receive(submissions_of_every_kind(count))
    await world.convert()
    tables = Tables(world.root)
    return world, tables
