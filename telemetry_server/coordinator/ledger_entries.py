"""Enters the results of a round in the ledger: counts, remembered ids, pending pings and refusals."""

from collections import Counter
from datetime import datetime

from histogram_specs.revision import Revision
from storage.ledger.transaction import Transaction
from storage.ledger.values import Counts, Entry
from telemetry_server.coordinator.work_items import (
    AwaitingResult,
    DamagedResult,
    DeletedResult,
    DuplicateResult,
    Item,
    ItemResult,
    QuarantinedItem,
    RawItem,
    RefusedResult,
    StoredResult,
)
from telemetry_server.outcomes.quarantine_line import CONFLICT


class RoundEntries:
    """
    The entries of one round in *transaction*; `finish` makes the last.

    Args:
        counts: What the round adds to the ledger's counts besides its results.
        now: The clock by which remembered ids and waits expire.
    """

    def __init__(self, transaction: Transaction, counts: Counts, now: datetime) -> None:
        self._transaction = transaction
        self._counts: Counts = Counter(counts)
        self._now = now
        self._today = f"{now:%Y%m%d}"
        self._stored: list[tuple[bytes, str, str, int, str, str]] = []  # not yet remembered

    def enter(self, item: Item, result: ItemResult) -> None:
        """Enter the result of one item."""
        if isinstance(result, DamagedResult):
            self._enter_damaged(item, result)
            return
        counts, day = self._counts, result.day
        self._enter_origin(item, result, day)
        match result:
            case StoredResult():
                self._enter_stored(result, day)
            case DuplicateResult():
                counts[day, Entry.DUPLICATE, ""] += 1
                counts[day, Entry.CONFLICT, ""] += result.is_conflict
                self._enter_refusal(result, "duplicate", CONFLICT if result.is_conflict else "")
            case RefusedResult():
                counts[day, Entry.QUARANTINED, result.reason] += 1
                self._enter_refusal(result, "quarantined", result.reason)
            case AwaitingResult():
                self._enter_awaiting(item, result)
            case DeletedResult():
                self._enter_deleted(item, result)
        if not isinstance(result, AwaitingResult | DeletedResult):
            for name, count in result.notes.items():
                counts[day, Entry.NOTE, name] += count

    def finish(self) -> None:
        """Enter what was gathered."""
        self._remember()
        self._transaction.add(self._counts)

    def _remember(self) -> None:
        self._transaction.remember_all(self._stored)
        self._stored.clear()

    def _enter_damaged(self, item: Item, result: DamagedResult) -> None:
        assert isinstance(item, RawItem)
        day = item.segment.partition("/")[0]
        self._counts[day, Entry.DAMAGED_RECORDS, ""] += 1
        self._counts[day, Entry.DAMAGED_BYTES, ""] += result.length

    def _enter_origin(
        self,
        item: Item,
        result: StoredResult | DuplicateResult | RefusedResult | AwaitingResult | DeletedResult,
        day: str,
    ) -> None:
        """Move the item out of the place where the ledger counted it so far."""
        if isinstance(item, QuarantinedItem):
            self._counts[day, Entry.QUARANTINED, item.reason] -= 1
        elif item.pending_id is None:
            self._counts[day, Entry.RECEIVED, ""] += 1
        elif not isinstance(result, AwaitingResult):
            self._transaction.stop_waiting(item.pending_id)

    def _enter_stored(self, result: StoredResult, day: str) -> None:
        key = result.document_id, result.namespace, result.doctype
        self._stored.append((*key, result.digest, max(day, self._today), result.directory))
        counts = self._counts
        counts[day, Entry.STORED, ""] += 1
        counts[day, Entry.HISTOGRAM_KEPT, ""] += result.histograms_kept
        for reason, count in result.dropped.items():
            counts[day, Entry.HISTOGRAM_DROPPED, reason] += count

    def _enter_refusal(self, result: DuplicateResult | RefusedResult, outcome: str, reason: str) -> None:
        if result.document_id is not None:
            self._transaction.refuse(
                result.document_id,
                received_at=result.received_at,
                outcome=outcome,
                reason=reason,
                detail=result.detail,
            )

    def _enter_awaiting(self, item: Item, result: AwaitingResult) -> None:
        """Add the item to the pending pings; a replayed item stays in quarantine meanwhile."""
        if isinstance(item, QuarantinedItem):
            return
        revision = revision_key(result.revision)
        if item.pending_id is not None:
            self._transaction.wait_for(item.pending_id, revision)
            return
        self._transaction.wait(
            result.document_id,
            segment=item.segment,
            offset=item.offset,
            length=item.length,
            day=result.day,
            revision=revision,
            since=int(self._now.timestamp()),
        )

    def _enter_deleted(self, item: Item, result: DeletedResult) -> None:
        self._counts[result.day, Entry.DELETED, ""] += 1
        if isinstance(item, RawItem):
            self._transaction.remove_later(item.segment, [item.offset])
        if result.document is not None:
            self._remember()  # a ping of this round may have the same id
            self._transaction.forget_document(result.document, result.hash)


def revision_key(revision: Revision) -> str:
    """Return a revision in the form that the ledger stores."""
    return f"{revision.repository}/rev/{revision.changeset}"


def revision_of(key: str) -> Revision:
    """Return the revision that `revision_key` made *key* of."""
    repository, _, changeset = key.rpartition("/rev/")
    return Revision(repository, changeset)
