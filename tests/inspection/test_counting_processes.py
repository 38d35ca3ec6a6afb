"""An audit that counts in several processes gives what one in this process gives, and leaves no process."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pytest

from storage.integrity.amount import Amount, amount_to_read
from storage.integrity.audit import audit
from storage.integrity.piece_counts import FilePiece, PieceCounter, SegmentPiece
from storage.ledger.ledger import Ledger
from telemetry_server.inspection import counting as counting_module
from telemetry_server.inspection.counting import WORTH_BYTES, counting
from telemetry_server.inspection.counting_processes import CountingProcesses, reading_order
from tests.support.data_root import DAY, World, a_ping, submitted
from tests.support.fault_actions import compact
from tests.support.waiting import PATIENCE_SECONDS, wait_for

# The command; its counting processes never answer.
COMMAND = """
import os
import sys
import time

from storage.integrity.piece_counts import PieceCounter
from telemetry_server.cli.main import main
from telemetry_server.inspection import counting

def never(*_):
    print("counting", flush=True)
    time.sleep(1000)

PieceCounter.count = never
counting.WORTH_BYTES = 0
counting.has_one_thread = lambda: True
os.sched_getaffinity = lambda _: {0, 1}
sys.exit(main())
"""


@pytest.fixture
async def world(tmp_path):
    """Segments, of which one waits; records in two partitions; refused submissions and histograms."""
    world = World(tmp_path / "data", tables=False)
    world.put_specs()
    for first in (0, 10, 20):
        pings = [a_ping(number) for number in range(first, first + 10)]
        pings[3]["info"]["appVersion"] = "31.0"
        world.receive(submitted(ping, number) for number, ping in enumerate(pings, first))
        world.receive([submitted(b"{broken", first + 40)])
        await world.convert()
    world.receive([submitted(a_ping(30), 30)])
    return world


@pytest.fixture
def found(world):
    """Audit the world in both ways, with the same result; return the findings."""

    def findings() -> list[str]:
        files: list[int] = []
        with Ledger.for_reading(world.root) as ledger, CountingProcesses(2, 0) as processes:
            here = audit(world.root, ledger, on_file=lambda: files.append(0))
            there = audit(world.root, ledger, count_all=processes.count_all, on_file=lambda: files.append(1))
        assert asdict(there) == asdict(here)
        assert files.count(0) == files.count(1) > 0
        return here.findings

    return findings


def files_of(world, store):
    return sorted(path for path in (world.root.path / store).rglob("*") if path.is_file())


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("store", "harm", "said"),
    [
        ("converted", cut, "damaged: "),
        ("converted", flip, "damaged: "),
        ("converted", Path.unlink, ": missing, with "),
        ("quarantine", cut, "damaged: "),
        ("quarantine", Path.unlink, ": missing, with "),
        ("raw", flip, ""),
        ("raw", cut, ""),
        ("raw", Path.unlink, None),  # all that the ledger knows was converted
    ],
)
def test_findings_are_the_same_and_in_the_same_order(world, found, store, harm, said):
    """All files of a store are harmed, so that there are several findings."""
    for path in files_of(world, store):
        harm(path)

    findings = found()

    assert (findings == []) is (said is None)
    assert not said or sum(said in each for each in findings) > 1


def test_files_that_are_merged_during_the_audit_are_no_finding(world):
    """The snapshot of the ledger still has them."""
    with Ledger.for_reading(world.root) as ledger, CountingProcesses(2, 0) as processes:

        def count_all(pieces, on_counted):
            assert compact(str(world.root.path), DAY) == 0
            assert not all(Path(piece.path).exists() for piece in pieces)
            return processes.count_all(pieces, on_counted)

        assert audit(world.root, ledger, count_all=count_all).findings == []


def test_segments_and_partition_files_end_together_and_begin_with_the_largest():
    """While one process waits for the disk, another decompresses."""
    segments = [SegmentPiece(f"s{number}", 128 - 9 * number, 0) for number in range(15)]
    files = [FilePiece(f"f{number}", 1 + number % 7, is_quarantine=False) for number in range(20)]
    pieces = [*files[:7], *segments, *files[7:]]

    found = [pieces[number] for number in reading_order(pieces, 2)]

    assert sorted(found, key=pieces.index) == pieces
    for kind in (SegmentPiece, FilePiece):
        sizes = [each.size for each in found if isinstance(each, kind)]
        assert sizes == sorted(sizes, reverse=True)
        first_half = sum(each.size for each in found[: len(found) // 2] if isinstance(each, kind))
        assert 0.4 < first_half / sum(sizes) < 0.8


def test_pieces_that_would_be_waited_for_at_the_end_come_first():
    """With many processes or few pieces."""
    pieces = [FilePiece(f"f{number}", size, is_quarantine=False) for number, size in enumerate((10, 90, 20))]
    pieces += [SegmentPiece(f"s{number}", size, 0) for number, size in enumerate((128, 1, 128))]

    found = [pieces[number].size for number in reading_order(pieces, 4)]

    assert found[:3] == [128, 128, 90]
    assert sorted(found[3:]) == [1, 10, 20]


@pytest.mark.parametrize("pieces", [[], [FilePiece("f", 0, is_quarantine=True)], [SegmentPiece("s", 9, 0)]])
def test_pieces_of_one_kind_are_all_read(pieces):
    assert reading_order(pieces, 2) == list(range(len(pieces)))


def test_many_files_are_counted_in_the_order_they_are_given(tmp_path, world):
    """Also those of later batches, those that are missing, and more than fit into what is sent at once."""
    segments = [SegmentPiece(str(path), path.stat().st_size, 0) for path in files_of(world, "raw")]
    records = [
        FilePiece(str(path), path.stat().st_size, is_quarantine=False)
        for path in files_of(world, "converted")
    ]
    pieces = [*segments, FilePiece(str(tmp_path / "none"), 5, is_quarantine=False), *records] * 60
    done = []

    with CountingProcesses(2, 0) as processes:
        counts = processes.count_all(pieces, lambda: done.append(None))

    assert counts == PieceCounter(0).count_all(pieces, lambda: None)
    assert len(done) == len(pieces) - 60


def test_a_file_that_cannot_be_read_ends_the_count_with_its_error(tmp_path):
    """As in one process."""
    piece = FilePiece(str(tmp_path), 5, is_quarantine=False)

    with CountingProcesses(2, 0) as processes, pytest.raises(IsADirectoryError) as raised:
        processes.count_all([piece], lambda: None)

    assert str(tmp_path) in str(raised.value)


def test_without_memory_for_a_process_the_pieces_are_counted_here(world, monkeypatch):
    """As where there is little to read."""

    def no_memory() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", no_memory)
    with Ledger.for_reading(world.root) as ledger, CountingProcesses(2, 0) as processes:
        assert audit(world.root, ledger, count_all=processes.count_all).findings == []


@pytest.mark.parametrize(
    ("size", "cores", "is_forkable", "processes"),
    [
        (WORTH_BYTES, 2, True, 3),
        (WORTH_BYTES, 64, True, 4),
        (WORTH_BYTES - 1, 2, True, 0),
        (WORTH_BYTES, 1, True, 0),
        (WORTH_BYTES, 2, False, 0),
    ],
)
def test_processes_are_started_where_they_are_worth_it(monkeypatch, size, cores, is_forkable, processes):
    """There must be much to read, more than one core, and no thread that holds locks."""
    monkeypatch.setattr(counting_module, "has_one_thread", lambda: is_forkable)
    before = children_of(os.getpid())

    with counting(Amount(1, size, 0), cores):
        assert len(children_of(os.getpid()) - before) == processes

    assert children_of(os.getpid()) <= before


def test_the_amount_is_what_the_audit_reads(world):
    """Segments and partition files."""
    with Ledger.for_reading(world.root) as ledger:
        amount = amount_to_read(world.root, ledger)
        frames = sum(file.frames for file in ledger.files())
    paths = [path for store in ("raw", "converted", "quarantine") for path in files_of(world, store)]

    assert amount == Amount(len(paths), sum(path.stat().st_size for path in paths), frames)


@pytest.fixture
def stuck(world):
    """The command, with three processes that count for ever; and their pids."""
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "audit", "--data", str(world.root.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with command:
        try:
            assert command.stdout.readline() == "counting\n"
            yield command, children_of(command.pid)
        finally:
            command.kill()


def ended(command):
    """Return the status of the command and what it said."""
    _, said = command.communicate(timeout=PATIENCE_SECONDS)
    return command.returncode, said


def test_a_killed_process_is_reported_in_one_line(stuck):
    """The command can be run again."""
    command, pids = stuck
    for pid in pids:
        with suppress(ProcessLookupError):  # the command ends the others as soon as one is gone
            os.kill(pid, signal.SIGKILL)

    assert ended(command) == (
        5,
        "telemetry-server audit: a process that counts was killed (out of memory?); run it again\n",
    )
    assert not any(map(runs, pids))


def test_ctrl_c_ends_all_processes_silently(stuck):
    """A terminal sends it to all of them."""
    command, pids = stuck
    os.killpg(command.pid, signal.SIGINT)

    assert ended(command) == (130, "")
    assert not any(map(runs, pids))


def test_no_process_outlives_a_killed_command(stuck):
    """Also while it counts."""
    command, pids = stuck
    assert len(pids) == 3
    command.kill()
    command.wait()

    wait_for(lambda: not any(map(runs, pids)))


def children_of(pid):
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def runs(pid):
    """Whether there is such a process, and it has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
