"""Partition files grow by whole commits, also on a failing disk."""

import errno
import shutil
from contextlib import closing, suppress
from pathlib import Path

import pytest

from storage.disk import Disk
from storage.errors import StorageFull
from storage.ledger.ledger import Ledger
from storage.ledger.values import StoredFile
from storage.partitions.frames import compress_frame
from storage.partitions.reader import Filter, read_records
from storage.partitions.writer import Frame, PartitionWriter
from tests.support.faulty_disk import FaultyDisk

DAY = "converted/20261122"


def a_frame(partition: str, *lines: str) -> Frame:
    return Frame(
        f"{DAY}/{partition}", compress_frame("".join(f"{line}\n" for line in lines).encode()), len(lines)
    )


class Store:
    """A partition store in a folder, as a converter uses it."""

    def __init__(self, root: Path, disk: Disk | None = None, **options: int) -> None:
        (root / "state").mkdir(parents=True, exist_ok=True)
        self.root = root
        self.ledger = Ledger(root / "state" / "ledger.sqlite")
        self.writer = PartitionWriter(root, self.ledger, disk or Disk(), **options)
        self.writer.recover()

    def commit(self, *frames: Frame, schema: int = 1) -> None:
        self.writer.prepare((frame.directory for frame in frames), schema)
        with self.ledger.transaction() as transaction:
            self.writer.write(transaction, frames)

    def lines(self) -> list[bytes]:
        return list(read_records(self.root, self.ledger, Filter()))

    def close(self) -> None:
        self.writer.close()
        self.ledger.close()


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path)
    yield opened
    opened.close()


def test_commits_to_one_partition_share_one_file(store):
    """Many small commits do not create many files."""
    for number in range(20):
        store.commit(a_frame("main", f"id{number}"))

    assert store.lines() == [f"id{number}".encode() for number in range(20)]
    assert len(store.ledger.files()) == 1


def test_a_file_that_is_full_is_followed_by_another(tmp_path):
    """Files have a maximum size, and records are read in the order of writing."""
    store = Store(tmp_path, max_file_bytes=64)
    for number in range(6):
        store.commit(a_frame("main", f"id{number}"))

    files = store.ledger.files()
    assert len(files) > 1
    assert all(file.closed for file in files[:-1])
    assert store.lines() == [f"id{number}".encode() for number in range(6)]
    store.close()


def test_another_schema_starts_another_file(store):
    """The ledger records the schema of each file."""
    store.commit(a_frame("main", "a"), schema=1)
    store.commit(a_frame("main", "b"), schema=2)

    assert [file.schema_id for file in store.ledger.files()] == [1, 2]


def test_bytes_past_the_committed_length_are_not_read_and_recovery_removes_them(store):
    """They are left from an append that was not committed."""
    store.commit(a_frame("main", "kept"))
    (file,) = store.ledger.files()
    with (store.root / file.path).open("ab") as stream:
        stream.write(b"half of a fra")

    assert store.lines() == [b"kept"]
    assert store.writer.recover().cut_files == 1
    assert (store.root / file.path).stat().st_size == file.length


def test_recovery_removes_a_file_that_was_never_committed(store):
    """A crash between creation of the file and commit does not double a record."""
    frame = a_frame("main", "lost")
    store.writer.prepare([frame.directory], 1)
    with pytest.raises(KeyError), store.ledger.transaction() as transaction:
        store.writer.write(transaction, [frame])
        raise KeyError("the process dies here")
    assert len(list(store.root.rglob("*.zst"))) == 1

    assert store.writer.recover().removed_files == 1

    assert not list(store.root.rglob("*.zst"))
    store.commit(frame)
    assert store.lines() == [b"lost"]


def test_recovery_reports_files_that_lost_committed_bytes(store):
    """A truncated file is not silently appended to."""
    store.commit(a_frame("main", "a"))
    (file,) = store.ledger.files()
    (store.root / file.path).write_bytes(b"")

    assert store.writer.recover().lost_files == (file.path,)


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("short", [False, True])
def test_a_commit_that_fails_at_any_operation_keeps_earlier_commits(tmp_path, error, short):
    """Only the failing commit is lost; the next one succeeds."""
    first = [a_frame("main", "one"), a_frame("saved_session", "two")]
    second = [a_frame("main", "three"), a_frame("event", "four")]
    nth = 0
    while True:
        nth += 1
        root = tmp_path / str(nth)
        root.mkdir()
        before = Store(root)
        before.commit(*first)
        before.close()
        disk = FaultyDisk(nth=nth, error=error, short=short)
        store = Store(root, disk)
        try:
            store.commit(*second)
        except (OSError, StorageFull):
            assert set(store.lines()) == {b"one", b"two"}
        else:
            assert not disk.failed
            store.close()
            break
        store.writer.recover()
        assert set(store.lines()) == {b"one", b"two"}
        store.commit(*second)
        assert sorted(store.lines()) == [b"four", b"one", b"three", b"two"]
        store.close()

    assert nth > 8, "too few disk operations were tested"


class FailingFolders(Disk):
    """A disk that syncs no folder."""

    def sync_directory(self, path: Path) -> None:
        raise OSError(errno.EIO, "injected", str(path))


def ended_after(store: Store, failed_log: bytes) -> Store:
    """Recover *store*, in whose log a commit failed; open what all processes leave that are killed then."""
    with (store.root / "state/ledger.sqlite-wal").open("r+b") as file:
        file.write(failed_log)
    with suppress(OSError):
        store.writer.recover()
    ends = store.root.parent / "ends"
    shutil.copytree(store.root, ends, ignore=shutil.ignore_patterns("*-shm"))
    store.close()
    return Store(ends)


def test_a_commit_whose_sync_failed_does_not_come_back_after_files_were_cut(tmp_path):
    """Its bytes are in SQLite's log: without another commit, the next opening reads it as done."""
    store = Store(tmp_path / "store")
    store.commit(a_frame("main", "first"))
    # SQLite syncs the log after the whole commit is in it: a copy has the commit that fails here.
    shutil.copytree(store.root, tmp_path / "failed")
    failed = Store(tmp_path / "failed")
    failed.commit(a_frame("main", "second"))
    log = (failed.root / "state/ledger.sqlite-wal").read_bytes()
    (path,) = (failed.root / DAY).rglob("*.zst")
    shutil.copy(path, store.root / path.relative_to(failed.root))
    failed.close()

    after = ended_after(store, log)

    assert after.writer.recover().lost_files == ()
    assert after.lines() == [b"first"]
    after.close()


def test_a_commit_whose_sync_failed_does_not_come_back_after_its_new_file_was_removed(tmp_path):
    """As the test before, with an end in the middle of the recovery."""
    store, frame = Store(tmp_path / "store", FailingFolders()), a_frame("main", "first")
    store.writer.prepare([frame.directory], 1)
    (path,) = store.ledger.doubtful()
    shutil.copytree(store.root, tmp_path / "failed")
    with closing(Ledger(tmp_path / "failed/state/ledger.sqlite")) as ledger:
        with ledger.transaction() as transaction:
            transaction.put_file(StoredFile(frame.directory, Path(path).name, len(frame.data), 1, 1))
        log = (tmp_path / "failed/state/ledger.sqlite-wal").read_bytes()
    (store.root / path).parent.mkdir(parents=True)
    (store.root / path).write_bytes(frame.data)

    after = ended_after(store, log)

    assert not (store.root / path).exists()
    assert after.writer.recover().lost_files == ()
    assert after.lines() == []
    after.close()
