"""Commands that read work on a data root without write permission, and create nothing in it."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.ledger.ledger import Ledger
from tests.support.data_root import World, a_ping, an_id, submitted
from tests.support.other_user import as_other_user, readable_folder


def close_to_writing(folder: Path) -> None:
    """Make it readable but not writable for all users.  Root can still write, so tests use another user."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


@pytest.fixture(params=["stopped", "killed", "running"])
def copy(request, tmp_path) -> Iterator[Path]:
    """A copy of the data root of a stopped, killed or running server; the last two have a write-ahead log."""
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    world.put_specs()
    world.receive([*(submitted(a_ping(number), number) for number in range(3)), submitted(b"{", 9)])
    with readable_folder() as folder:
        target = folder / "data"
        if request.param == "stopped":
            asyncio.run(world.convert())
            shutil.copytree(world.root.path, target)
        else:
            with Ledger(world.root.ledger):
                asyncio.run(world.convert())
                shutil.copytree(world.root.path, target)
            assert (target / "state" / "ledger.sqlite-wal").stat().st_size > 0
            if request.param == "killed":
                (target / "state" / "ledger.sqlite-shm").unlink()
        close_to_writing(target)
        yield target
        for path in (target, *target.rglob("*")):
            path.chmod(0o755)


def test_audit_cat_and_explain_read_it_and_create_nothing(tmp_path, copy, command):
    """They read everything that was committed, also from the write-ahead log."""
    before = sorted(copy.rglob("*"))
    for words in (("audit",), ("cat", "converted"), ("explain", an_id(1))):
        # The other user may not be able to read modules that a command imports late.
        command(*words, "--data", str(tmp_path / "data"))
    with as_other_user():
        audited = json.loads(command("audit", "--json", "--data", str(copy))[0])
        records = command("cat", "converted", "--data", str(copy))[0].splitlines()
        raw = command("cat", "raw", "--data", str(copy))[0].splitlines()
        refused = command("cat", "quarantine", "--data", str(copy))[0].splitlines()
        life = json.loads(command("explain", an_id(1), "--json", "--data", str(copy))[0])

    assert audited["balanced"]
    assert audited["total"]["stored"] == 3
    assert (len(records), len(raw), len(refused)) == (3, 4, 4)
    assert life["outcome"] == "stored"
    assert sorted(copy.rglob("*")) == before


def test_reading_a_data_root_without_a_ledger_creates_no_ledger(tmp_path, command):
    """Commands that read change nothing."""
    world = World(tmp_path)
    world.receive([submitted(a_ping(1), 1)])
    command("audit", "--data", str(tmp_path))
    command("cat", "converted", "--data", str(tmp_path))

    assert list(world.root.state.iterdir()) == []
