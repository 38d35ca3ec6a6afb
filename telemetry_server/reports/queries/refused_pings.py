"""Submissions that were not stored: in quarantine, repeats, deleted, pending."""

from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from storage.data_root import DataRoot
from storage.errors import DamagedRecord, TornRecord
from storage.ledger.ledger import Ledger
from storage.ledger.values import PendingPing, StoredFile
from storage.partitions.frames import read_lines
from storage.raw.reader import read_submission
from telemetry_server.coordinator.conversion_worker import read_item
from telemetry_server.coordinator.work_items import RawItem
from telemetry_server.inspection.ping_summary import of_pending, of_refusal
from telemetry_server.outcomes.quarantine_line import CONFLICT
from telemetry_server.reports.queries.ping_summaries import PingSummary, summary_of
from telemetry_server.reports.queries.unread import Unread

MAX_REMEMBERED = 100_000
MAX_PENDING = 10_000  # read for a list; the newest
HISTOGRAMS_LINE = b'{"count":'


class QuarantinedPings:
    """Reads quarantine files, each byte once as long as it is remembered."""

    def __init__(self, root: DataRoot) -> None:
        self._root = root.path
        self._known: dict[str, tuple[int, list[PingSummary]]] = {}

    def of_day(self, ledger: Ledger, day: str, reason: str = "") -> Iterator[PingSummary]:
        """Yield the refused submissions of *day*, of one *reason* if given."""
        if sum(len(known) for _, known in self._known.values()) > MAX_REMEMBERED:
            self._known.clear()
        for file in ledger.files(f"quarantine/{day}"):
            if file.directory.endswith(f"/{CONFLICT}") or (
                reason and not file.directory.endswith(f"/{reason}")
            ):
                continue
            yield from self._of_file(file)

    def _of_file(self, file: StoredFile) -> list[PingSummary]:
        length, summaries = self._known.get(file.path, (0, []))
        if length < file.length:
            summaries = [*summaries, *_summaries(self._root / file.path, length, file.length)]
            self._known[file.path] = file.length, summaries
        return summaries


def _summaries(path: Path, start: int, end: int) -> Iterator[PingSummary]:
    for fields in refusals_between(path, start, end):
        seen = of_refusal(fields)
        if seen is not None:
            yield summary_of(seen.summary)


def refusals_between(path: Path, start: int, end: int) -> Iterator[dict[str, Any]]:
    """Yield the lines of refused submissions between two bytes of a file; dropped histograms are left out."""
    try:
        stream = path.open("rb")
    except FileNotFoundError:  # merged or expired meanwhile
        return
    with stream:
        stream.seek(start)
        for line in read_lines(stream, end - start):
            text = line.partition(b"\t")[2]
            if not text.startswith(HISTOGRAMS_LINE):
                yield orjson.loads(text)


def repeats_and_deleted(ledger: Ledger, day: str) -> Iterator[PingSummary]:
    """Yield the duplicates of *day*, and what was deleted of it."""
    for document_id, life in ledger.refusals(day, ("duplicate", "deleted")):
        yield PingSummary(
            received_at=life.received_at,
            document_id=str(UUID(bytes=document_id)),
            outcome=life.outcome,
            reason=life.reason or None,
            detail=life.detail or None,
        )


class PendingPings:
    """Reads the pings that wait for definitions, each once as long as it waits."""

    def __init__(self, root: DataRoot) -> None:
        self._raw = root.raw
        self._known: dict[tuple[str, int], PingSummary | None] = {}  # by segment and offset

    def of_day(self, ledger: Ledger, day: str) -> Iterator[PingSummary]:
        """Yield the newest of those that came on *day*."""
        for ping in ledger.newest_pending(MAX_PENDING):
            if ping.day == day and (summary := self._summary(ping)) is not None:
                yield summary

    def moments(self, ledger: Ledger) -> Iterator[str]:
        """Yield when each of them came; of one whose bytes are damaged, the beginning of its day."""
        waiting = ledger.pending()
        present = {(ping.segment, ping.offset) for ping in waiting}
        self._known = {place: known for place, known in self._known.items() if place in present}
        for ping in waiting:
            summary = self._summary(ping)
            damaged = f"{ping.day[:4]}-{ping.day[4:6]}-{ping.day[6:]}T00"
            yield damaged if summary is None else summary.received_at

    def _summary(self, ping: PendingPing) -> PingSummary | None:
        place = ping.segment, ping.offset
        if place not in self._known:
            item = RawItem(ping.segment, ping.offset, ping.length)
            try:
                seen = of_pending(read_item(self._raw, item), ping.revision)
                self._known[place] = summary_of(seen.summary)
            except (DamagedRecord, TornRecord, FileNotFoundError):
                self._known[place] = None
        return self._known[place]


def unread_pings(unread: list[Unread], day: str, limit: int = MAX_PENDING) -> Iterator[PingSummary]:
    """Yield the newest *limit* of *unread* that arrived on *day*."""
    of_day = [each for each in unread if each.day == day]
    of_day.sort(key=attrgetter("received_at"), reverse=True)
    found = 0
    for each in of_day[:MAX_PENDING]:
        if found == limit:
            return
        try:
            with each.segment.path.open("rb") as file:
                submission = read_submission(file.fileno(), each.span)
        except (DamagedRecord, TornRecord, FileNotFoundError):
            continue
        found += 1
        seen = of_pending(submission, "")
        summary = summary_of(seen.summary)
        yield PingSummary(
            **{**summary.as_json(), "reason": "not converted yet", "detail": "the next conversion reads it"}
        )
