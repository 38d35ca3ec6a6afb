"""A rebuild reads a few records at a time, whatever the data root holds, and says how far it is."""

import errno
import sys

import pytest

from bench import data_roots
from bench.commands import run
from bench.table_pings import big_submissions
from histogram_specs.cache.revision_cache import RevisionCache
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.tables.part_file import SCRATCH_FOLDER
from telemetry_server.tables import rebuild, stored_rows
from telemetry_server.tables.rebuild import Rebuilder
from tests.support.data_root import DAY, World, a_ping, submitted
from tests.support.sizes import size

ROUND = 10
MERGED_TOGETHER = 3
REBUILD = """
import sys
from telemetry_server.cli.main import main
from telemetry_server.tables import rebuild
rebuild.REBUILT_STEP_BYTES = int(sys.argv[1])
sys.exit(main(["tables", "rebuild", "--data", sys.argv[2]]))
"""


@pytest.fixture
def steps(monkeypatch):
    """Return the list of how many records each step reads; a step ends after a few lines."""
    monkeypatch.setattr(rebuild, "REBUILT_STEP_BYTES", 1)
    monkeypatch.setattr(rebuild, "MERGED_TOGETHER", MERGED_TOGETHER)
    read_back, counts = stored_rows.read_back, []

    def counted(*arguments):
        read = read_back(*arguments)
        counts.append(sum(len(rows.pings) for rows in read.rows.values()))
        return read

    monkeypatch.setattr(stored_rows, "read_back", counted)
    return counts


@pytest.mark.parametrize("rounds", [2, 8])
async def test_a_rebuild_holds_as_few_records_of_a_large_day_as_of_a_small_one(
    tmp_path, steps, monkeypatch, rounds
):
    """It also keeps few files that are not merged, and reports every byte of the lines once."""
    world = World(tmp_path)
    world.put_specs()
    for first in range(0, rounds * ROUND, ROUND):
        world.receive([submitted(a_ping(number), number) for number in range(first, first + ROUND)])
        await world.convert()
    files, advanced = [], []
    scratch = world.root.state / SCRATCH_FOLDER
    reported = advanced.append

    def report(count):
        files.append(len(list(scratch.iterdir())))
        reported(count)

    with Ledger(world.root.ledger) as ledger:
        rebuilder = Rebuilder(world.root, ledger, Disk(), world.setup.definition_finder, report)
        assert rebuilder.rebuild_day(DAY) == 3 * rounds * ROUND
        total = sum(file.length for file in ledger.tabled())

    assert steps == [ROUND] * rounds
    # Parts of the tables pings and histograms: those that wait to be merged, and the merged ones.
    assert max(files) <= 2 * (MERGED_TOGETHER + rounds // MERGED_TOGETHER)
    assert sum(advanced) == total
    assert world.check_tables() == []


@pytest.mark.slow
def test_the_memory_of_a_rebuild_does_not_grow_with_the_records(tmp_path):
    """
    Peaks of whole processes; the smaller root has more than is held at once, and parts that are merged.

    Peaks differ by some MiB, because steps differ in what they hold.  If a rebuild held all records, the
    larger root would need about 1.3 times as much.
    """
    count, step_bytes = size(200, 1500), size(1 << 17, rebuild.REBUILT_STEP_BYTES)
    words = [sys.executable, "-c", REBUILD, str(step_bytes), str(tmp_path)]
    pings = big_submissions(3 * count)
    peaks = []
    for more in (count, 2 * count):
        data_roots.fill(tmp_path, pings, more)
        data_roots.convert(tmp_path, tables=True)
        runs = [run(words, {"TELEMETRY_REVISION_OFFLINE": "true"}) for _ in range(3)]
        peaks.append(min(done.peak_mib for done in runs))

    assert peaks[1] <= peaks[0] * 1.2, peaks


async def test_a_cache_that_cannot_be_read_leaves_the_tables_as_they_were(tmp_path, monkeypatch):
    """Without definitions the new tables would lack every histogram; the next rebuild works."""
    world = World(tmp_path)
    world.put_specs()
    world.receive([submitted(a_ping(number), number) for number in range(ROUND)])
    await world.convert()
    load, failures = RevisionCache.load, [OSError(errno.EIO, "Input/output error")]

    def failing(cache, revision):
        if failures:
            raise failures.pop()
        return load(cache, revision)

    monkeypatch.setattr(RevisionCache, "load", failing)
    with Ledger(world.root.ledger) as ledger:
        rebuilder = Rebuilder(world.root, ledger, Disk(), world.setup.definition_finder)
        with pytest.raises(OSError, match="Input/output error"):
            rebuilder.rebuild_day(DAY)
        assert world.check_tables() == []
        assert rebuilder.rebuild_day(DAY) == 3 * ROUND

    assert world.check_tables() == []
