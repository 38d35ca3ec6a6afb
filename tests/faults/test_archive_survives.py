"""A run of the archive is killed at each system call: no record is lost, and nothing is half there."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from storage.archive.object_store import opened_store
from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from telemetry_server.archive.checking import damaged_objects
from telemetry_server.archive.closed_days import day_states
from tests.faults.interruptions import Action, Templates, interrupt_each_call, only_root
from tests.faults.test_conversion_survives import assert_in_tables, filled
from tests.support.data_root import World, a_ping, an_id, submitted
from tests.support.figures import Figure
from tests.support.fork_server import ForkServer
from tests.support.tracing import needs_strace

pytestmark = [pytest.mark.slow, pytest.mark.privileged, needs_strace]

NUMBERS = range(6)


def to_archive(root: Path) -> None:
    """Prepare a data root with a closed day that was archived once, and got more files since."""
    root.mkdir()
    world = filled(root / "data")
    asyncio.run(world.convert())
    world.receive([submitted(a_ping(number, other=number), number) for number in NUMBERS])
    asyncio.run(world.convert())


def local_files(root: Path) -> list[Path]:
    """Return the local files of records and tables."""
    return [path for name in ("converted", "tables") for path in root.glob(f"{name}/**/*") if path.is_file()]


def check_archived(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """Check that every record can be read, and that the next run finishes and leaves nothing half."""
    data = root / "data"
    world, wanted = World(data), {an_id(number) for number in NUMBERS}
    assert world.audit().findings == []
    assert {document_id for document_id, _ in world.lines()} == wanted
    assert_in_tables(world, NUMBERS)

    assert forks.run("archive", root=str(root)) == 0

    assert world.audit().findings == []
    ids = Counter(document_id for document_id, _ in world.lines())
    assert_in_tables(world, NUMBERS)
    with Ledger.for_reading(DataRoot(data)) as ledger:
        assert list(damaged_objects(ledger)) == []
        assert all(state.is_current for state in day_states(ledger))
        listed = {found.key for found in ledger.archived_objects().values()}
        commits = ledger.archive().commits
    assert local_files(data) == []
    assert not list(data.glob("state/archive-unfinished/*"))
    there = {str(path.relative_to(root / "elsewhere")) for path in files_below(root / "elsewhere")}
    others = {key for key in there if not key.startswith("commits/")} - listed
    assert [key for key in others if "/" in key or key.startswith(".")] == []
    assert len(there - others - listed) == commits
    assert opened_store(str(root / "elsewhere")).size(min(listed)) is not None
    return len(wanted), len(wanted - set(ids)), sum(count > 1 for count in ids.values())


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


ARCHIVE = Action("archive", to_archive, check_archived, only_root, stride=4)


@pytest.mark.parametrize("fault", ["kill", "EIO", "ENOSPC"])
def test_a_run_that_is_interrupted_at_any_system_call_loses_nothing(
    memory_path: Path, templates: Templates, figure: Figure, fault: str
) -> None:
    """Of the archive in a folder, whose local copies are dropped; the next run finishes it."""
    figure.title = f"T2 {fault} at each system call: archive"
    interrupt_each_call(ARCHIVE, fault, memory_path, templates, figure)
