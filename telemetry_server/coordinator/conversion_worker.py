"""
Converts tasks: reads submissions, converts each, and packs records and quarantine lines into frames.

Runs in conversion processes, and for small tasks in the coordinator itself.
It writes no files: everything goes back to the coordinator as a `TaskResult`.
"""

import os
from collections import defaultdict
from collections.abc import Sequence
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
from telemetry_server.convert.step_by_step import convert_each
from telemetry_server.coordinator.work_items import (
    AwaitingResult,
    DamagedResult,
    DeletedResult,
    Item,
    ItemResult,
    PackedFrame,
    RawItem,
    RefusedResult,
    StoredResult,
    Task,
    TaskResult,
)
from telemetry_server.outcomes.outcome import (
    AwaitingSpecs,
    Outcome,
    Refused,
    Stored,
)
from telemetry_server.outcomes.quarantine_line import histograms_line, submission_line
from telemetry_server.outcomes.timestamps import timestamp
from telemetry_server.pings.deletion_request import DELETION_DOCTYPES, deletion_order_of
from telemetry_server.pings.errors import PingError
from telemetry_server.pings.inflate import inflate
from telemetry_server.pings.json_text import parse_object
from telemetry_server.privacy.identifiers.forgotten_ids import ForgottenIds
from telemetry_server.privacy.identifiers.submission_ids import own_uuid
from telemetry_server.tables.task_rows import DefinitionFinder, TaskRows

MAX_LOOSE_BYTES = 16 << 20  # uncompressed lines of a task; ordinary pings stay far below
# Rows hold the texts of pings as they are, and those of many tasks wait in the coordinator.  Beyond this much
# text a task has no rows: they are made from its lines later, a few at a time.
MAX_BYTES_WITH_ROWS = 16 << 20
READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Worker:
    """Converts tasks of one data root with one context."""

    def __init__(
        self,
        raw: Path,
        context: ConversionContext,
        resolver: Resolver,
        forgotten: ForgottenIds,
    ) -> None:
        self._raw = raw
        self._forgotten = forgotten
        self._context = context
        self._resolver = resolver

    def convert(self, task: Task) -> TaskResult:
        """Return the result of every item of *task*, in order."""
        for revision in task.missing:
            self._resolver.mark_missing(revision)
        self._forgotten.follow(task.forgotten)
        resolver = TaskResolver(self._resolver, task.given_up)
        context = replace(self._context, resolver=resolver)
        builder = ResultBuilder(TaskRows(DefinitionFinder(resolver)) if context.collects_rows else None)
        submissions = self._submissions(task.items)
        deleted = [each is not None and self._forgotten.hold(each) for each in submissions]
        kept = (each for each, is_gone in zip(submissions, deleted, strict=True) if each and not is_gone)
        outcomes = convert_each(kept, context)
        for index, (item, submission) in enumerate(zip(task.items, submissions, strict=True)):
            if submission is None:
                builder.add_damaged(index, item)
            elif deleted[index]:
                builder.add_deleted(index, submission, self._forgotten.hash_of(submission))
            else:
                builder.add(index, submission, next(outcomes))
        return builder.result()

    def _submissions(self, items: Sequence[Item]) -> list[Submission | None]:
        """Return the submissions of *items*; None for each that is damaged."""
        descriptors: dict[str, int] = {}
        try:
            return [self._submission(item, descriptors) for item in items]
        finally:
            for descriptor in descriptors.values():
                os.close(descriptor)

    def _submission(self, item: Item, descriptors: dict[str, int]) -> Submission | None:
        if not isinstance(item, RawItem):
            return item.submission
        if item.segment not in descriptors:
            descriptors[item.segment] = os.open(self._raw / item.segment, READ_FLAGS)
        try:
            return read_submission(descriptors[item.segment], span_of(item))
        except (DamagedRecord, TornRecord):
            return None


