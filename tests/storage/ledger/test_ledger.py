"""The ledger keeps all changes of a commit or none."""

import sqlite3
from collections import Counter
from uuid import UUID, uuid4

import pytest

from storage.data_root import DataRoot
from storage.errors import LedgerError, NoDataRoot
from storage.ledger.ledger import Ledger
from storage.ledger.values import Entry, SegmentPosition

DAY = "20261122"


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def remember(transaction, document_id: UUID, doctype="main", digest=1):
    transaction.remember(
        document_id.bytes,
        "telemetry",
        doctype,
        digest=digest,
        day=DAY,
        directory=f"converted/{DAY}/{doctype}",
    )


def test_a_transaction_that_raises_changes_nothing(ledger):
    """Positions and counts are changed in the same commit."""
    with pytest.raises(RuntimeError), ledger.transaction() as transaction:
        transaction.move_segment("20261122/s", SegmentPosition(10, 1, finished=False))
        transaction.add(Counter({(DAY, Entry.RECEIVED, ""): 1}))
        raise RuntimeError

    assert ledger.positions() == {}
    assert ledger.books() == {}


def test_an_id_is_known_within_its_namespace_and_doctype(ledger):
    """The same id of another doctype is another ping."""
    document_id = uuid4()
    with ledger.transaction() as transaction:
        remember(transaction, document_id, digest=7)

    assert ledger.seen_digest(document_id.bytes, "telemetry", "main") == 7
    assert ledger.seen_digest(document_id.bytes, "telemetry", "event") is None
    assert ledger.seen_digest(document_id.bytes, "garden", "main") is None


def test_an_id_is_remembered_once(ledger):
    """A second insert would be a programming error, and fails the commit."""
    document_id = uuid4()
    with ledger.transaction() as transaction:
        remember(transaction, document_id)

    with pytest.raises(sqlite3.IntegrityError), ledger.transaction() as transaction:
        remember(transaction, document_id)


def test_ids_older_than_dedup_days_are_forgotten(ledger):
    """This limits the size of the index."""
    document_id = uuid4()
    with ledger.transaction() as transaction:
        remember(transaction, document_id)
        assert transaction.forget_before("20261122") == 0
        assert transaction.forget_before("20261123") == 1

    assert ledger.seen_digest(document_id.bytes, "telemetry", "main") is None


def test_books_balance_by_day_and_count_pending_pings(ledger):
    """On each day received = stored + duplicate + quarantined + pending + deleted."""
    with ledger.transaction() as transaction:
        transaction.move_segment("20261122/s", SegmentPosition(10, 5, finished=False))
        transaction.add(
            Counter(
                {
                    (DAY, Entry.RECEIVED, ""): 5,
                    (DAY, Entry.STORED, ""): 2,
                    (DAY, Entry.DUPLICATE, ""): 1,
                    (DAY, Entry.CONFLICT, ""): 1,
                    (DAY, Entry.QUARANTINED, "invalid_json"): 1,
                }
            )
        )
        transaction.wait(None, segment="20261122/s", offset=0, length=5, day=DAY, revision="r/rev/1", since=7)

    books = ledger.books()[DAY]

    assert books.balanced
    assert (books.received, books.pending, books.conflict) == (5, 1, 1)
    assert books.reasons == {"invalid_json": 1}


def test_files_are_found_by_folder_and_not_by_prefix(ledger):
    """main and main_2 are two partitions."""
    from storage.ledger.values import StoredFile

    with ledger.transaction() as transaction:
        for directory in (
            "converted/1/main",
            "converted/1/main/x",
            "converted/1/main_2",
            "converted/10/main",
        ):
            transaction.put_file(StoredFile(directory, "part.zst", 1, 1, 1))

    assert [file.directory for file in ledger.files("converted/1/main")] == [
        "converted/1/main",
        "converted/1/main/x",
    ]
    assert len(ledger.files("converted/1")) == 3


def test_a_ledger_of_another_version_gives_a_one_line_error(tmp_path):
    """The server does not read a file that a newer server wrote."""
    path = tmp_path / "ledger.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(LedgerError, match="version 99"):
        Ledger(path)


def test_a_file_that_is_not_a_ledger_gives_a_one_line_error(tmp_path):
    """No traceback for a damaged file."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database, but long enough to be read" * 50)

    with pytest.raises(LedgerError, match=r"ledger\.sqlite"):
        Ledger(path)


def test_a_data_root_without_conversion_has_an_empty_ledger(tmp_path):
    """`cat` and `audit` of a new server have empty output, not an error."""
    root = DataRoot(tmp_path)
    root.state.mkdir()

    with Ledger.for_reading(root) as ledger:
        assert ledger.files() == []
    with pytest.raises(NoDataRoot, match="no such data root"):
        Ledger.for_reading(DataRoot(tmp_path / "nowhere"))


def test_readers_are_not_blocked_by_an_open_commit(tmp_path, ledger):
    """They see the last commit, and do not block the next."""
    with ledger.transaction() as transaction:
        transaction.move_segment("s", SegmentPosition(1, 1, finished=False))
        with Ledger(ledger.path, read_only=True) as reader:
            assert reader.positions() == {}

    with Ledger(ledger.path, read_only=True) as reader:
        assert reader.positions()["s"].position == 1


def test_positions_of_named_segments_are_the_same_as_in_the_whole_list(ledger):
    """A converter asks only for the few unfinished segments."""
    with ledger.transaction() as transaction:
        for number in range(3):
            transaction.move_segment(f"20261122/{number}", SegmentPosition(number, 1, finished=False))

    assert ledger.positions(["20261122/1", "20261122/9"]) == {
        "20261122/1": SegmentPosition(1, 1, finished=False)
    }
    assert ledger.positions([]) == {}
    assert ledger.positions([f"20261122/{number}" for number in range(600)]) == ledger.positions()
