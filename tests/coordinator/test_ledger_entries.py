"""The results of a round are entered in order, though ids are remembered together."""

from collections import Counter

import pytest

from storage.ledger.forgotten import IdKind
from storage.ledger.ledger import Ledger
from storage.ledger.values import Entry
from telemetry_server.coordinator.ledger_entries import RoundEntries
from telemetry_server.coordinator.work_items import DeletedResult, RawItem, StoredResult
from tests.support.data_root import NOON

AT, DAY = "2026-11-22T12:00:00.000000Z", "20261122"
ONE, OTHER = bytes(16), bytes(range(16))
ITEM = RawItem(f"{DAY}/0-00-0000000001.tlg", 8, 900)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def stored(document_id: bytes) -> StoredResult:
    return StoredResult(0, AT, document_id, "telemetry", "main", 7, f"converted/{DAY}/main", 5, {}, {"n": 2})


def enter(ledger: Ledger, *results: StoredResult | DeletedResult) -> None:
    with ledger.transaction() as transaction:
        entries = RoundEntries(transaction, Counter({(DAY, Entry.DAMAGED_RECORDS, ""): 1}), NOON)
        for result in results:
            entries.enter(ITEM, result)
        entries.finish()


def test_stored_pings_are_remembered_and_counted(ledger):
    enter(ledger, stored(ONE), stored(OTHER))

    assert [ledger.seen_digest(one, "telemetry", "main") for one in (ONE, OTHER)] == [7, 7]
    assert ledger.tally() == {
        (DAY, Entry.RECEIVED, ""): 2,
        (DAY, Entry.STORED, ""): 2,
        (DAY, Entry.HISTOGRAM_KEPT, ""): 10,
        (DAY, Entry.NOTE, "n"): 4,
        (DAY, Entry.DAMAGED_RECORDS, ""): 1,
    }


def test_a_deleted_ping_with_the_id_of_one_that_the_same_round_stored_is_not_forgotten(ledger):
    """The id belongs to the stored ping, which remains."""
    with ledger.transaction() as transaction:
        transaction.restore_orders([], [(IdKind.CLIENT, b"client")])  # whose pings arrive
    enter(ledger, stored(ONE), DeletedResult(1, AT, ONE, b"one"), DeletedResult(2, AT, OTHER, b"other"))

    assert ledger.is_forgotten(IdKind.DOCUMENT, b"other")
    assert not ledger.is_forgotten(IdKind.DOCUMENT, b"one")
