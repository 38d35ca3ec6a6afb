"""Compaction merges the files of a closed day without a change for readers, also after a crash."""

import errno
from contextlib import suppress

import pytest

from storage.disk import Disk
from storage.errors import StorageFull
from storage.partitions.compact import compact_day
from storage.partitions.reader import Filter, read_records
from storage.partitions.writer import remove_doubtful
from tests.storage.partitions.test_writer import Store, a_frame
from tests.support.faulty_disk import FaultyDisk


def filled(root) -> Store:
    store = Store(root, max_file_bytes=1)
    for number in range(5):
        store.commit(a_frame("main", f"m{number}"), a_frame("event", f"e{number}"))
    return store


EVERYTHING = sorted(f"{kind}{number}".encode() for kind in "me" for number in range(5))


def test_small_files_become_one_for_each_partition(tmp_path):
    """Records and their order stay the same; the small files are removed."""
    store = filled(tmp_path)

    merged = list(compact_day(tmp_path, store.ledger, Disk(), "20261122"))

    assert [(m.files_before, m.records) for m in merged] == [(5, 5), (5, 5)]
    assert sorted(store.lines()) == EVERYTHING
    assert len(list(tmp_path.rglob("*.zst"))) == len(store.ledger.files()) == 2
    store.close()


def test_a_second_compaction_finds_nothing_to_do(tmp_path):
    """So it can run every night."""
    store = filled(tmp_path)
    list(compact_day(tmp_path, store.ledger, Disk(), "20261122"))

    assert list(compact_day(tmp_path, store.ledger, Disk(), "20261122")) == []
    store.close()


def test_late_records_of_a_merged_day_are_read_too(tmp_path):
    """A replay or an import may write to a closed day."""
    store = filled(tmp_path)
    list(compact_day(tmp_path, store.ledger, Disk(), "20261122"))
    store.writer.recover()

    store.commit(a_frame("main", "late"))

    assert sorted(store.lines()) == sorted([*EVERYTHING, b"late"])
    store.close()


def test_a_reader_in_the_middle_of_a_partition_continues(tmp_path):
    """It still reads the open old files, and new files of the next partition."""
    store = filled(tmp_path)
    reading = read_records(tmp_path, store.ledger, Filter())
    found = [next(reading)]

    list(compact_day(tmp_path, store.ledger, Disk(), "20261122"))

    assert sorted([*found, *reading]) == EVERYTHING
    store.close()


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_compaction_that_fails_at_any_operation_loses_nothing(tmp_path, error):
    """Nothing is lost or doubled, and no stray file is left after recovery."""
    nth = 0
    while True:
        nth += 1
        root = tmp_path / str(nth)
        root.mkdir()
        store = filled(root)
        disk = FaultyDisk(nth=nth, error=error)
        with suppress(OSError, StorageFull):
            list(compact_day(root, store.ledger, disk, "20261122"))
        assert sorted(store.lines()) == EVERYTHING
        remove_doubtful(root, store.ledger, Disk())
        assert len(list(root.rglob("*.zst"))) == len(store.ledger.files())
        store.close()
        if not disk.failed:
            break

    assert nth > 10, "too few disk operations were tested"
