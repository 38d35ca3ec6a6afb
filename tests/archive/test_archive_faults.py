"""A cut connection, a full bucket, a second writer, a damaged object: one line, nothing lost."""

import errno
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.archive import bucket_store
from storage.archive.folder_store import FolderStore
from storage.archive.object_store import NoObject
from storage.disk import Disk
from storage.errors import ArchiveAway, ArchiveError, ArchiveFull, ArchiveTaken, DamagedObject
from storage.ledger.ledger import Ledger
from telemetry_server.archive import archiver
from telemetry_server.archive.archiver import Archiver
from telemetry_server.archive.run import ArchivePlan, archive_days
from tests.archive.conftest import DAYS
from tests.support import s3_server
from tests.support.faulty_disk import FaultyDisk
from tests.support.sizes import size


@pytest.fixture(autouse=True)
def few_retries(monkeypatch):
    """The store tries once more, and does not wait long."""
    monkeypatch.setattr(bucket_store, "MAX_RETRIES", 0)


@pytest.fixture
def in_bucket(make_archived, use_bucket, proxy):
    """A data root whose archive is behind the proxy."""
    return make_archived(use_bucket(proxy.address))


def is_commit(path: str) -> bool:
    return "/commits/" in path


FAULTS = [
    (s3_server.CUT_REQUEST, 5, "the archive does not answer"),
    (s3_server.CUT_ANSWER, 5, "the archive does not answer"),
    (s3_server.FULL, 5, "the archive is full"),
    (s3_server.REFUSE, 78, "check the credentials"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[action for action, _, _ in FAULTS])
def test_a_fault_of_the_bucket_is_one_line_and_loses_nothing(in_bucket, before, proxy, fault):
    """In the middle of a day's objects; then the next run finishes it."""
    action, status, words = fault
    kinds = ("GET",) if action == s3_server.CUT_ANSWER else ("PUT",)
    there = []

    def rule(method: str, path: str) -> str:
        there.append((method, path))
        of_objects = [each for each in there if each[0] in kinds and "/converted/" in each[1]]
        return action if len(of_objects) > 3 and (method, path) == of_objects[-1] else s3_server.PASS

    proxy.rule = rule
    assert words in in_bucket.refused("run", status=status)
    assert not [path for method, path in there if method == "PUT" and is_commit(path)]
    assert in_bucket.local_files()

    proxy.rule = lambda method, path: s3_server.PASS
    assert [each["day"] for each in in_bucket.run("run")] == list(DAYS)
    assert in_bucket.answers() == before
    in_bucket.is_sound()


@pytest.mark.parametrize("action", [s3_server.CUT_REQUEST, s3_server.LOSE_ANSWER, s3_server.FULL])
def test_a_fault_of_the_commit_commits_all_or_nothing(in_bucket, before, proxy, action):
    """Where the answer was lost, the next run finds its own commit; the number is used once."""
    proxy.rule = lambda method, path: action if method == "PUT" and is_commit(path) else s3_server.PASS

    in_bucket.refused("run", "--date", DAYS[0], status=5)

    assert in_bucket.local_files()
    status = in_bucket.run("status")
    assert status["commits"] == 0
    assert {day["archived"] for day in status["days"]} == {0}
    proxy.rule = lambda method, path: s3_server.PASS
    in_bucket.run("run")
    assert in_bucket.run("status")["commits"] == 2
    assert in_bucket.answers() == before
    in_bucket.is_sound()


def test_a_copy_that_arrives_damaged_is_found_before_it_counts(in_bucket, proxy):
    """The copy is read back; a copy that differs is not committed."""

    def rule(method: str, path: str) -> str:
        is_object = method == "GET" and "/tables/" in path
        return s3_server.DAMAGE if is_object else s3_server.PASS

    proxy.rule = rule
    assert "its bytes differ from their checksum" in in_bucket.refused("run", status=4)
    assert in_bucket.run("status")["commits"] == 0
    assert in_bucket.local_files()


def test_a_damaged_object_is_one_line_everywhere(make_archived, command, tmp_path):
    """It is named, nothing is written, and the others are read."""
    archived = make_archived(str(tmp_path / "elsewhere"))
    archived.run("run")
    with Ledger.for_reading(archived.root) as ledger:
        objects = ledger.archived_objects(DAYS[1])
    records = next(found for path, found in objects.items() if path.startswith("converted/"))
    pings = next(found for path, found in objects.items() if path.startswith("tables/pings/"))
    for found in (records, pings):
        _flip(tmp_path / "elsewhere" / found.key)
    data = ("--data", str(archived.data))

    _, said = command("sql", "SELECT count(DISTINCT client_id) FROM pings", *data, status=4)
    assert [pings.key in line for line in said.splitlines()] == [True]
    assert command("sql", f"SELECT count(*) FROM pings WHERE submission_date = '{_dashed(DAYS[0])}'", *data)
    out, said = command("mapreduce", "count", *data, status=4)
    assert not out
    assert [records.key in line for line in said.splitlines()] == [True]
    _, said = command("audit", *data, status=1)
    assert records.path in said + _
    _, said = command("tables", "check", *data, status=1)
    out, said = command("archive", "check", *data, status=1)
    assert all(found.key in said for found in (records, pings))
    out, said = command("cat", "converted", *data, status=4)
    assert records.key in said
    assert len(out.splitlines()) > 0
    assert records.key in archived.refused("restore", "--date", DAYS[1], status=4)


def test_a_damaged_object_is_replaced_from_the_local_copy(make_archived, tmp_path):
    """By a run for its day, where local copies were kept."""
    archived = make_archived(str(tmp_path / "elsewhere"))
    archived.set(keep_local=True)
    archived.run("run")
    with Ledger.for_reading(archived.root) as ledger:
        first, second, *_ = ledger.archived_objects(DAYS[0]).values()
    _flip(tmp_path / "elsewhere" / first.key)
    (tmp_path / "elsewhere" / second.key).unlink()

    assert len(archived.run("check", status=1)["findings"]) == 2
    assert archived.run("run", "--date", DAYS[0])[0]["files"] == 2
    assert archived.run("check")["findings"] == []


def test_a_missing_object_is_one_line(make_archived, command, tmp_path):
    """Records and tables."""
    archived = make_archived(str(tmp_path / "elsewhere"))
    archived.run("run")
    with Ledger.for_reading(archived.root) as ledger:
        found = next(iter(ledger.archived_objects(DAYS[0]).values()))
    (tmp_path / "elsewhere" / found.key).unlink()

    _, said = command("archive", "check", "--data", str(archived.data), status=1)
    assert "gone from the archive" in said
    command("audit", "--data", str(archived.data), status=1)


def test_an_archive_that_is_away_is_one_line(make_archived, command, tmp_path):
    """The folder is not mounted: commands say so, and the next run changes nothing."""
    archived = make_archived(str(tmp_path / "elsewhere"))
    archived.run("run")
    (tmp_path / "elsewhere").rename(tmp_path / "gone")
    data = ("--data", str(archived.data))

    assert "is it mounted?" in archived.refused("run", "--date", DAYS[0], status=5)
    assert "is it mounted?" in archived.refused("restore", status=5)
    for words in (("sql", "SELECT * FROM pings"), ("mapreduce", "count"), ("cat", "converted"), ("audit",)):
        _, said = command(*words, *data, status=5)
        assert [("is it mounted?" in line) for line in said.splitlines()] == [True]
    assert not (tmp_path / "elsewhere").exists()


def test_a_second_writer_is_refused(make_archived, tmp_path):
    """Another data root, and a copy of this one."""
    archived = make_archived(str(tmp_path / "elsewhere"))
    archived.run("run", "--date", DAYS[0])
    before = sorted((tmp_path / "elsewhere").rglob("*"))
    other = make_archived(archived.url, "other")
    (other.data / ".identity").unlink()
    shutil.rmtree(other.data / "state")
    other.command("repair", "--data", str(other.data))

    assert "the archive of another data root" in other.refused("run", status=78)

    copy = make_archived(archived.url, "copy")
    shutil.rmtree(copy.data)
    shutil.copytree(archived.data, copy.data)
    archived.run("run", "--date", DAYS[1])
    shutil.copytree(archived.data / "converted", copy.data / "converted", dirs_exist_ok=True)
    assert "a copy of this data root has written it" in copy.refused("run", status=78)
    assert set(before) <= set((tmp_path / "elsewhere").rglob("*"))
    archived.is_sound()


def test_of_two_writers_at_the_same_moment_one_is_refused(make_archived, tmp_path, monkeypatch):
    """Both have read the same last number: the store takes one commit."""
    archived = make_archived(str(tmp_path / "elsewhere"))
    plan = ArchivePlan(archived.url, keeps_local=True, with_tables=True)
    copy = make_archived(archived.url, "copy")
    committing = Archiver._commit

    def late(self, *args):
        monkeypatch.setattr(Archiver, "_commit", committing)
        assert len(list(archive_days(copy.root, Disk(), plan, [DAYS[0]]))) == 1
        return committing(self, *args)

    monkeypatch.setattr(Archiver, "_commit", late)
    with pytest.raises(ArchiveTaken):
        list(archive_days(archived.root, Disk(), plan, [DAYS[0]]))

    with Ledger.for_reading(archived.root) as ledger:
        assert ledger.archived_days() == {}
    assert [path.name for path in (tmp_path / "elsewhere/commits").iterdir()] == ["0000000001.json"]


@pytest.mark.parametrize("side", ["here", "there"])
def test_a_run_that_fails_anywhere_is_finished_by_the_next(
    make_archived, before, tmp_path, monkeypatch, side
):
    """One operation of the disk fails, here or in the archive: each of a sample."""
    archived = make_archived(str(tmp_path / "elsewhere"))
    plan = ArchivePlan(archived.url, keeps_local=False, with_tables=True)
    nth, failures = 1, 0
    while True:
        disk = FaultyDisk(nth=nth)
        there = disk if side == "there" else Disk()
        monkeypatch.setattr(archiver, "opened_store", lambda url, disk=there: FolderStore(Path(url), disk))
        try:
            list(archive_days(archived.root, disk if side == "here" else Disk(), plan))
            break
        except (OSError, ArchiveError):
            failures += 1
        nth += size(5, 1)

    assert failures > 2
    assert archived.local_files() == []
    assert archived.answers() == before
    archived.is_sound()


@pytest.mark.parametrize("operation", ["create", "write_some", "sync", "rename", "sync_directory"])
def test_a_full_folder_holds_no_half_object(tmp_path, operation):
    """What was there stays; nothing appears under its final name."""
    store = FolderStore(tmp_path / "a")
    store.put("x/old.zst", b"old")
    full = FolderStore(tmp_path / "a", FaultyDisk(operation, nth=1, error=errno.ENOSPC, short=True))

    with pytest.raises(ArchiveFull):
        full.put("x/new.zst", b"new" * 1000)

    assert store.size("x/old.zst") == 3
    assert operation == "sync_directory" or store.size("x/new.zst") is None


def test_a_store_says_what_is_missing(tmp_path):
    """An object, or the whole folder."""
    store = FolderStore(tmp_path / "a")
    with pytest.raises(ArchiveAway):
        store.size("x")
    assert store.put_new("x", b"1")
    assert not store.put_new("x", b"2")
    assert store.read("x", 0, 1) == b"1"
    with pytest.raises(NoObject):
        store.read("y", 0, 1)
    with pytest.raises(NoObject):
        list(store.chunks("y"))
    store.delete("y")
    store.delete("x")


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(bytes(data))


def _dashed(day: str) -> str:
    return f"{datetime.strptime(day, '%Y%m%d').replace(tzinfo=UTC):%Y-%m-%d}"


def test_the_error_of_a_damaged_commit_names_it(make_archived, tmp_path):
    """A commit that is no JSON."""
    archived = make_archived(str(tmp_path / "elsewhere"))
    archived.run("run", "--date", DAYS[0])
    (tmp_path / "elsewhere/commits/0000000002.json").write_text("{")

    assert "not a commit of an archive" in archived.refused("run", status=4)
    assert isinstance(DamagedObject("x"), ArchiveError)
