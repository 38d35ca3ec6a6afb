"""A backup is consistent while the server runs, and a restore is complete or absent."""

import asyncio
import errno
import io
import json
import shutil
import sqlite3
import tarfile
import time
from collections import Counter
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import replace
from hashlib import sha256
from itertools import count

import pytest

from storage.backup.archive import back_up
from storage.backup.contents import LIST_NAME, raw_parts
from storage.backup.restore import restore
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import BadBackup, LostFile, NoDataRoot, StorageError
from storage.ledger.ledger import Ledger
from storage.ledger.opening import open_ledger
from storage.lock import FileLock
from storage.partitions.compact import compact_day
from storage.raw.segment_file import SegmentSeries
from tests.support.data_root import DAY, World, a_ping, an_id, submitted
from tests.support.faulty_disk import FaultyDisk
from tests.support.other_user import as_other_user, readable_folder
from tests.support.sizes import size
from tests.support.waiting import PATIENCE_SECONDS

LEAST_BACKUPS = size(4, 6)


@pytest.fixture
def world(tmp_path):
    """A data root with stored pings, a broken one, a conflict, and one that is not converted yet."""
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    world.put_specs()
    made = [submitted(a_ping(number), number) for number in range(4)]
    world.receive([*made, submitted(b"{", 900), submitted(a_ping(1, other=1), 1)])
    asyncio.run(world.convert())
    world.receive([submitted(a_ping(50), 50)])
    return world


def test_a_restored_data_root_balances_and_can_be_used(world, tmp_path, command):
    """It has the same records, the same counts, and the unconverted submissions."""
    file, target = tmp_path / "backup.tar", tmp_path / "restored"
    command("backup", str(file), "--data", str(world.root.path))
    command("restore", str(file), "--data", str(target))

    restored = World(target)
    assert restored.audit().findings == []
    assert restored.audit().days == world.audit().days
    assert restored.lines() == world.lines()
    assert restored.lines("quarantine") == world.lines("quarantine")
    command("convert", "--data", str(target))
    command("audit", "--data", str(target))
    assert restored.audit().total.stored == 5
    out = command("doctor", "--json", "--data", str(target), status=0)[0]
    assert json.loads(out)["healthy"]


def test_users_and_tokens_come_back_and_no_other_user_reads_them(world, tmp_path, command):
    """Or a restored server would be open to everyone on its machine."""
    file, target = tmp_path / "backup.tar", tmp_path / "restored"
    command("tokens", "create", "--role", "viewer", "--data", str(world.root.path))
    command("backup", str(file), "--data", str(world.root.path))
    command("restore", str(file), "--data", str(target))
    restored = DataRoot(target).access

    assert restored.read_bytes() == world.root.access.read_bytes()
    assert restored.stat().st_mode & 0o777 == 0o600


def test_the_archive_is_a_plain_tar_file(world, tmp_path):
    """It holds plain files of the data root; other users cannot read it."""
    file = tmp_path / "backup.tar"
    back_up(world.root, file, Disk())

    assert file.stat().st_mode & 0o077 == 0
    with tarfile.open(file) as archive:
        names = archive.getnames()
    assert {name.split("/")[0] for name in names} == {
        *(".identity", "state", "raw", "converted", "quarantine", "tables", "specs", "backup.json")
    }
    assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == ["backup.tar"]


async def test_backups_during_writes_conversion_and_merges_are_consistent(tmp_path):
    """Each restored backup balances and holds no record twice."""
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    world.put_specs()
    stopped = asyncio.Event()

    def write_and_merge() -> None:
        number = 0
        while not stopped.is_set() and number < 3000:
            with SegmentSeries(world.root.raw, worker=1) as series:
                for _ in range(20):
                    submission = submitted(a_ping(number), number)
                    series.append([submission], day=submission.received_at.date())
                    number += 1

    async def convert() -> None:
        async with AsyncExitStack() as stack:
            converter = await world.opened(stack)
            while not stopped.is_set():
                await converter.convert_all()
                async with converter.turn():
                    await asyncio.to_thread(merge, converter.ledger)
                    # Files were closed and merged behind its back, with its own connection to the ledger.
                    await asyncio.to_thread(converter.committer.recover)
                await asyncio.sleep(0)

    def merge(ledger: Ledger) -> None:
        with ledger.transaction() as transaction:
            for file in ledger.files():
                transaction.put_file(replace(file, closed=True))
        list(compact_day(world.root.path, ledger, Disk(), DAY))

    work = [asyncio.create_task(asyncio.to_thread(write_and_merge)), asyncio.create_task(convert())]
    stored = []
    # On a slow machine more than the least number, until one has records.
    deadline = time.monotonic() + PATIENCE_SECONDS
    for number in count():
        if number >= LEAST_BACKUPS and (stored[-1] or time.monotonic() > deadline):
            break
        await asyncio.sleep(0.2)
        file = tmp_path / f"{number}.tar"
        await asyncio.to_thread(back_up, world.root, file, Disk())
        restore(file, tmp_path / f"restored-{number}", Disk())
        restored = World(tmp_path / f"restored-{number}")
        assert restored.audit().findings == []
        ids = Counter(document_id for document_id, _ in restored.lines())
        assert set(ids.values()) <= {1}
        stored.append(len(ids))
    stopped.set()
    await asyncio.gather(*work)

    assert stored == sorted(stored)
    assert stored[-1] > 0


