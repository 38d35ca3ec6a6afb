"""A process is killed, or gets an error, at each system call: nothing acknowledged is lost."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from storage.backup.archive import back_up
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.ledger.opening import open_ledger
from storage.partitions.compact import compact_day
from storage.raw.reader import read_submission, scan_segment, segments
from telemetry_server.aggregates.check import Checker
from telemetry_server.aggregates.sealing import sealed_days
from telemetry_server.aggregates.update import Updater
from tests.faults.test_conversion_survives import assert_complete, assert_in_tables, filled
from tests.support.data_root import DAY, NOON, REVISION, World, a_ping, an_id, submitted
from tests.support.fault_actions import CLIENT, COULD_NOT
from tests.support.figures import Figure
from tests.support.fork_server import ForkServer
from tests.support.independent_scan import hits
from tests.support.sizes import size
from tests.support.tracing import needs_strace, tampered, traced

pytestmark = [pytest.mark.slow, pytest.mark.privileged, needs_strace]

# fmt: off
CALLS = [
    "openat", "mkdir", "mkdirat", "write", "writev", "pwrite64", "fdatasync", "fsync", "rename", "renameat",
    "linkat", "unlink", "unlinkat", "truncate", "ftruncate", "fallocate", "flock",
]
# fmt: on
NEED_NO_ROOM = {"openat", "flock", "unlink", "unlinkat"}
OTHER = "bbbbbbbb-1111-4222-8333-444444444444"
MAX_CALLS = 1000  # of one kind in one action; more calls mean that the test itself is broken


def kept_numbers(raw: Path) -> Counter[str]:
    """Return how often each id can be read from raw/."""
    kept: Counter[str] = Counter()
    for segment in segments(raw):
        scan = scan_segment(segment.path, 0, max_bytes=1 << 40, max_records=1 << 20)
        with segment.path.open("rb") as stream:
            for span in scan.spans:
                kept[read_submission(stream.fileno(), span).path.rpartition("/")[2]] += 1
    return kept


def acknowledged_ids(log: Path) -> set[str]:
    """Return the ids that `fault_actions.append` logged as acknowledged."""
    lines = log.read_text().split() if log.exists() else []
    return {submitted({}, int(line)).path.rpartition("/")[2] for line in lines}


@dataclass(frozen=True)
class Action:
    """An action on a data root, and the check that must pass after any interruption."""

    name: str  # in `fault_actions`
    prepare: Callable[[Path], None]
    check: Callable[[ForkServer, Path, Path], tuple[int, int, int]]  # acknowledged, lost, doubled
    arguments: Callable[[Path, Path], dict[str, object]]
    stride: int = 1  # of the sample: larger for an action with many calls


def nothing(root: Path) -> None:
    """Prepare nothing: the action creates the data root."""


def check_raw(forks: ForkServer, root: Path, log: Path) -> tuple[int, int, int]:
    """Check that each acknowledged id is there once, and that the next writer works."""
    acknowledged = acknowledged_ids(log)
    kept = kept_numbers(DataRoot(root).raw)
    again = log.with_suffix(".again")
    assert forks.run("append", root=str(root), acknowledged=str(again), first=5000, count=3) == 0
    now = kept_numbers(DataRoot(root).raw)
    assert now == kept + Counter(acknowledged_ids(again))
    assert len(acknowledged_ids(again)) == 3
    return len(acknowledged), len(acknowledged - set(kept)), sum(count > 1 for count in kept.values())


def check_converted(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """Check that readers see only whole commits, and that the next run completes the conversion."""
    world = World(root)
    assert world.audit().balanced
    assert world.check_tables() == []
    assert forks.run("convert", root=str(root)) == 0
    assert_complete(world)
    assert forks.run("convert", root=str(root)) == 0
    assert_complete(world)
    ids = Counter(document_id for document_id, _ in world.lines())
    return 6, 6 - len(ids), sum(count > 1 for count in ids.values())


def check_specs(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """Check that the file is whole or absent, and can be stored afterwards."""
    world = World(root)
    path = world.root.specs.joinpath(*REVISION.repository.split("/"), REVISION.changeset, "Histograms.json")
    whole = path.read_bytes() if path.exists() else None
    assert forks.run("store_specs", root=str(root)) == 0
    assert whole in (None, path.read_bytes())
    return 0, 0, 0


def compactable(root: Path) -> None:
    """Prepare a data root with files of two commits in each folder."""
    world = filled(root)
    asyncio.run(world.convert())
    # A closed file is not appended to: the second commit creates another file in the folder.
    with Ledger(world.root.ledger) as ledger, ledger.transaction() as transaction:
        for file in ledger.files():
            transaction.put_file(replace(file, closed=True))
    world.receive([submitted(a_ping(number, other=number), number) for number in range(6)])
    asyncio.run(world.convert())


def check_compacted(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """Check that the records are the same before and after the next compaction."""
    world = World(root)
    assert world.audit().findings == []
    assert world.check_tables() == []
    before = sorted(document_id for document_id, _ in world.lines())
    assert forks.run("compact", root=str(root)) == 0
    assert world.audit().findings == []
    assert_in_tables(world, range(6))
    ids = Counter(document_id for document_id, _ in world.lines())
    assert sorted(ids.elements()) == before
    assert len(list(root.glob("quarantine/*/conflict/*.zst"))) == 1
    return 6, 6 - len(ids), sum(count > 1 for count in ids.values())


def check_rebuilt(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """Check that the tables are the old or the new ones, and that the next rebuild works."""
    world = World(root)
    assert_in_tables(world, range(6))
    assert forks.run("rebuild_tables", root=str(root)) == 0
    assert_in_tables(world, range(6))
    assert world.audit().findings == []
    return 0, 0, 0


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


def with_old_records(root: Path) -> None:
    """Prepare records, refusals and aggregates of a day that is past, and records of a day that is not."""
    world = filled(root)
    asyncio.run(world.convert())
    late = NOON + timedelta(days=2)
    world.receive([submitted(a_ping(number), number, at=late) for number in range(30, 34)])
    asyncio.run(world.convert())
    Updater(world.root, Disk()).update()


def check_removed(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """Check that the old records are all there or all gone, and gone after the next run; others stay."""
    world, young = World(root), {an_id(number) for number in range(30, 34)}
    assert world.audit().findings == []
    assert len(old_ids(world)) in (0, 6)
    assert forks.run("remove_old_records", root=str(root)) == 0
    ids = Counter(document_id for document_id, _ in world.lines())
    audited = world.audit()
    assert audited.findings == []
    assert (audited.total.received, audited.total.stored, audited.total.deleted) == (13, 4, 8)
    assert not list(root.glob(f"*/{DAY}/**/*.*")) + list(root.glob(f"tables/*/{DAY}"))
    assert world.check_tables() == []
    assert sealed_days(world.root) == [DAY]
    assert Checker(world.root).check().findings == []
    return 4, len(young - set(ids)), sum(count > 1 for count in ids.values())


def old_ids(world: World) -> set[str]:
    """Return the ids of the records of the past day."""
    return {document_id for document_id, _ in world.lines()} & {an_id(number) for number in range(6)}


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


def only_root(root: Path, _: Path) -> dict[str, object]:
    return {"root": str(root)}


ACTIONS = {
    "start, append, rotate, seal": Action(
        "append",
        nothing,
        check_raw,
        lambda root, log: {"root": str(root), "acknowledged": str(log), "first": 0, "count": 12},
    ),
    "convert": Action("convert", lambda root: filled(root) and None, check_converted, only_root),
    "compact": Action("compact", compactable, check_compacted, only_root),
    "remove old records": Action("remove_old_records", with_old_records, check_removed, only_root),
    "rebuild tables": Action("rebuild_tables", compactable, check_rebuilt, only_root),
    "forget": Action("forget", with_a_client, check_forgotten, only_root, stride=4),
    "repair": Action("repair", data_root_to_repair, check_repaired, only_root),
    "backup": Action("backup", to_back_up, check_backed_up, only_root),
    "restore": Action("restore", to_restore, check_restored, only_root),
    "cache a revision": Action("store_specs", lambda root: root.mkdir(), check_specs, only_root),
}
TAMPERING = {"kill": "signal=KILL", "EIO": "error=EIO", "ENOSPC": "error=ENOSPC"}


@pytest.mark.parametrize("fault", TAMPERING)
@pytest.mark.parametrize("name", ACTIONS)
def test_nothing_is_lost_or_doubled_at_any_system_call(
    memory_path: Path, forks: ForkServer, figure: Figure, name: str, fault: str
) -> None:
    """The n-th call of each kind is interrupted, for every n (for some in CI); then the check runs."""
    figure.title = f"T2 {fault} at each system call: {name}"
    interrupt_each_call(ACTIONS[name], fault, memory_path, forks, figure)


def interrupt_each_call(
    action: Action, fault: str, memory_path: Path, forks: ForkServer, figure: Figure
) -> None:
    """Interrupt *action* at the n-th call of each kind, for every n or a sample, and check each time."""
    template = memory_path / "template"
    action.prepare(template)
    step = size(24 * action.stride, 1)
    made = calls_made(action, forks, memory_path)
    assert max(made.values()) < MAX_CALLS
    for call in CALLS:
        if fault == "ENOSPC" and call in NEED_NO_ROOM:
            continue
        for nth in range(1, made[call] + 1, step):
            root, log = prepared(template, memory_path / f"{call}-{nth}")
            worker = forks.fork(action.name, **action.arguments(root, log))
            with tampered(
                worker.pid, call, f"{TAMPERING[fault]}:when={nth}", memory_path / "trace"
            ) as tracer:
                worker.go()
                status = worker.wait()
            was_hit = status == -9 if fault == "kill" else tracer.injected > 0
            assert status in (0, COULD_NOT) or (fault == "kill" and was_hit), f"{call} {nth}: {status}"
            acknowledged, lost, doubled = action.check(forks, root, log)
            assert (lost, doubled) == (0, 0), f"{call} {nth}"
            figure.runs += was_hit
            figure.acknowledged += acknowledged
            shutil.rmtree(root)
    assert figure.runs >= (10 if step == 1 else 3), f"too few calls were interrupted: {made}"


def prepared(template: Path, root: Path) -> tuple[Path, Path]:
    """Return *root* as a copy of *template*, and the path of the log of what it acknowledges."""
    if template.exists():
        shutil.copytree(template, root)
    return root, root.with_name(f"{root.name}.log")


def calls_made(action: Action, forks: ForkServer, folder: Path) -> Counter[str]:
    """Return how many calls of each kind a thread makes when nothing interrupts the action."""
    root, log = prepared(folder / "template", folder / "whole")
    worker = forks.fork(action.name, **action.arguments(root, log))
    with traced(worker.pid, ",".join(CALLS), folder / "trace") as tracer:
        worker.go()
        assert worker.wait() == 0
    action.check(forks, root, log)
    return tracer.calls_of_a_thread()
