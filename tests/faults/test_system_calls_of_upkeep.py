"""The work of an operator is killed, or gets an error, at each system call: nothing is lost or doubled."""

import asyncio
import shutil
from collections import Counter
from pathlib import Path

import pytest

from storage.backup.archive import back_up
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.ledger.opening import open_ledger
from storage.partitions.compact import compact_day
from tests.faults.interruptions import TAMPERING, Action, Templates, interrupt_each_call, only_root
from tests.faults.test_conversion_survives import assert_complete, filled
from tests.faults.test_system_calls import compactable
from tests.support.data_root import DAY, World, a_ping, an_id, submitted
from tests.support.fault_actions import CLIENT
from tests.support.figures import Figure
from tests.support.fork_server import ForkServer
from tests.support.independent_scan import hits
from tests.support.tracing import needs_strace

pytestmark = [pytest.mark.slow, pytest.mark.privileged, needs_strace]

OTHER = "bbbbbbbb-1111-4222-8333-444444444444"


def data_root_to_repair(root: Path) -> None:
    """Prepare an old ledger beside newer files: a merged one, a temporary one and a foreign one."""
    compactable(root)
    world = World(root)
    shutil.copytree(world.root.state, root / "kept")
    with open_ledger(world.root, Disk()) as ledger:
        assert list(compact_day(root, ledger, Disk(), DAY))
    world.receive([submitted(a_ping(number), number) for number in range(20, 24)])
    asyncio.run(world.convert())
    shutil.rmtree(world.root.state)
    (root / "kept").rename(world.root.state)
    # Like an interrupted merge: a second copy of the lines of a committed file.
    part = max(root.glob("converted/*/*/*/*/*/*/part-*.zst"))
    shutil.copyfile(part, part.with_name("part-0000000900.zst"))
    (part.parent / ".part-0000000901.zst.tmp").write_bytes(b"torn")
    (part.parent / "notes.txt").write_bytes(b"mine")


def bytes_of_files(root: Path) -> set[bytes]:
    """Return the contents of all record, quarantine and other files, wherever they are now."""
    return {path.read_bytes() for path in root.rglob("*") if path.suffix in (".zst", ".txt", ".tmp")}


def check_repaired(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """Check that a second run completes the repair, no file content is lost, and the audit balances."""
    world = World(root)
    before = bytes_of_files(root)
    assert forks.run("repair", root=str(root)) == 0
    assert world.audit().findings == []
    assert forks.run("convert", root=str(root)) == 0
    assert before <= bytes_of_files(root)
    assert world.audit().findings == []
    ids = Counter(document_id for document_id, _ in world.lines())
    assert set(ids) == {an_id(number) for number in [*range(6), *range(20, 24)]}
    assert forks.run("repair", root=str(root)) == 0
    assert world.audit().findings == []
    # Two copies if the kill came between the link and the unlink of a move.
    assert len(list(root.glob("state/stray/*/converted/**/notes.txt"))) in (1, 2)
    assert not list(root.glob("converted/**/notes.txt"))
    return 10, 10 - len(ids), sum(count > 1 for count in ids.values())


def to_back_up(root: Path) -> None:
    """Prepare a data root in its own folder."""
    root.mkdir()
    asyncio.run(filled(root / "data").convert())


def to_restore(root: Path) -> None:
    """Prepare only the archive of a data root."""
    to_back_up(root)
    back_up(DataRoot(root / "data"), root / "backup.tar", Disk())
    shutil.rmtree(root / "data")


def check_backed_up(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """Check that the archive is whole, or absent and made by the next run."""
    if not (root / "backup.tar").exists():
        assert forks.run("backup", root=str(root)) == 0
    # The hidden name stays if the kill came between the link and the unlink of the whole archive.
    assert {path.name for path in root.iterdir()} <= {"backup.tar", "data", ".backup.tar.partial"}
    assert forks.run("restore", root=str(root)) == 0
    assert_complete(World(root / "restored"))
    assert_complete(World(root / "data"))
    return 0, 0, 0


def check_restored(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """Check that the restored data root is whole, or absent and made by the next run."""
    if not (root / "restored").exists():
        assert forks.run("restore", root=str(root)) == 0
    assert_complete(World(root / "restored"))
    return 0, 0, 0


def with_a_client(root: Path) -> None:
    """Prepare pings of `CLIENT` and of another: stored, repeated, in conflict, refused, not read."""
    root.mkdir()
    world = World(root)
    world.put_specs()
    pings = [submitted(a_ping(n, clientID=CLIENT if n < 3 else OTHER), n) for n in range(6)]
    conflicts = [submitted(a_ping(n, clientID=CLIENT if n < 3 else OTHER, other=n), n) for n in (1, 4)]
    refused = [submitted(f"{{ {client}".encode(), n) for n, client in ((7, CLIENT), (8, OTHER))]
    world.receive([*pings, pings[0], pings[5], *conflicts, *refused])
    asyncio.run(world.convert())
    world.receive([submitted(a_ping(9, clientID=CLIENT), 9), submitted(a_ping(10, clientID=OTHER), 10)])


def check_forgotten(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """Check that the books balance, and that the next run finishes and leaves the other client alone."""
    world = World(root)
    assert world.audit().findings == []
    with Ledger.for_reading(world.root) as ledger:
        is_ordered = bool(ledger.orders())
    assert forks.run("forget_rest" if is_ordered else "forget", root=str(root)) == 0
    assert hits(root, [CLIENT, *(an_id(number) for number in (0, 1, 2, 7, 9))]) == {}
    assert forks.run("convert", root=str(root)) == 0
    audited = world.audit()
    assert audited.findings == []
    assert world.check_tables() == []
    assert (audited.total.received, audited.total.deleted) == (14, 7)
    assert (audited.total.duplicate, audited.total.conflict, audited.total.quarantined) == (2, 1, 1)
    ids = Counter(document_id for document_id, _ in world.lines())
    assert set(ids) == {an_id(number) for number in (3, 4, 5, 10)}
    return 4, 4 - len(ids), sum(count > 1 for count in ids.values())


ACTIONS = {
    "forget": Action("forget", with_a_client, check_forgotten, only_root, stride=4),
    "repair": Action("repair", data_root_to_repair, check_repaired, only_root, stride=2),
    "backup": Action("backup", to_back_up, check_backed_up, only_root),
    "restore": Action("restore", to_restore, check_restored, only_root),
}


@pytest.mark.parametrize("fault", TAMPERING)
@pytest.mark.parametrize("name", ACTIONS)
def test_upkeep_loses_and_doubles_nothing_at_any_system_call(
    memory_path: Path, templates: Templates, figure: Figure, name: str, fault: str
) -> None:
    """The n-th call of each kind is interrupted, for every n (for some in CI); then the check runs."""
    figure.title = f"T2 {fault} at each system call: {name}"
    interrupt_each_call(ACTIONS[name], fault, memory_path, templates, figure)
