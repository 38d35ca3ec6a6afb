"""A data root whose aggregates have something of everything that the pages of probes show."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from histogram_specs.buckets import exponential_bucket_starts
from storage.raw.submission import Submission
from tests.aggregates.pings import (
    LATER,
    LINUX,
    MAC,
    REVISION,
    SPEC,
    TEN,
    WINDOWS,
    Aggregates,
    Main,
    filled,
    histogram,
)
from tests.support.data_root import World

HOSTILE = '<img src=x onerror="document.title=1">\u202e\u0007'
BUILDS = [f"202611{day:02}" for day in (10, 11, 12, 13, 14, 16, 17, 18)]
CHANGED = "20261112"  # from this build on, GC_MS ends at 3000
WITHOUT = "20261114"  # of this build no ping has GC_MS
EXPERIMENT = "tulips"
GC = {
    "kind": "exponential",
    "low": 1,
    "high": 3000,
    "n_buckets": 10,
    "description": "Time of a collection, in ms",
    "expires_in_version": "never",
    "alert_emails": ["gardeners@example.org"],
}
SPECS: dict[str, Any] = {
    **SPEC,
    "GC_MS": GC,
    "OLD_MS": {**GC, "expires_in_version": "12"},
    HOSTILE: {**GC, "keyed": True},
    "LABELLED_MS": {**GC, "keyed": True},
}
EARLIER: dict[str, Any] = {**SPECS, "GC_MS": {**GC, "high": 1000}}
SHORT = exponential_bucket_starts(1, 1000, 10)


def _exponential(starts: list[int], chance: random.Random, samples: int) -> dict[str, Any]:
    counts: dict[int, int] = {}
    total = 0
    for _ in range(samples):
        place = min(9, max(0, round(chance.gauss(4, 1.8))))
        counts[starts[place]] = counts.get(starts[place], 0) + 1
        total += starts[place] + starts[place] // 3
    return {
        "range": [1, starts[-1]],
        "bucket_count": 10,
        "histogram_type": 0,
        "values": {str(start): count for start, count in counts.items()},
        "sum": total,
    }


class _WithShortPath(Main):
    """A ping whose path says nothing of it."""

    def submission(self) -> Submission:
        """Return it as from a client."""
        return replace(super().submission(), path=f"/submit/telemetry/{self.document_id}")


def pings_of(builds: list[str], *, day_of_build: dict[str, int]) -> Iterator[Main]:
    """Yield a ping of each of four clients for each build, and one whose channel is markup."""
    chance = random.Random(7)
    number = 0
    for build in builds:
        is_old = build < CHANGED
        for client, system in zip("ABCD", (WINDOWS, WINDOWS, MAC, LINUX), strict=True):
            number += 1
            gc = _exponential(SHORT if is_old else TEN, chance, 30 + 5 * ord(client) % 40)
            kept: dict[str, Any] = {} if build == WITHOUT else {"GC_MS": gc}
            keys = {"alpha": _exponential(TEN, chance, 3), HOSTILE: _exponential(TEN, chance, 2)}
            yield Main(
                number,
                client,
                day_of_build[build],
                f"{build}030000",
                system,
                parent={
                    **kept,
                    "BOOL": histogram("BOOL", {0: 3, 1: 1}, 1),
                    "CAT": histogram("CAT", {0: 4, 2: 1, 50: 2}, 102),
                    "ENUM4": histogram("ENUM4", {0: 1, 1: 2, 4: 1}, 6),
                },
                content=kept,
                payload={"keyedHistograms": {"LABELLED_MS": keys, HOSTILE: keys}},
                revision=REVISION if is_old else LATER,
                version="42.0a1" if build < "20261114" else "43.0a1",
                channel="nightly" if client != "D" else "beta",
                experiments={EXPERIMENT: "control" if client in "AB" else "red"},
            )
    odd = {"EXP": histogram("EXP", {8: 1}, 9)}
    yield _WithShortPath(900, "E", 20, "20261118030000", LINUX, parent=odd, channel=HOSTILE)


async def _fill(world: World) -> None:
    days = {build: min(20, 8 + number) for number, build in enumerate(BUILDS, 5)}
    await filled(world, pings_of(BUILDS, day_of_build=days))


def probe_world(folder: Path) -> World:
    """Return the data root, with its aggregates."""
    world = World(folder)
    world.put_specs(REVISION, EARLIER)
    world.put_specs(LATER, SPECS)
    asyncio.run(_fill(world))
    Aggregates(world).update()
    return world