def test_a_restore_refuses_a_folder_that_is_not_empty(world, tmp_path, command):
    """The folder is not changed, and the error is one line; an empty folder is accepted."""
    file = tmp_path / "backup.tar"
    back_up(world.root, file, Disk())
    target = tmp_path / "target"
    target.mkdir()
    (target / "mine").write_text("mine")

    _, error = command("restore", str(file), "--data", str(target), status=78)
    message = "not empty; restore writes to a new place only, name one with --data"
    assert error == f"telemetry-server restore: {target}: {message}\n"
    assert [path.name for path in target.iterdir()] == ["mine"]
    (target / "mine").unlink()
    command("restore", str(file), "--data", str(target))
    assert World(target).audit().findings == []
    _, error = command("restore", str(file), "--data", str(file), status=78)
    assert "not a folder" in error


def test_a_backup_does_not_replace_a_file(world, tmp_path, command):
    """The error is one line."""
    file = tmp_path / "backup.tar"
    file.write_text("mine")
    _, error = command("backup", str(file), "--data", str(world.root.path), status=2)
    assert "exists; name another file" in error
    assert file.read_text() == "mine"
    _, error = command("backup", str(tmp_path / "no" / "x.tar"), "--data", str(world.root.path), status=2)
    assert "is not a folder" in error
    _, error = command("restore", str(tmp_path / "none.tar"), "--data", str(tmp_path / "t"), status=4)
    assert "no such file" in error


def test_a_damaged_archive_restores_nothing(world, tmp_path, command):
    """The archive is cut or one byte is changed: status 4, one line, and no data root."""
    file, target = tmp_path / "backup.tar", tmp_path / "restored"
    back_up(world.root, file, Disk())
    whole = file.read_bytes()
    with tarfile.open(file) as archive:
        ends = [member.offset_data + member.size for member in archive]
    listed = ends[-1]
    damaged = [whole[:length] for length in range(0, listed, 4999)]
    damaged += [whole[:end] for end in ends[:-1]]
    damaged += [bytes([*whole[:n], whole[n] ^ 1, *whole[n + 1 :]]) for n in range(600, ends[-2], 7919)]
    for number, data in enumerate(damaged):
        file.write_bytes(data)
        with suppress(BadBackup):
            restore(file, target, Disk())
            # A change in a header's unused bytes changes nothing.
            assert World(target).lines() == world.lines(), number
            shutil.rmtree(target)
        assert not target.exists()
    assert list(tmp_path.glob(".*")) == []
    file.write_bytes(whole[: listed // 2])
    _, error = command("restore", str(file), "--data", str(target), status=4)
    assert "nothing was restored" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "raw/../../evil", "state/evil", "raw/.hidden", "other/x", "raw"]
)
def test_a_restore_writes_only_below_its_target(tmp_path, name):
    """A path that cannot be in a backup is refused."""
    file, target = tmp_path / "backup.tar", tmp_path / "in" / "restored"
    with tarfile.open(file, "w") as archive:
        info = tarfile.TarInfo(name)
        info.size = 4
        archive.addfile(info, io.BytesIO(b"evil"))

    with pytest.raises(BadBackup, match="nothing was restored"):
        restore(file, target, Disk())

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE files SET directory = '../..', name = 'evil' WHERE file_id = 1",
        "UPDATE files SET directory = 'state', name = 'ledger.sqlite' WHERE file_id = 1",
        "UPDATE files SET name = '../' || name WHERE file_id = 1",
        "UPDATE segments SET name = '../../' || name",
        "INSERT INTO table_files (table_name, day, name, rows, bytes)"
        " VALUES ('pings', '20261122', '../../evil', 1, 1)",
        "DROP TABLE segments",
    ],
)
def test_an_archive_whose_ledger_names_files_elsewhere_restores_nothing(world, tmp_path, change):
    """`tables rebuild` would remove them."""
    file, changed, target = tmp_path / "backup.tar", tmp_path / "changed.tar", tmp_path / "restored"
    back_up(world.root, file, Disk())
    copy = tmp_path / "ledger.sqlite"
    with tarfile.open(file) as archive:
        content = {member.name: archive.extractfile(member).read() for member in archive}
    copy.write_bytes(content["state/ledger.sqlite"])
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(change)
    content["state/ledger.sqlite"] = copy.read_bytes()
    listed = json.loads(content[LIST_NAME])
    digest = sha256(content["state/ledger.sqlite"]).hexdigest()
    listed["files"]["state/ledger.sqlite"] = [len(content["state/ledger.sqlite"]), digest]
    content[LIST_NAME] = json.dumps(listed).encode()
    with tarfile.open(changed, "w") as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))

    with pytest.raises(BadBackup, match=r"its ledger .*; nothing was restored"):
        restore(changed, target, Disk())

    assert not target.exists()
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("name", ["raw/\x1b[2J", "raw/" + "x" * 5000])
def test_a_name_in_a_refused_archive_is_shown_short_and_without_control_characters(tmp_path, name):
    """A stranger may have made the archive."""
    file = tmp_path / "backup.tar"
    with tarfile.open(file, "w") as archive:
        archive.addfile(tarfile.TarInfo(name))

    with pytest.raises(BadBackup) as raised:
        restore(file, tmp_path / "restored", Disk())

    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < len(str(file)) + 300


