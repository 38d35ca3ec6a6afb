"""Kills a process at each system call, or fails the call: nothing acknowledged is lost."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from storage.backup.archive import back_up
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.ledger.opening import open_ledger
from storage.partitions.compact import compact_day
from storage.raw.reader import read_submission, scan_segment, segments
from tests.faults.conftest import Figure, size
from tests.faults.test_conversion_survives import assert_complete, filled
from tests.support.data_root import DAY, REVISION, World, a_ping, an_id, submitted
from tests.support.fault_actions import COULD_NOT
from tests.support.fork_server import ForkServer
from tests.support.tracing import needs_strace, tampered

pytestmark = [pytest.mark.slow, pytest.mark.privileged, needs_strace]

# fmt: off
CALLS = [
    "openat", "mkdir", "mkdirat", "write", "writev", "pwrite64", "fdatasync", "fsync", "rename", "renameat",
    "linkat", "unlink", "unlinkat", "truncate", "ftruncate", "fallocate", "flock",
]
# fmt: on
NEED_NO_ROOM = {"openat", "flock", "unlink", "unlinkat"}
MAX_CALLS = 400  # of one kind in one action: a sweep that finds more is broken


def kept_numbers(raw: Path) -> Counter[str]:
    """Return how often each id is in raw/."""
    kept: Counter[str] = Counter()
    for segment in segments(raw):
        scan = scan_segment(segment.path, 0, max_bytes=1 << 40, max_records=1 << 20)
        with segment.path.open("rb") as stream:
            for span in scan.spans:
                kept[read_submission(stream.fileno(), span).path.rpartition("/")[2]] += 1
    return kept


def promised(log: Path) -> set[str]:
    """The ids that were acknowledged to `fault_actions.append`."""
    lines = log.read_text().split() if log.exists() else []
    return {submitted({}, int(line)).path.rpartition("/")[2] for line in lines}


@dataclass(frozen=True)
class Deed:
    """An action on a data root, and the check that must pass after any interruption."""

    action: str
    prepare: Callable[[Path], None]
    check: Callable[[ForkServer, Path, Path], tuple[int, int, int]]  # acknowledged, lost, doubled
    arguments: Callable[[Path, Path], dict[str, object]]


def nothing(root: Path) -> None:
    """An empty folder: the action creates the data root."""


def check_raw(forks: ForkServer, root: Path, log: Path) -> tuple[int, int, int]:
    """Acknowledged submissions are there once; a second read agrees; the next writer works."""
    acknowledged = promised(log)
    kept = kept_numbers(DataRoot(root).raw)
    again = log.with_suffix(".again")
    assert forks.run("append", root=str(root), acknowledged=str(again), first=5000, count=3) == 0
    now = kept_numbers(DataRoot(root).raw)
    assert now == kept + Counter(promised(again))
    assert len(promised(again)) == 3
    return len(acknowledged), len(acknowledged - set(kept)), sum(count > 1 for count in kept.values())


def check_converted(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """Readers see whole commits only; the next run completes the work."""
    world = World(root)
    assert world.audit().balanced
    assert forks.run("convert", root=str(root)) == 0
    assert_complete(world)
    assert forks.run("convert", root=str(root)) == 0
    assert_complete(world)
    ids = Counter(document_id for document_id, _ in world.lines())
    return 6, 6 - len(ids), sum(count > 1 for count in ids.values())


def check_specs(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """The file is complete or missing, and can be stored afterwards."""
    world = World(root)
    path = world.root.specs.joinpath(*REVISION.repository.split("/"), REVISION.changeset, "Histograms.json")
    whole = path.read_bytes() if path.exists() else None
    assert forks.run("store_specs", root=str(root)) == 0
    assert whole in (None, path.read_bytes())
    return 0, 0, 0


def compactable(root: Path) -> None:
    """Files of two commits in each folder."""
    world = filled(root)
    asyncio.run(world.convert())
    # Closed files are not appended to: the second commit creates a second file.
    with Ledger(world.root.ledger) as ledger, ledger.transaction() as transaction:
        for file in ledger.files():
            transaction.put_file(replace(file, closed=True))
    world.receive([submitted(a_ping(number, other=number), number) for number in range(6)])
    asyncio.run(world.convert())


def check_compacted(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """The records are the same with old and with new files."""
    world = World(root)
    assert world.audit().findings == []
    before = sorted(document_id for document_id, _ in world.lines())
    assert forks.run("compact", root=str(root)) == 0
    assert world.audit().findings == []
    ids = Counter(document_id for document_id, _ in world.lines())
    assert sorted(ids.elements()) == before
    assert len(list(root.glob("quarantine/*/conflict/*.zst"))) == 1
    return 6, 6 - len(ids), sum(count > 1 for count in ids.values())


def unfit(root: Path) -> None:
    """An older ledger beside newer files: one merged, one on its way, one that is not ours."""
    compactable(root)
    world = World(root)
    shutil.copytree(world.root.state, root / "kept")
    with open_ledger(world.root, Disk()) as ledger:
        assert list(compact_day(root, ledger, Disk(), DAY))
    world.receive([submitted(a_ping(number), number) for number in range(20, 24)])
    asyncio.run(world.convert())
    shutil.rmtree(world.root.state)
    (root / "kept").rename(world.root.state)
    # As if a merge had been cut short: the lines of a committed file once more.
    part = max(root.glob("converted/*/*/*/*/*/*/part-*.zst"))
    shutil.copyfile(part, part.with_name("part-0000000900.zst"))
    (part.parent / ".part-0000000901.zst.tmp").write_bytes(b"torn")
    (part.parent / "notes.txt").write_bytes(b"mine")


def bytes_of_files(root: Path) -> set[bytes]:
    """The content of all files of records, refusals and strays, wherever they are now."""
    return {path.read_bytes() for path in root.rglob("*") if path.suffix in (".zst", ".txt", ".tmp")}


def check_repaired(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """A second run finishes; no byte of a file is gone; each record counts once, and the books balance."""
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
    # Twice, if the kill came between the two steps of a move.
    assert len(list(root.glob("state/stray/*/converted/**/notes.txt"))) in (1, 2)
    assert not list(root.glob("converted/**/notes.txt"))
    return 10, 10 - len(ids), sum(count > 1 for count in ids.values())


def to_back_up(root: Path) -> None:
    """A data root in a folder of its own."""
    root.mkdir()
    asyncio.run(filled(root / "data").convert())


def to_restore(root: Path) -> None:
    """Only the archive of a data root."""
    to_back_up(root)
    back_up(DataRoot(root / "data"), root / "backup.tar", Disk())
    shutil.rmtree(root / "data")


def check_backed_up(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """The archive is complete, or missing and the next run creates it."""
    if not (root / "backup.tar").exists():
        assert forks.run("backup", root=str(root)) == 0
    # The hidden name is left if the kill came between the two steps of the move.
    assert {path.name for path in root.iterdir()} <= {"backup.tar", "data", ".backup.tar.partial"}
    assert forks.run("restore", root=str(root)) == 0
    assert_complete(World(root / "restored"))
    assert_complete(World(root / "data"))
    return 0, 0, 0


def check_restored(forks: ForkServer, root: Path, _: Path) -> tuple[int, int, int]:
    """The data root is complete, or missing and the next run creates it."""
    if not (root / "restored").exists():
        assert forks.run("restore", root=str(root)) == 0
    assert_complete(World(root / "restored"))
    return 0, 0, 0


def only_root(root: Path, _: Path) -> dict[str, object]:
    return {"root": str(root)}


DEEDS = {
    "start, append, rotate, seal": Deed(
        "append",
        nothing,
        check_raw,
        lambda root, log: {"root": str(root), "acknowledged": str(log), "first": 0, "count": 12},
    ),
    "convert": Deed("convert", lambda root: filled(root) and None, check_converted, only_root),
    "compact": Deed("compact", compactable, check_compacted, only_root),
    "repair": Deed("repair", unfit, check_repaired, only_root),
    "backup": Deed("backup", to_back_up, check_backed_up, only_root),
    "restore": Deed("restore", to_restore, check_restored, only_root),
    "cache a revision": Deed("store_specs", lambda root: root.mkdir(), check_specs, only_root),
}
TAMPERING = {"kill": "signal=KILL", "EIO": "error=EIO", "ENOSPC": "error=ENOSPC"}


@pytest.mark.parametrize("what", TAMPERING)
@pytest.mark.parametrize("name", DEEDS)
def test_nothing_is_lost_or_doubled_at_any_system_call(
    tmp_path: Path, forks: ForkServer, figure: Figure, name: str, what: str
) -> None:
    """Tamper with the n-th call of each kind, for every n (every few in CI); then check, and continue."""
    deed = DEEDS[name]
    figure.what = f"T2 {what} at each system call: {name}"
    template = tmp_path / "template"
    deed.prepare(template)
    step = size(24, 1)
    missed = []
    for call in CALLS:
        if what == "ENOSPC" and call in NEED_NO_ROOM:
            continue
        for nth in range(1, MAX_CALLS, step):
            root, log = tmp_path / f"{call}-{nth}", tmp_path / f"{call}-{nth}.log"
            if template.exists():
                shutil.copytree(template, root)
            worker = forks.fork(deed.action, **deed.arguments(root, log))
            with tampered(worker.pid, call, f"{TAMPERING[what]}:when={nth}", tmp_path / "trace") as tracer:
                worker.go()
                status = worker.wait()
            was_hit = status == -9 if what == "kill" else tracer.injected > 0
            assert status in (0, COULD_NOT) or (what == "kill" and was_hit), f"{call} {nth}: {status}"
            acknowledged, lost, doubled = deed.check(forks, root, log)
            assert (lost, doubled) == (0, 0), f"{call} {nth}"
            figure.runs += was_hit
            figure.acknowledged += acknowledged
            shutil.rmtree(root)
            if not was_hit:
                if nth == 1:
                    missed.append(call)
                break
    assert figure.runs >= (10 if step == 1 else 3), f"hardly anything was hit: {missed}"
