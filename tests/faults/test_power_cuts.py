"""Power cuts under writer and converter: each acknowledged ping is stored once after the next mount."""

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.ledger.ledger import Ledger
from storage.raw import handover
from tests.faults.test_conversion_survives import assert_in_tables
from tests.faults.test_system_calls import acknowledged_ids, has_filled_page
from tests.faults.test_system_calls_of_upkeep import bytes_of_files, check_repaired, data_root_to_repair
from tests.support.data_root import World
from tests.support.fault_actions import LARGE_BYTES
from tests.support.figures import Figure
from tests.support.fork_server import ForkServer
from tests.support.power_cut import LoopFilesystem, loop_filesystem, skip_without_power_cut
from tests.support.sizes import size

pytestmark = [pytest.mark.slow, pytest.mark.privileged]

SIZES = {"ext4": 320 << 20, "xfs": 320 << 20}  # mkfs.xfs makes nothing smaller than 300 MB
REPAIR_CUTS = size(4, 40)
CUTS = {"ext4": size(3, 60), "xfs": size(2, 40)}


@pytest.fixture(params=list(SIZES))
def filesystem(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LoopFilesystem]:
    kind = request.param
    with loop_filesystem(tmp_path / "loop", kind, SIZES[kind]) as mounted:
        skip_without_power_cut(mounted)
        yield mounted


def cut_under_load(
    forks: ForkServer, filesystem: LoopFilesystem, log: Path, *, seconds: float, large: bool
) -> tuple[set[str], World]:
    """
    Write, convert and merge for *seconds*, cut the power, mount again; return the acknowledged ids.

    Every fourth ping is *large*: it is written without the page cache.
    """
    root = filesystem.path / log.stem
    assert forks.run("store_specs", root=str(root)) == 0
    arguments: dict[str, Any] = {"root": str(root), "acknowledged": str(log), "first": 0, "padding": 600}
    if large:
        arguments |= {"large_padding": LARGE_BYTES, "max_segment_bytes": 20 * LARGE_BYTES}
    writer = forks.fork("append", **arguments)
    converter = forks.fork("schedule", root=str(root), seed=int(1000 * seconds))
    try:
        converter.go()
        writer.go()
        time.sleep(seconds)
        # Writer first: a cut between its sync and its acknowledgement would look like a loss.
        writer.stand_still()
        converter.stand_still()
        acknowledged = acknowledged_ids(log)
        filesystem.cut_power()
    finally:
        for worker in (writer, converter):
            worker.kill()
            worker.wait()
    filesystem.unmount()
    filesystem.mount()
    return acknowledged, World(root)


def test_a_power_cut_loses_nothing_acknowledged(
    tmp_path: Path, forks: ForkServer, filesystem: LoopFilesystem, figure: Figure
) -> None:
    """After stop, power cut, mount and conversion each id is stored once and the audit balances."""
    chance = random.Random(3)
    figure.title = f"T3 power cut, {filesystem.kind}"
    torn = filled = 0
    for number in range(CUTS[filesystem.kind]):
        log = tmp_path / f"cut-{number}.log"
        acknowledged, world = cut_under_load(
            forks, filesystem, log, seconds=chance.uniform(0.1, 0.6), large=number % 2 == 1
        )
        assert world.audit().findings == []
        assert world.check_tables() == []
        assert forks.run("convert", root=str(world.root.path)) == 0
        audited = world.audit()
        assert audited.findings == []
        assert world.check_tables() == []
        with Ledger.for_reading(world.root) as ledger:
            listed = {world.root.path / file.path for file in [*ledger.files(), *ledger.table_files()]}
        assert set(world.root.path.rglob("part-*")) == listed, "files on disk differ from the ledger"
        kept = Counter(document_id for document_id, _ in world.lines())
        figure.runs += 1
        figure.acknowledged += len(acknowledged)
        figure.lost += len(acknowledged - set(kept))
        figure.doubled += sum(count > 1 for count in kept.values())
        torn += bool(audited.damaged_records)
        filled += has_filled_page(world.root.raw)
        shutil.rmtree(world.root.path)
    figure.notes.append(f"{torn} torn tails; {filled} times without the page cache")
    assert filled or not handover.IS_COMPILED
    assert figure.acknowledged > 5 * figure.runs
    assert (figure.lost, figure.doubled) == (0, 0)


def test_without_syncs_a_power_cut_loses_acknowledged_pings(
    tmp_path: Path, forks: ForkServer, filesystem: LoopFilesystem, figure: Figure
) -> None:
    """Control of the test above, which would prove nothing if this setup lost nothing."""
    figure.title = f"T3 control without syncs, {filesystem.kind}"
    root = filesystem.path / "control"
    log = tmp_path / "control.log"
    writer = forks.fork("append", root=str(root), acknowledged=str(log), first=0, padding=600, syncs=False)
    writer.go()
    time.sleep(0.4)
    writer.stand_still()
    acknowledged = acknowledged_ids(log)
    filesystem.cut_power()
    writer.kill()
    writer.wait()
    filesystem.unmount()
    filesystem.mount()
    kept: set[str] = set()
    if root.exists():
        forks.run("convert", root=str(root))
        kept = {document_id for document_id, _ in World(root).lines()}
    figure.runs, figure.acknowledged = 1, len(acknowledged)
    lost = len(acknowledged - kept)
    figure.notes.append(f"{lost:,} lost, as expected")
    assert lost > 0


def test_records_of_a_killed_writer_survive_a_power_cut_once_converted(
    tmp_path: Path, forks: ForkServer, filesystem: LoopFilesystem
) -> None:
    """Unsynced records of a killed writer are synced before the ledger counts them as read."""
    root = filesystem.path / "root"
    assert forks.run("store_specs", root=str(root)) == 0
    writer = forks.fork("append_unsynced_and_stay", root=str(root), first=0, count=50)
    writer.go()
    time.sleep(0.3)
    writer.kill()
    writer.wait()
    assert forks.run("convert", root=str(root)) == 0
    filesystem.cut_power()
    filesystem.unmount()
    filesystem.mount()

    world = World(root)

    assert world.audit().findings == []
    assert len(world.lines()) == 50
    assert_in_tables(world, range(50))


def test_a_power_cut_during_repair_loses_no_file(
    tmp_path: Path, forks: ForkServer, filesystem: LoopFilesystem, figure: Figure
) -> None:
    """After a power cut at a random moment of the repair, a second run completes it."""
    chance = random.Random(11)
    figure.title = f"T3 power cut during repair, {filesystem.kind}"
    data_root_to_repair(tmp_path / "template")
    uninterrupted_seconds = 0.0
    for number in range(REPAIR_CUTS):
        root = filesystem.path / f"repair-{number}"
        shutil.copytree(tmp_path / "template", root)
        os.sync()
        before = bytes_of_files(root)
        worker = forks.fork("repair", root=str(root))
        started = time.monotonic()
        worker.go()
        if number:
            time.sleep(chance.uniform(0, uninterrupted_seconds))
            worker.stand_still()
            filesystem.cut_power()
            worker.kill()
            worker.wait()
            filesystem.unmount()
            filesystem.mount()
        else:
            assert worker.wait() == 0
            uninterrupted_seconds = time.monotonic() - started
        assert before <= bytes_of_files(root)
        _, lost, doubled = check_repaired(forks, root, tmp_path)
        figure.runs += 1
        figure.acknowledged += len(before)
        figure.lost += lost
        figure.doubled += doubled
        shutil.rmtree(root)
    assert (figure.lost, figure.doubled) == (0, 0)