def test_an_archive_that_cannot_be_read_is_bad_input(command):
    """As a damaged one is: status 4, in one line."""
    with readable_folder() as folder:
        file = folder / "backup.tar"
        file.touch(mode=0)
        with as_other_user():
            _, error = command("restore", str(file), "--data", str(folder / "restored"), status=4)

    assert error == f"telemetry-server restore: {file}: Permission denied\n"


def test_an_archive_with_a_link_is_refused(tmp_path):
    """A backup holds only plain files."""
    file = tmp_path / "backup.tar"
    with tarfile.open(file, "w") as archive:
        info = tarfile.TarInfo("raw/x")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)

    with pytest.raises(BadBackup, match="not a plain file"):
        restore(file, tmp_path / "restored", Disk())


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_backup_on_a_failing_disk_is_whole_or_absent(world, tmp_path, error):
    """The n-th operation fails, for every n."""
    nth, whole = 0, False
    while not whole:
        nth += 1
        file = tmp_path / f"{nth}.tar"
        disk = FaultyDisk(nth=nth, error=error)
        with suppress(OSError, StorageError):
            back_up(world.root, file, disk)
        if file.exists():
            restore(file, tmp_path / f"restored-{nth}", Disk())
            assert World(tmp_path / f"restored-{nth}").audit().findings == []
        whole = not disk.failed
    assert nth > 5
    assert world.audit().findings == []


def test_a_restore_on_a_failing_disk_is_whole_or_absent(world, tmp_path):
    """The n-th operation fails, for every n; leftovers do not disturb the next restore."""
    file = tmp_path / "backup.tar"
    back_up(world.root, file, Disk())
    nth, whole = 0, False
    while not whole:
        nth += 1
        target = tmp_path / str(nth)
        disk = FaultyDisk(nth=nth, error=errno.EIO)
        with suppress(OSError, StorageError):
            restore(file, target, disk)
        if not target.exists():
            restore(file, target, Disk())
        assert World(target).audit().findings == []
        shutil.rmtree(target)
        whole = not disk.failed
    assert nth > 20


def test_leftovers_of_a_killed_restore_are_removed(world, tmp_path):
    """The next restore to the same target removes them."""
    file, target = tmp_path / "backup.tar", tmp_path / "restored"
    back_up(world.root, file, Disk())
    staged = target.with_name(".restored.restoring")
    (staged / "raw").mkdir(parents=True)
    (staged / "raw" / "left").write_text("x")

    restore(file, target, Disk())

    assert not staged.exists()
    assert World(target).audit().findings == []
    assert not (target / "raw" / "left").exists()