class ResultBuilder:
    """
    Collects the results and lines of a task's items.

    Lines are compressed as soon as they exceed `MAX_LOOSE_BYTES`, because a task may hold
    hundreds of small bodies that inflate to a mebibyte each.
    """

    def __init__(self, rows: TaskRows | None = None) -> None:
        self._rows = rows
        self._frames: list[PackedFrame] = []
        self._loose_bytes = self._bytes_with_rows = 0
        self._lines: dict[str, list[bytes]] = defaultdict(list)
        self._members: dict[str, list[int]] = defaultdict(list)
        self._results: list[ItemResult] = []

    def add(self, index: int, submission: Submission, outcome: Outcome) -> None:
        """Add the outcome of item *index*."""
        # What is written may lack the ids that a deletion request names.
        order = refused_order(submission, outcome.doctype) if isinstance(outcome, Refused) else ()
        if not isinstance(outcome, AwaitingSpecs) and outcome.submission is not None:
            submission = outcome.submission
        received_at = timestamp(submission.received_at)
        match outcome:
            case Stored():
                self._add_stored(index, submission, outcome, received_at)
            case Refused():
                self._add_refused(index, submission, outcome, received_at, order=order)
            case AwaitingSpecs():
                document_id = id_bytes(outcome.document_id)
                self._results.append(AwaitingResult(index, received_at, document_id, outcome.revision))

    def add_damaged(self, index: int, item: Item) -> None:
        """Add item *index*, which cannot be read."""
        self._results.append(DamagedResult(index, item.length if isinstance(item, RawItem) else 0))

    def add_deleted(self, index: int, submission: Submission, digest: bytes) -> None:
        """Add item *index*, which an order deleted; *digest* is the hash of its id."""
        document_id = own_uuid(submission.path)
        self._results.append(DeletedResult(index, timestamp(submission.received_at), document_id, digest))

    def _add_stored(self, index: int, submission: Submission, outcome: Stored, received_at: str) -> None:
        directory = "/".join(("converted", received_at[:10].replace("-", ""), *outcome.dimensions))
        self._write(directory, index, outcome.document_id.encode(), b"\t", outcome.record)
        self._bytes_with_rows += len(outcome.record)
        if self._bytes_with_rows > MAX_BYTES_WITH_ROWS:
            self._rows = None
        if self._rows is not None:
            self._rows.add(outcome.record, index, outcome.opened)
        result = StoredResult(
            index,
            received_at,
            document_id=bytes.fromhex(outcome.document_id.replace("-", "")),
            namespace=outcome.namespace,
            doctype=outcome.doctype,
            digest=outcome.digest,
            directory=directory,
            histograms_kept=outcome.histograms_kept,
            dropped=self._write_dropped(index, submission, outcome, received_at),
            notes=outcome.notes,
            frequency=outcome.frequency,
            order=outcome.order,
        )
        self._results.append(result)

    def _write_dropped(
        self, index: int, submission: Submission, outcome: Stored, received_at: str
    ) -> dict[str, int]:
        """Write the dropped histograms to quarantine, a line a reason; return how many each reason has."""
        if not outcome.dropped.by_reason:
            return {}
        for reason, histograms in outcome.dropped.by_reason.items():
            line = histograms_line(
                submission,
                reason,
                histograms,
                document_id=outcome.document_id,
                namespace=outcome.namespace,
                doctype=outcome.doctype,
            )
            self._write(_quarantine_directory(received_at, reason), index, line)
        return outcome.dropped.counts()

    def _add_refused(
        self,
        index: int,
        submission: Submission,
        outcome: Refused,
        received_at: str,
        *,
        order: tuple[str, ...],
    ) -> None:
        self._results.append(
            RefusedResult(
                index,
                received_at,
                document_id=id_bytes(outcome.document_id),
                namespace=outcome.namespace,
                doctype=outcome.doctype,
                reason=outcome.reason,
                detail=outcome.detail,
                notes=outcome.notes,
                order=order,
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
        self._write(_quarantine_directory(received_at, outcome.reason), index, line)

    def _write(self, directory: str, index: int, *line: bytes) -> None:
        self._lines[directory] += (*line, b"\n")
        self._members[directory].append(index)
        self._loose_bytes += sum(map(len, line))
        if self._loose_bytes > MAX_LOOSE_BYTES:
            self._compress()

    def _compress(self) -> None:
        """Compress the lines so far into one frame a directory."""
        self._frames += [
            PackedFrame(directory, compress_frame(b"".join(lines)), tuple(self._members[directory]))
            for directory, lines in self._lines.items()
        ]
        self._lines.clear()
        self._members.clear()
        self._loose_bytes = 0

    def result(self) -> TaskResult:
        """Return all results, with the lines compressed."""
        self._compress()
        rows = () if self._rows is None else (self._rows.rows,)
        return TaskResult(tuple(self._results), tuple(self._frames), rows)


def refused_order(submission: Submission, doctype: str) -> tuple[str, ...]:
    """Return the ids that a refused deletion request asks to delete, as far as they can be read."""
    if doctype not in DELETION_DOCTYPES:
        return ()
    try:
        ping = parse_object(inflate(submission.body).data).value
    except PingError:
        return ()
    order = deletion_order_of(doctype, ping)
    return () if order is None else tuple(order["ids"])


def _quarantine_directory(received_at: str, reason: str) -> str:
    return f"quarantine/{received_at[:10].replace('-', '')}/{reason}"


def id_bytes(document_id: str | None) -> bytes | None:
    """Return an id in the form that the ledger stores, None if it is not a UUID."""
    if document_id is None:
        return None
    try:
        return UUID(document_id).bytes
    except ValueError:
        return None


def span_of(item: RawItem) -> Span:
    """Return the location of *item* in its segment; sequence and body length are unused here."""
    return Span(item.offset, item.length, 0, 0)


def read_item(raw: Path, item: Item) -> Submission:
    """
    Return the submission of *item*.

    Raises:
        DamagedRecord, TornRecord: Its bytes on disk are damaged.
    """
    if not isinstance(item, RawItem):
        return item.submission
    descriptor = os.open(raw / item.segment, READ_FLAGS)
    try:
        return read_submission(descriptor, span_of(item))
    finally:
        os.close(descriptor)
