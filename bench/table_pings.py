"""The pings of the benchmark of the tables: Firefox's of 90 KB, and small ones of Glean."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import orjson

from storage.raw.submission import Submission
from telemetry_server.generator.definitions import shipped_definitions
from telemetry_server.generator.payloads import Layout, uuid_of
from telemetry_server.generator.stream import Recipe

COUNTERS, BUCKETS = 30, 40
DEVICES = (
    ("Google", "Pixel 7"),
    ("samsung", "SM-S901B"),
    ("Xiaomi", "2201117TG"),
    ("motorola", "moto g(30)"),
)


def big_submissions(
    count: int, layout: Layout = Layout.CLASSIC, at: datetime | None = None
) -> Iterator[Submission]:
    """*count* pings of 90 KB, all different: repeated ones would make both lines and tables small."""
    at = at or datetime.now(UTC)
    for ping in Recipe(shipped_definitions(), layout=layout).pings(count):
        yield Submission(received_at=at, path=ping.path, body=ping.body)


def small_submissions() -> Iterator[Submission]:
    """Glean pings without end, each of about 2 KB, with the fields that such pings have."""
    chance, now = Random(2), datetime.now(UTC)
    while True:
        ping = {"client_info": _client(chance), "ping_info": _ping_info(chance), "metrics": _metrics(chance)}
        yield Submission(
            received_at=now,
            path=f"/submit/org-example-app/metrics/1/{uuid_of(chance)}",
            body=orjson.dumps(ping),
        )


def _client(chance: Random) -> dict[str, Any]:
    manufacturer, model = chance.choice(DEVICES)
    return {
        "client_id": uuid_of(chance),
        "session_id": uuid_of(chance),
        "session_count": chance.randint(1, 900),
        "app_build": str(2015980000 + 8 * chance.randint(0, 9)),
        "app_channel": chance.choice(("release", "beta", "nightly")),
        "app_display_version": f"{chance.randint(120, 126)}.0",
        "build_date": "2026-11-02T00:00:00+00:00",
        "architecture": "arm64-v8a",
        "android_sdk_version": str(chance.randint(28, 34)),
        "os": "Android",
        "os_version": str(chance.randint(9, 14)),
        "device_manufacturer": manufacturer,
        "device_model": model,
        "locale": chance.choice(("en-US", "de-DE", "fr-FR", "pt-BR")),
        "first_run_date": f"2025-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}+01:00",
        "telemetry_sdk_build": "60.1.0",
    }


def _ping_info(chance: Random) -> dict[str, Any]:
    start = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=chance.randint(0, 4000))
    return {
        "seq": chance.randint(1, 900),
        "start_time": start.isoformat(timespec="minutes"),
        "end_time": (start + timedelta(hours=23, minutes=chance.randint(0, 90))).isoformat(
            timespec="minutes"
        ),
        "reason": chance.choice(("today", "overdue", "upgrade")),
        "experiments": {"tab-order": {"branch": chance.choice(("control", "treatment"))}},
    }


def _metrics(chance: Random) -> dict[str, Any]:
    counters = chance.sample(range(COUNTERS), 8)
    return {
        "counter": {f"page.loads_{number}": chance.randint(1, 5000) for number in counters},
        "quantity": {"tabs.open": chance.randint(1, 200), "bookmarks.count": chance.randint(0, 3000)},
        "boolean": {"settings.dark": chance.random() < 0.5, "settings.sync": chance.random() < 0.2},
        "string": {"search.engine": chance.choice(("google", "bing", "ddg"))},
        "timespan": {"startup.time": {"time_unit": "millisecond", "value": chance.randint(200, 9000)}},
        "labeled_counter": {
            "errors.by_kind": {"network": chance.randint(1, 50), "parse": chance.randint(1, 9)}
        },
        "timing_distribution": {name: _distribution(chance) for name in ("page.load", "page.paint")},
        "memory_distribution": {"memory.heap": _distribution(chance)},
    }


def _distribution(chance: Random) -> dict[str, Any]:
    first = chance.randint(40, 160)
    starts = sorted(chance.sample(range(first, first + BUCKETS), 10))
    values = {str(int(2 ** (start / 8))): chance.randint(1, 90) for start in starts}
    return {"sum": sum(int(start) * count for start, count in values.items()), "values": values}
