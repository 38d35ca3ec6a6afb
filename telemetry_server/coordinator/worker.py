"""
Judges tasks: reads submissions, converts them, packs what comes of them into frames.

Runs in conversion processes, and for small tasks in the coordinator itself.
It writes nothing: all that it finds out goes back as a `TaskResult`.
"""

import os
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from histogram_specs.history.resolver import Resolver
from storage.errors import DamagedRecord, TornRecord
from storage.partitions.frames import compress_frame
from storage.raw.reader import Span, read_submission
from storage.raw.submission import Submission
from telemetry_server.convert.conversion import ConversionContext
from telemetry_server.convert.histograms.definition_choice import TaskResolver
from telemetry_server.convert.pipeline import convert
from telemetry_server.coordinator.work_items import (
    Item,
    Judged,
    PackedFrame,
    RawItem,
    Task,
    TaskResult,
    Verdict,
)
from telemetry_server.outcomes.outcome import (
    AwaitingSpecs,
    DroppedHistogram,
    HistogramReason,
    Refused,
    Stored,
)
from telemetry_server.outcomes.quarantine_line import histograms_line, submission_line
from telemetry_server.outcomes.timestamps import timestamp
from telemetry_server.tables.task_rows import DefinitionFinder, TaskRows

# What a task's lines may come to before they are compressed: those of ordinary pings never do.
MAX_LOOSE_BYTES = 16 << 20
READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Judge:
    """Judges tasks below one data root with one context."""

    def __init__(
        self, raw: Path, context: ConversionContext, resolver: Resolver, *, collects_rows: bool = False
    ) -> None:
        self._raw = raw
        self._collects_rows = collects_rows
        self._context = context
        self._resolver = resolver

    def judge(self, task: Task) -> TaskResult:
        """Every item's verdict, in order; the frames hold the lines of all of them."""
        for revision in task.missing:
            self._resolver.mark_missing(revision)
        resolver = TaskResolver(self._resolver, task.given_up)
        context = replace(self._context, resolver=resolver)
        sheet = Sheet(TaskRows(DefinitionFinder(resolver)) if self._collects_rows else None)
        descriptors: dict[str, int] = {}
        try:
            for index, item in enumerate(task.items):
                try:
                    submission = self._submission(item, descriptors)
                except (DamagedRecord, TornRecord) as error:
                    length = item.length if isinstance(item, RawItem) else 0
                    sheet.judged.append(Judged(index, Verdict.DAMAGED, detail=str(error), length=length))
                    continue
                sheet.enter(index, submission, convert(submission, context))
        finally:
            for descriptor in descriptors.values():
                os.close(descriptor)
        return sheet.result()

    def _submission(self, item: Item, descriptors: dict[str, int]) -> Submission:
        if not isinstance(item, RawItem):
            return item.submission
        if item.segment not in descriptors:
            descriptors[item.segment] = os.open(self._raw / item.segment, READ_FLAGS)
        return read_submission(descriptors[item.segment], span_of(item))


