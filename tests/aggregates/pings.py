"""Pings with a few histograms, and data roots that hold them."""

import asyncio
import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from histogram_specs.buckets import exponential_bucket_starts
from histogram_specs.revision import Revision
from storage.disk import Disk
from storage.raw.submission import Submission
from telemetry_server.aggregates.definitions import CachedDefinitions
from telemetry_server.aggregates.histogram_answer import histogram_answer
from telemetry_server.aggregates.query import HistogramQuery, selection_of
from telemetry_server.aggregates.reader import Reader
from telemetry_server.aggregates.update import Updater, UpdateResult
from tests.probes.glean_samples import NAMESPACE
from tests.support.data_root import World, an_id

REVISION = Revision("mozilla-central", "0123456789ab")
LATER = Revision("mozilla-central", "ba9876543210")
TEN = exponential_bucket_starts(1, 3000, 10)
EXPONENTIAL = {"kind": "exponential", "low": 1, "high": 3000, "n_buckets": 10}
SPEC: dict[str, Any] = {
    "EXP": {**EXPONENTIAL, "description": "a time"},
    "LIN": {"kind": "linear", "low": 1, "high": 20, "n_buckets": 5},
    "BOOL": {"kind": "boolean"},
    "FLAG": {"kind": "flag"},
    "CNT": {"kind": "count"},
    "ENUM4": {"kind": "enumerated", "n_values": 4},
    "CAT": {"kind": "categorical", "labels": ["eOK", "eTimeout", "eAbort"]},
    "KEXP": {**EXPONENTIAL, "keyed": True},
    "USE_COUNTER2_X_PAGE": {"kind": "boolean"},
    "TOP_LEVEL_CONTENT_DOCUMENTS_DESTROYED": {"kind": "count"},
}
SPEC = {name: {"description": name, "expires_in_version": "never", **spec} for name, spec in SPEC.items()}
TYPES: dict[str, tuple[int, list[int], int]] = {
    "EXP": (0, [1, 3000], 10),
    "LIN": (1, [1, 20], 5),
    "BOOL": (2, [1, 2], 3),
    "FLAG": (3, [1, 2], 3),
    "CNT": (4, [1, 2], 3),
    "ENUM4": (1, [1, 4], 5),
    "CAT": (5, [1, 50], 51),
    "KEXP": (0, [1, 3000], 10),
    "USE_COUNTER2_X_PAGE": (2, [1, 2], 3),
    "TOP_LEVEL_CONTENT_DOCUMENTS_DESTROYED": (4, [1, 2], 3),
}
WINDOWS = ("Windows_NT", "10.0")
MAC = ("Darwin", "14.3.0")
LINUX = ("Linux", "6.1.0-9")


def histogram(name: str, values: Mapping[int, int], total: int | None) -> dict[str, Any]:
    """Return a histogram as clients send it."""
    kind, limits, buckets = TYPES[name]
    found = {
        "range": limits,
        "bucket_count": buckets,
        "histogram_type": kind,
        "values": {str(start): count for start, count in values.items()},
    }
    return found if total is None else {**found, "sum": total}


def exp(values: Mapping[int, int], total: int | None) -> dict[str, Any]:
    """Return histograms with one EXP."""
    return {"EXP": histogram("EXP", values, total)}


