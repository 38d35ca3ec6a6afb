"""A context whose definitions lie in a cache of their own, and the submissions to convert with it."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.history.resolver import KnownHistory, Resolver
from storage.partitions.schema import PartitionSchema
from storage.raw.submission import Submission
from telemetry_server.convert.conversion import ConversionContext
from telemetry_server.outcomes.outcome import Outcome, QuarantineReason, Refused, Stored

ID = "17caa68c-25f5-450a-9cce-7d31318846d8"
TELEMETRY_PATH = f"/submit/telemetry/{ID}"
REPOSITORY, CHANGESET = "releases/mozilla-release", "a55c55edf302"
REVISION = f"https://hg.mozilla.org/{REPOSITORY}/rev/{CHANGESET}"
RECEIVED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)

SPECS: dict[str, Any] = {
    "FLAG": {"kind": "flag"},
    "BOOL": {"kind": "boolean"},
    "ENUM4": {"kind": "enumerated", "n_values": 4},
    "EXP": {"kind": "exponential", "low": 1, "high": 3000, "n_buckets": 10},
    "EXP50": {"kind": "exponential", "low": 1, "high": "10000", "n_buckets": 50},
    "DNS_T": {"kind": "exponential", "low": 1, "high": 60000, "n_buckets": 50},
    "LINEAR": {"kind": "linear", "low": 1, "high": 100, "n_buckets": 12},
    "COUNT": {"kind": "count"},
    "CATEGORIES": {"kind": "categorical", "labels": ["a", "b", "c"]},
    "EVENTS": {"kind": "enumerated", "n_values": "mozilla::StartupTimeline::MAX_EVENT_ID"},
    "REASONS": {"kind": "enumerated", "n_values": "JS::gcreason::NUM_TELEMETRY_REASONS"},
    "KEYED_COUNT": {"kind": "count", "keyed": True},
    "KEYED_CATEGORIES": {"kind": "categorical", "labels": ["a", "b", "c", "d"], "keyed": True},
    "BROKEN": {"kind": "exponential", "high": "some::SYMBOL", "n_buckets": 10},
}
INFO = {
    "reason": "saved-session",
    "appName": "Firefox",
    "appUpdateChannel": "nightly",
    "appVersion": "26.0a1",
    "appBuildID": "20130902030220",
    "revision": REVISION,
}
FLAG_SENT = {
    "range": [1, 2],
    "bucket_count": 3,
    "histogram_type": 3,
    "values": {"0": 1, "1": 0},
    "sum": 0,
    "sum_squares_lo": 0,
    "sum_squares_hi": 0,
}
FLAG_ROW = [1, 0, 0, 0, -1, -1, 0, 0]
EXP_SENT = {
    "range": [1, 3000],
    "bucket_count": 10,
    "histogram_type": 0,
    "values": {"0": 0, "1": 1232, "3": 7, "8": 2, "414": 1, "1114": 0},
    "sum": 1279,
    "log_sum": 873.474196434021,
    "log_sum_squares": 624.027626294358,
}
EXP_ROW = [0, 1232, 7, 2, 0, 0, 0, 1, 0, 0, 1279, 873.474196434021, 624.027626294358, -1, -1]
COUNT_SENT = {"range": [1, 2], "bucket_count": 3, "histogram_type": 4, "values": {"0": 7, "1": 0}, "sum": 7}
COUNT_ROW = [7, 0, 0, 7, -1, -1, -1, -1]


def a_context(
    directory: Path,
    specs: Mapping[str, Any] | bytes = SPECS,
    *,
    revision: str = f"{REPOSITORY}/{CHANGESET}",
    history: KnownHistory | None = None,
    offline: bool = True,
    **changes: Any,
) -> ConversionContext:
    """A context whose cache below *directory* has *specs* for *revision*."""
    folder = directory / "specs" / revision
    folder.mkdir(parents=True)
    text = specs if isinstance(specs, bytes) else json.dumps(specs).encode()
    (folder / "Histograms.json").write_bytes(text)
    resolver = Resolver(RevisionCache(directory / "specs"), history, offline=offline)
    return ConversionContext(resolver, PartitionSchema.default(), **changes)


def a_submission(ping: Any, path: str = TELEMETRY_PATH, **changes: Any) -> Submission:
    """*ping*, bytes as they are and all else as JSON, submitted to *path*."""
    body = ping if isinstance(ping, bytes) else orjson.dumps(ping)
    return Submission(RECEIVED_AT, path, body, **changes)


def stored(outcome: Outcome) -> Stored:
    """*outcome*, which must be `Stored`."""
    assert isinstance(outcome, Stored), outcome
    return outcome


def record_of(outcome: Outcome) -> dict[str, Any]:
    """The record of a ping that must have been stored."""
    record: dict[str, Any] = orjson.loads(stored(outcome).record)
    return record


def refused(outcome: Outcome) -> QuarantineReason:
    """The reason of *outcome*, which must be a refusal."""
    assert isinstance(outcome, Refused), outcome
    assert outcome.detail
    assert outcome.detail.isprintable()
    return outcome.reason


def dropped(outcome: Outcome) -> Counter[str]:
    """How many histograms a stored ping lost, by reason."""
    return Counter(histogram.reason.value for histogram in stored(outcome).dropped)


def classic(histograms: Any = None, **changes: Any) -> dict[str, Any]:
    """A ``ver`` 1 ping; a change to None takes the part out."""
    ping = {"ver": 1, "info": INFO, "histograms": {"FLAG": FLAG_SENT} if histograms is None else histograms}
    return {name: part for name, part in (ping | changes).items() if part is not None}


def unified(doctype: str = "main", histograms: Any = None, **changes: Any) -> dict[str, Any]:
    """A ``version`` 4 ping; a change to None takes the part out."""
    ping = {
        "type": doctype,
        "id": ID,
        "version": 4,
        "clientId": "c4582ba1-79fc-1f47-ae2a-671118dccd8b",
        "application": {
            "architecture": "x86-64",
            "buildId": "20160315030230",
            "name": "Firefox",
            "version": "48.0a1",
            "vendor": "Mozilla",
            "platformVersion": "48.0a1",
            "xpcomAbi": "x86_64-gcc3",
            "channel": "nightly",
        },
        "environment": {},
        "payload": {
            "ver": 4,
            "info": {"reason": "gather-payload", "revision": REVISION},
            "histograms": {"FLAG": FLAG_SENT} if histograms is None else histograms,
            "simpleMeasurements": {"uptime": 5},
        },
    }
    return {name: part for name, part in (ping | changes).items() if part is not None}