class Sheet:
    """
    The verdicts and lines of a task's items, as they come in.

    Lines are compressed as soon as they are more than `MAX_LOOSE_BYTES`: a task may hold
    dozens of small bodies that inflate to megabytes each.
    """

    def __init__(self, rows: TaskRows | None = None) -> None:
        self._rows = rows
        self._frames: list[PackedFrame] = []
        self._loose_bytes = 0
        self._lines: dict[str, list[bytes]] = defaultdict(list)
        self._members: dict[str, list[int]] = defaultdict(list)
        self.judged: list[Judged] = []

    def enter(self, index: int, submission: Submission, outcome: Stored | Refused | AwaitingSpecs) -> None:
        """Enter what became of item *index*."""
        received_at = timestamp(submission.received_at)
        day = received_at[:10].replace("-", "")
        if isinstance(outcome, Stored):
            self._enter_stored(index, submission, outcome, day=day, received_at=received_at)
        elif isinstance(outcome, Refused):
            self._enter_refused(index, submission, outcome, day=day, received_at=received_at)
        else:
            self.judged.append(
                Judged(
                    index,
                    Verdict.AWAITING,
                    day=day,
                    received_at=received_at,
                    document_id=id_bytes(outcome.document_id),
                    revision=outcome.revision,
                )
            )

    def _enter_stored(
        self, index: int, submission: Submission, outcome: Stored, *, day: str, received_at: str
    ) -> None:
        directory = "/".join(("converted", day, *outcome.dimensions))
        self._write(directory, index, outcome.document_id.encode(), b"\t", outcome.record)
        if self._rows is not None:
            self._rows.add(outcome.record, index)
        dropped: dict[HistogramReason, list[DroppedHistogram]] = {}
        for histogram in outcome.dropped:
            dropped.setdefault(histogram.reason, []).append(histogram)
        for reason, histograms in dropped.items():
            line = histograms_line(
                submission,
                histograms,
                document_id=outcome.document_id,
                namespace=outcome.namespace,
                doctype=outcome.doctype,
            )
            self._write(f"quarantine/{day}/{reason}", index, line)
        self.judged.append(
            Judged(
                index,
                Verdict.STORED,
                day=day,
                received_at=received_at,
                document_id=id_bytes(outcome.document_id),
                namespace=outcome.namespace,
                doctype=outcome.doctype,
                digest=outcome.digest,
                directory=directory,
                notes=outcome.notes,
                histograms_kept=outcome.histograms_kept,
                dropped={reason.value: len(histograms) for reason, histograms in dropped.items()},
            )
        )

    def _enter_refused(
        self, index: int, submission: Submission, outcome: Refused, *, day: str, received_at: str
    ) -> None:
        self.judged.append(
            Judged(
                index,
                Verdict.QUARANTINED,
                day=day,
                received_at=received_at,
                document_id=id_bytes(outcome.document_id),
                namespace=outcome.namespace,
                doctype=outcome.doctype,
                reason=outcome.reason,
                detail=outcome.detail,
                notes=outcome.notes,
            )
        )
        line = submission_line(
            submission,
            document_id=outcome.document_id,
            namespace=outcome.namespace,
            doctype=outcome.doctype,
            reason=outcome.reason,
            detail=outcome.detail,
        )
        self._write(f"quarantine/{day}/{outcome.reason}", index, line)

    def _write(self, directory: str, index: int, *line: bytes) -> None:
        self._lines[directory] += (*line, b"\n")
        self._members[directory].append(index)
        self._loose_bytes += sum(map(len, line))
        if self._loose_bytes > MAX_LOOSE_BYTES:
            self._compress()

    def _compress(self) -> None:
        """Make a frame of what each directory has so far."""
        self._frames += [
            PackedFrame(directory, compress_frame(b"".join(lines)), tuple(self._members[directory]))
            for directory, lines in self._lines.items()
        ]
        self._lines.clear()
        self._members.clear()
        self._loose_bytes = 0

    def result(self) -> TaskResult:
        """Everything, compressed."""
        self._compress()
        rows = () if self._rows is None else (self._rows.rows,)
        return TaskResult(tuple(self.judged), tuple(self._frames), rows)


def id_bytes(document_id: str | None) -> bytes | None:
    """An id as the ledger keeps it; None for what is no UUID."""
    if document_id is None:
        return None
    try:
        return UUID(document_id).bytes
    except ValueError:
        return None


def span_of(item: RawItem) -> Span:
    """Where to read *item*; its sequence number and body length matter to nobody here."""
    return Span(item.offset, item.length, 0, 0)


def read_item(raw: Path, item: Item) -> Submission:
    """
    The submission of *item*.

    Raises:
        DamagedRecord, TornRecord: Its bytes are not what was written.
    """
    if not isinstance(item, RawItem):
        return item.submission
    descriptor = os.open(raw / item.segment, READ_FLAGS)
    try:
        return read_submission(descriptor, span_of(item))
    finally:
        os.close(descriptor)