def test_a_data_root_without_its_ledger_is_not_backed_up(world, tmp_path, command):
    """Such a backup could not be used."""
    for path in world.root.state.glob("ledger.sqlite*"):
        path.unlink()
    _, error = command("backup", str(tmp_path / "b.tar"), "--data", str(world.root.path), status=78)
    assert "the ledger is gone" in error
    assert not (tmp_path / "b.tar").exists()


@pytest.mark.parametrize("lost", ["converted/**/*.zst", "quarantine/**/*.zst", "tables/**/*.parquet"])
def test_a_data_root_that_lost_a_file_is_not_backed_up(world, tmp_path, lost):
    """The error names the file; neither the archive nor a part of it stays."""
    file = tmp_path / "out" / "backup.tar"
    file.parent.mkdir()
    (path, *_) = world.root.path.glob(lost)
    path.unlink()

    with pytest.raises(LostFile, match=path.name):
        back_up(world.root, file, Disk())

    assert list(file.parent.iterdir()) == []


def test_a_data_root_with_a_file_that_became_shorter_is_not_backed_up(world, tmp_path):
    """Committed bytes are missing, so the archive would be wrong."""
    (path, *_) = world.root.path.glob("converted/**/*.zst")
    with path.open("r+b") as file:
        file.truncate(3)

    with pytest.raises(LostFile, match=path.name):
        back_up(world.root, tmp_path / "backup.tar", Disk())

    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_a_segment_that_is_removed_while_segments_are_read_is_left_out(world):
    """Its retention may end at any time; whether it is still needed is checked afterwards."""
    world.receive([submitted(a_ping(60), 60)])
    parts = raw_parts(world.root)
    first = next(parts)
    others = {f"raw/{path.relative_to(world.root.raw)}": path for path in world.root.raw.glob("*/*")}
    del others[first.path]
    removed, path = others.popitem()
    path.unlink()

    assert {part.path for part in parts} == others.keys() - {removed}


@pytest.mark.parametrize(
    "text",
    [
        b"no JSON",
        b"[]",
        b"{}",
        b'{"format": 2, "files": {}}',
        b'{"format": 1, "files": []}',
        b'{"format": 1, "files": {"raw/x": 3}}',
        b'{"format": 1, "files": {"raw/x": [1, "0"]}}',
    ],
)
def test_an_archive_with_a_wrong_list_of_files_restores_nothing(tmp_path, text):
    """The list proves that the archive is complete."""
    file = tmp_path / "backup.tar"
    with tarfile.open(file, "w") as archive:
        info = tarfile.TarInfo(LIST_NAME)
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))

    with pytest.raises(BadBackup, match="nothing was restored"):
        restore(file, tmp_path / "restored", Disk())

    assert list(tmp_path.iterdir()) == [file]


def test_two_restores_to_one_target_do_not_run_at_once(world, tmp_path):
    """The second is refused, and changes nothing."""
    file, target = tmp_path / "backup.tar", tmp_path / "restored"
    back_up(world.root, file, Disk())
    lock = FileLock(tmp_path / ".restored.restoring.lock")
    assert lock.acquire(wait=False)
    try:
        with pytest.raises(NoDataRoot, match="another restore is running there"):
            restore(file, target, Disk())
    finally:
        lock.release()

    assert not target.exists()


def test_a_restored_data_root_refuses_an_older_ledger(world, tmp_path):
    """The backup holds the identity, so an older ledger is recognised."""
    old = tmp_path / "old"
    shutil.copytree(world.root.state, old)
    asyncio.run(world.convert())
    file, target = tmp_path / "backup.tar", tmp_path / "restored"
    back_up(world.root, file, Disk())
    restore(file, target, Disk())
    with open_ledger(World(target).root, Disk()) as ledger:
        assert ledger.counter("commit") > 0
    shutil.rmtree(target / "state")
    shutil.copytree(old, target / "state")

    with pytest.raises(StorageError, match="older"):
        open_ledger(World(target).root, Disk())


def test_a_restored_data_root_remembers_stored_ids(world, tmp_path):
    """A ping that was stored before the backup is a duplicate after the restore."""
    file, target = tmp_path / "backup.tar", tmp_path / "restored"
    back_up(world.root, file, Disk())
    restore(file, target, Disk())
    restored = World(target)
    restored.receive([submitted(a_ping(2), 2)])
    asyncio.run(restored.convert())

    assert restored.audit().total.duplicate == 2
    assert [document_id for document_id, _ in restored.lines()].count(an_id(2)) == 1
    assert [path.name for path in (target / "raw").iterdir()] == [DAY]
