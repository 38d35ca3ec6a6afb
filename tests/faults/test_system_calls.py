"""A process is killed, or gets an error, at each system call: nothing acknowledged is lost."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.raw import handover
from storage.raw.framing import HEAD_BYTES, RecordType, parse_file_header, parse_head, record_prefix
from storage.raw.reader import read_submission, scan_segment, segments
from telemetry_server.aggregates.check import Checker
from telemetry_server.aggregates.sealing import sealed_days
from telemetry_server.aggregates.update import Updater
from tests.faults.interruptions import TAMPERING, Action, Templates, interrupt_each_call, only_root
from tests.faults.test_conversion_survives import assert_complete, assert_in_tables, filled
from tests.support.data_root import DAY, NOON, REVISION, World, a_ping, an_id, submitted
from tests.support.figures import Figure
from tests.support.fork_server import ForkServer
from tests.support.tracing import needs_strace

pytestmark = [pytest.mark.slow, pytest.mark.privileged, needs_strace]


def kept_numbers(raw: Path) -> Counter[str]:
    """Return how often each id can be read from raw/."""
    kept: Counter[str] = Counter()
    for segment in segments(raw):
        scan = scan_segment(segment.path, 0, max_bytes=1 << 40, max_records=1 << 20)
        with segment.path.open("rb") as stream:
            for span in scan.spans:
                kept[read_submission(stream.fileno(), span).path.rpartition("/")[2]] += 1
    return kept


def has_filled_page(raw: Path) -> bool:
    """Return whether a batch in raw/ ends with a page: it was written without the page cache."""
    for segment in segments(raw):
        text = segment.path.read_bytes()
        header = parse_file_header(text)
        place = len(text) if header is None else text.find(record_prefix(header.boot_id))
        while 0 <= place <= len(text) - HEAD_BYTES:
            head = parse_head(text, place, text[place : place + 8])
            if head is not None and head.type == RecordType.BATCH_COMMIT and head.body_bytes:
                return True
            place = text.find(text[place : place + 8], place + 1)
    return False


def acknowledged_ids(log: Path) -> set[str]:
    """Return the ids that `fault_actions.append` logged as acknowledged."""
    lines = log.read_text().split() if log.exists() else []
    return {submitted({}, int(line)).path.rpartition("/")[2] for line in lines}


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


ACTIONS = {
    "start, append, rotate, seal": Action(
        "append",
        nothing,
        check_raw,
        lambda root, log: {"root": str(root), "acknowledged": str(log), "first": 0, "count": 12},
    ),
    "append large batches": Action(
        "append_large",
        nothing,
        check_raw,
        lambda root, log: {"root": str(root), "acknowledged": str(log)},
    ),
    "convert": Action("convert", lambda root: filled(root) and None, check_converted, only_root, stride=2),
    "compact": Action("compact", compactable, check_compacted, only_root),
    "remove old records": Action("remove_old_records", with_old_records, check_removed, only_root),
    "rebuild tables": Action("rebuild_tables", compactable, check_rebuilt, only_root),
    "cache a revision": Action("store_specs", lambda root: root.mkdir(), check_specs, only_root),
}


@pytest.mark.parametrize("fault", TAMPERING)
@pytest.mark.parametrize("name", ACTIONS)
def test_nothing_is_lost_or_doubled_at_any_system_call(
    memory_path: Path, templates: Templates, figure: Figure, name: str, fault: str
) -> None:
    """The n-th call of each kind is interrupted, for every n (for some in CI); then the check runs."""
    figure.title = f"T2 {fault} at each system call: {name}"
    interrupt_each_call(ACTIONS[name], fault, memory_path, templates, figure)


@pytest.mark.skipif(not handover.IS_COMPILED, reason="built without the compiled part")
def test_large_batches_are_written_without_the_page_cache(tmp_path: Path, forks: ForkServer) -> None:
    """Control of the action above: it would prove nothing if its batches were too small."""
    for action, expected in [("append_large", True), ("append", False)]:
        root, log = tmp_path / action, tmp_path / f"{action}.log"
        more = {} if expected else {"first": 0, "count": 12}
        assert forks.run(action, root=str(root), acknowledged=str(log), **more) == 0
        assert has_filled_page(DataRoot(root).raw) == expected