@dataclass(frozen=True)
class Main:
    """A main ping."""

    number: int
    client: str | None  # a letter
    day: int  # of November 2026
    build: str = "20261118030000"
    os: tuple[str, str] = WINDOWS
    parent: Mapping[str, Any] = field(default_factory=dict)  # histograms
    content: Mapping[str, Any] = field(default_factory=dict)
    scalars: Mapping[str, Any] = field(default_factory=dict)  # of the parent process
    payload: Mapping[str, Any] = field(default_factory=dict)  # more of it
    headers: Mapping[str, str] = field(default_factory=dict)
    revision: Revision = REVISION
    channel: str = "nightly"
    version: str = "42.0a1"
    experiments: Mapping[str, str] = field(default_factory=dict)

    @property
    def document_id(self) -> str:
        """The document id."""
        return an_id(self.number)

    def submission(self) -> Submission:
        """Return it as from a client."""
        content = {"content": {"histograms": self.content, "keyedHistograms": {}}} if self.content else {}
        processes = {**content, **({"parent": {"scalars": self.scalars}} if self.scalars else {})}
        payload: dict[str, Any] = {
            "ver": 4,
            "info": {
                "reason": "daily",
                "revision": f"https://hg.mozilla.org/{self.revision.repository}/rev/{self.revision.changeset}",
            },
            "histograms": self.parent,
            "keyedHistograms": {},
            "processes": processes,
        }
        ping: dict[str, Any] = {
            "type": "main",
            "id": self.document_id,
            "creationDate": "2026-11-20T10:00:00.000Z",
            "version": 4,
            "application": {
                "name": "Firefox",
                "channel": self.channel,
                "version": self.version,
                "buildId": self.build,
                "architecture": "x86-64",
            },
            "environment": {
                "system": {"os": {"name": self.os[0], "version": self.os[1]}},
                "experiments": {name: {"branch": branch} for name, branch in self.experiments.items()},
            },
            "payload": {**payload, **self.payload},
        }
        if self.client is not None:
            ping["clientId"] = client_id(self.client)
        path = f"/submit/telemetry/{self.document_id}/main/Firefox/{self.version}/{self.channel}/{self.build}"
        at = datetime(2026, 11, self.day, 12, 0, 0, self.number, UTC)
        body = gzip.compress(orjson.dumps(ping), 1, mtime=0)
        return Submission(received_at=at, path=path, body=body, headers=self.headers)


def client_id(letter: str) -> str:
    """Return the id of client *letter*."""
    return str(UUID(int=1000 + ord(letter), version=4))


FIXTURE = {
    "P1": Main(1, "A", 20, parent=exp({1: 2, 21: 1}, 30), content=exp({3: 1}, 5)),
    "P2": Main(2, "A", 20, parent=exp({1: 1}, 1)),
    "P3": Main(3, "B", 20, os=MAC, parent=exp({3: 100}, 400)),
    "P4": Main(4, "C", 21, "20261119030000", LINUX, exp({57: 3, 154: 1}, 400)),
    "P5": Main(1, "A", 21, parent=exp({1: 2, 21: 1}, 30), content=exp({3: 1}, 5)),
    "P6": Main(6, "B", 21, os=MAC, parent=exp({3000: 1}, 9000)),
    "P7": Main(7, None, 21, "20261119030000", parent=exp({0: 4}, 0)),
    "P8": Main(
        8, "D", 21, "20261119030000", parent=exp({414: 50}, 20700), headers={"x-source-tags": "automation"}
    ),
}


class Aggregates:
    """A data root with aggregates."""

    def __init__(self, world: World, suppress_below: int = 1) -> None:
        self.world = world
        self.suppress_below = suppress_below

    def update(self) -> UpdateResult:
        """Bring them up to date."""
        return Updater(self.world.root, Disk()).update()

    @property
    def reader(self) -> Reader:
        """A new reader."""
        return Reader(self.world.root, CachedDefinitions(self.world.root.specs), self.suppress_below)

    def answer(self, metric: str = "EXP", **values: Any) -> dict[str, Any]:
        """Return the answer to a question."""
        names = ("channel", "version", "application", "os", "os_version", "architecture", "doctype")
        dimensions = {name: values.pop(name) for name in names if name in values}
        selection = selection_of(
            dimensions, process=values.pop("process", None), label=values.pop("label", None)
        )
        return histogram_answer(self.reader, HistogramQuery(metric, selection=selection, **values))

    def row(self, group: str, metric: str = "EXP", **values: Any) -> dict[str, Any]:
        """Return one row of the answer."""
        return next(row for row in self.answer(metric, **values)["rows"] if row["group"] == group)


async def filled(world: World, pings: Iterable[Main], *, at_once: bool = True) -> None:
    """Convert *pings* in *world*."""
    submissions = [ping.submission() for ping in pings]
    for some in [submissions] if at_once else [[one] for one in submissions]:
        world.receive(some)
        await world.convert()


def glean_aggregates(folder: Path, pings: Iterable[Submission], definitions: bytes | None) -> Aggregates:
    """The aggregates of Glean *pings*, with or without the *definitions* of their application."""
    world = World(folder)
    if definitions is not None:
        application = world.root.specs / "glean" / NAMESPACE / "app"
        application.mkdir(parents=True)
        (application / "metrics.yaml").write_bytes(definitions)
    world.receive(pings)
    asyncio.run(world.convert())
    found = Aggregates(world)
    found.update()
    return found
