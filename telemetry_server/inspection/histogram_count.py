"""Counts the histograms of a record."""

from typing import Any

from telemetry_server.pings.submit_path import TELEMETRY

# Payloads of other versions are sent packed: their histograms are not checked and not counted.
CHECKED_VERSIONS = frozenset({"1", "4"})


def histograms_kept(record: dict[str, Any]) -> int:
    """Return how many histograms the server packed in *record*; each key of a keyed one counts."""
    metadata = record["metadata"]
    if metadata["namespace"] != TELEMETRY or metadata["docversion"] not in CHECKED_VERSIONS:
        return 0
    return sum(_rows_of(place) for place in _places(record))


def histograms_in(record: dict[str, Any]) -> int:
    """Return how many histograms *record* has, packed by server or client; each key of a keyed one counts."""
    return sum(_histograms_of(place) for place in _places(record))


def _places(record: dict[str, Any]) -> list[dict[str, Any]]:
    payload = record.get("payload")
    places = [record, payload] if isinstance(payload, dict) else [record]
    for place in list(places):
        processes = place.get("processes")
        if isinstance(processes, dict):
            places += [each for each in processes.values() if isinstance(each, dict)]
    return places


def _histograms_of(place: dict[str, Any]) -> int:
    plain, keyed = place.get("histograms"), place.get("keyedHistograms")
    count = len(plain) if isinstance(plain, dict) else 0
    if isinstance(keyed, dict):
        count += sum(len(keys) for keys in keyed.values() if isinstance(keys, dict))
    return count


def _rows_of(place: dict[str, Any]) -> int:
    """Like `_histograms_of`, but count only lists: some pings have histograms in other forms."""
    plain, keyed = place.get("histograms"), place.get("keyedHistograms")
    groups = [plain] if isinstance(plain, dict) else []
    if isinstance(keyed, dict):
        groups += [keys for keys in keyed.values() if isinstance(keys, dict)]
    return sum(isinstance(row, list) for group in groups for row in group.values())
