"""What ``cat converted`` says, read by plain Python: the other side of every comparison."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.revision import parse_revision_url
from storage.data_root import DataRoot

SUMMARY_NUMBERS = 5
GLEAN_VALUES = {
    *("boolean", "counter", "datetime", "quantity", "string", "text", "url", "url2", "uuid"),
    *("labeled_boolean", "labeled_counter", "labeled_quantity", "labeled_string"),
}


@dataclass
class Histogram:
    """One histogram as its record has it."""

    ping: dict[str, Any]
    metric: str
    process: str
    label: str
    buckets: dict[int, int]  # count by start, without empty buckets
    all_starts: tuple[int, ...]
    labels: tuple[str, ...] = ()
    sum: int | None = None


@dataclass
class Reading:
    """Every record with what it holds."""

    pings: list[dict[str, Any]] = field(default_factory=list)  # the fields that comparisons need
    histograms: list[Histogram] = field(default_factory=list)
    scalars: list[tuple[dict[str, Any], str, str, str, Any]] = field(default_factory=list)
    # Ping, process, category, method, object, timestamp, and the extras as sorted pairs.
    events: list[tuple[dict[str, Any], str, str, str, str | None, int, tuple]] = field(default_factory=list)


def read(root: DataRoot, records: list[dict[str, Any]]) -> Reading:
    """Read *records* without any code of the tables."""
    cache, found = RevisionCache(root.specs), Reading()
    for record in records:
        ping = _ping(record)
        found.pings.append(ping)
        if ping["namespace"] == "telemetry":
            spec_file = cache.load(parse_revision_url(ping["revision"]))
            for process, section in _sections(record):
                found.histograms += _histograms(ping, process, section, spec_file)
                found.scalars += _scalars(ping, process, section)
                found.events += [
                    (ping, process, *event[1:4], event[0], _extras(event[5]))
                    for event in section.get("events", ())
                ]
        else:
            _read_glean(ping, record, found)
    return found


def _ping(record: dict[str, Any]) -> dict[str, Any]:
    metadata = record["metadata"]
    info = record.get("payload", record).get("info", {})
    client = record.get("client_info", {})
    application = record.get("application", {})
    client_id = record.get("clientId") or record.get("clientID") or client.get("client_id")
    os_name = (
        record.get("environment", {}).get("system", {}).get("os", {}).get("name")
        or info.get("OS")
        or client.get("os")
    )
    return {
        "document_id": metadata["document_id"].lower(),
        "date": metadata["submission_timestamp"][:10],
        "namespace": metadata["namespace"],
        "doctype": metadata["doctype"],
        "client_id": client_id,
        "application": application.get("name") or info.get("appName") or metadata["namespace"],
        "channel": application.get("channel") or info.get("appUpdateChannel") or client.get("app_channel"),
        "version": application.get("version") or info.get("appVersion") or client.get("app_display_version"),
        "build_id": application.get("buildId") or info.get("appBuildID") or client.get("app_build"),
        "os": {"WINNT": "Windows_NT", "Windows": "Windows_NT"}.get(os_name, os_name),
        "revision": info.get("revision"),
        "counter": info.get("profileSubsessionCounter"),
        "branch": record.get("environment", {}).get("experiments", {}).get("pref-flip", {}).get("branch"),
    }


def _sections(record: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    payload = record.get("payload", record)
    yield "parent", payload
    yield from payload.get("processes", {}).items()
    yield from (("content", child) for child in payload.get("childPayloads", ()))


def _histograms(ping, process: str, section: dict[str, Any], spec_file) -> Iterator[Histogram]:
    rows = [(name, "", row) for name, row in section.get("histograms", {}).items()]
    for name, by_key in section.get("keyedHistograms", {}).items():
        rows += [(name, key, row) for key, row in by_key.items()]
    for name, key, row in rows:
        spec = spec_file.find(name)
        counts = row[:-SUMMARY_NUMBERS]
        assert len(counts) == len(spec.bucket_starts)
        buckets = {start: count for start, count in zip(spec.bucket_starts, counts, strict=True) if count}
        total = row[-SUMMARY_NUMBERS]
        yield Histogram(
            ping,
            name,
            process,
            key,
            buckets,
            spec.bucket_starts,
            spec.labels,
            total if isinstance(total, int) and total != -1 else None,
        )


def _scalars(ping, process: str, section: dict[str, Any]) -> Iterator[tuple]:
    for name, value in section.get("scalars", {}).items():
        yield ping, name, process, "", value
    for name, by_key in section.get("keyedScalars", {}).items():
        yield from ((ping, name, process, key, value) for key, value in by_key.items())
    for name, value in section.get("simpleMeasurements", {}).items():
        yield ping, f"simpleMeasurements.{name}", process, "", value


def _read_glean(ping, record: dict[str, Any], found: Reading) -> None:
    for kind, by_metric in record["metrics"].items():
        for name, value in by_metric.items():
            by_label = value if kind.startswith("labeled_") else {"": value}
            for label, part in by_label.items():
                if kind.endswith("_distribution"):
                    buckets = {int(start): count for start, count in part["values"].items() if count}
                    found.histograms.append(
                        Histogram(ping, name, "", label, buckets, (), sum=part.get("sum"))
                    )
                elif kind == "dual_labeled_counter":
                    for key, by_category in value.items():
                        found.scalars += [(ping, name, "", f"{key}/{c}", n) for c, n in by_category.items()]
                elif kind == "timespan":
                    found.scalars.append((ping, name, "", label, part["value"]))
                elif kind in ("rate", "object", "string_list"):
                    text = json.dumps(part, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
                    found.scalars.append((ping, name, "", label, text))
                elif kind in GLEAN_VALUES:
                    found.scalars.append((ping, name, "", label, part))
    for event in record["events"]:
        extras = _extras(event["extra"])
        found.events.append((ping, "", event["category"], event["name"], None, event["timestamp"], extras))


def _extras(extra: dict[str, Any]) -> tuple:
    """Return pairs of texts; a value that is not text is written as JSON."""
    pairs = [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in extra.items()]
    return tuple(sorted(pairs))


def added(histograms: list[Histogram]) -> Counter[int]:
    """The sum of *histograms*, by start."""
    total: Counter[int] = Counter()
    for histogram in histograms:
        total.update(histogram.buckets)
    return total


def percentile(buckets: dict[int, Any], q: int) -> int | None:
    """The first start at which *q* percent are reached; counts are integers or fractions."""
    reached, total = 0, sum(buckets.values())
    for start in sorted(buckets):
        reached += buckets[start]
        if buckets[start] and 100 * reached >= q * total:
            return start
    return None


def grouped(items: list, key) -> dict[Any, list]:
    """Return *items* by *key*, in the order of the keys; None last."""
    groups = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    in_order = sorted(
        groups, key=lambda k: tuple((v is None, v or "") for v in (k if isinstance(k, tuple) else (k,)))
    )
    return {name: groups[name] for name in in_order}
