"""
Marks the pings of a client that come faster than the policy of their doctype allows.

Only the commit knows what came before, so it adds the mark to the records of a round.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from storage.ledger.ledger import Ledger
from storage.ledger.transaction import Transaction
from storage.partitions.frames import compress_frame, decompress_frame
from telemetry_server.coordinator.work_items import ItemResult, PackedFrame, StoredResult
from telemetry_server.pings.json_text import json_of, stored_object
from telemetry_server.probes.marks import MarkName

MARK = MarkName.TOO_FREQUENT.value
# What the server writes as the last member of a record begins so; in texts quotes are escaped.
_METADATA = b'"metadata":'
_BEGINNING = _METADATA + b'{"submission_timestamp":"'

_Client = tuple[str, str, bytes]  # namespace, doctype, digest of the client id


class FrequencyCheck:
    """The arrivals of one round, compared with each other and with those that the ledger has."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._arrivals: dict[_Client, int] = {}  # the latest of this round, in µs since 1970

    def marked(self, results: Iterable[ItemResult]) -> list[ItemResult]:
        """Return *results*, in the order of arrival, with a note for each ping that came too soon."""
        return [self._checked(result) if isinstance(result, StoredResult) else result for result in results]

    def _checked(self, result: StoredResult) -> StoredResult:
        limit = result.frequency
        if limit is None:
            return result
        client = result.namespace, result.doctype, limit.client
        at = int(datetime.fromisoformat(result.received_at).timestamp() * 1e6)
        before = self._arrivals.get(client)
        if before is None:
            before = self._ledger.last_arrival(*client)
        self._arrivals[client] = at if before is None else max(at, before)
        # A ping that had to wait for its definitions may be older than the latest.
        if before is None or abs(at - before) >= limit.min_interval_seconds * 1_000_000:
            return result
        return replace(result, notes={**result.notes, MARK: 1})

    def enter(self, transaction: Transaction, now: datetime) -> None:
        """Store the arrivals; *now* is the clock by which they expire."""
        for client, at in self._arrivals.items():
            transaction.put_arrival(*client, at=at, day=f"{now:%Y%m%d}")


def with_marks(frames: Iterable[PackedFrame], results: Iterable[ItemResult]) -> list[PackedFrame]:
    """Return *frames* with the mark in the records of the *results* that have its note."""
    marked = {result.index for result in results if isinstance(result, StoredResult) and MARK in result.notes}
    if not marked:
        return list(frames)
    return [_with_marks(frame, marked) if _has_records_of(frame, marked) else frame for frame in frames]


def _has_records_of(frame: PackedFrame, marked: Collection[int]) -> bool:
    return frame.directory.startswith("converted/") and any(member in marked for member in frame.members)


def _with_marks(frame: PackedFrame, marked: Collection[int]) -> PackedFrame:
    lines = decompress_frame(frame.data).splitlines(keepends=True)
    changed = [
        marked_line(line) if member in marked else line
        for line, member in zip(lines, frame.members, strict=True)
    ]
    return replace(frame, data=compress_frame(b"".join(changed)))


def marked_line(line: bytes) -> bytes:
    """Return a stored *line* whose record counts the mark; only its metadata are written anew."""
    start = line.rindex(_BEGINNING) + len(_METADATA)
    end = line.rindex(b"}")  # of the record
    metadata = stored_object(line[start:end])
    metadata["anomalies"] = {**metadata.get("anomalies", {}), MARK: 1}
    return line[:start] + json_of(metadata) + line[end:]
