"""The compiled writer writes every table as PyArrow does: rows, order, schema and what the footer says."""

import subprocess
import sys
from contextlib import AbstractContextManager, ExitStack, closing
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.tables import arrow_rows, numbered_histograms, part_writer, row_groups
from storage.tables.arrow_rows import Part, sorted_rows_of
from storage.tables.columns import TABLES, columns_of, schema_of
from storage.tables.compiled import bucket_lists, page_bodies
from storage.tables.merging import merge_scratch
from storage.tables.numbered_tables import is_compiled, numbered_rows_of
from storage.tables.numbered_words import utf8
from storage.tables.parquet.kinds import Kind
from storage.tables.part_file import Scratch
from storage.tables.rows import BOOLEAN, MAX_INT32, NUMBER, PING_TEXTS, TEXT
from storage.tables.spare_files import SpareFiles
from telemetry_server.tables.batch import Batch, prepare
from tests.storage.tables.rows_of_each_table import one_ping, parts_of

pytestmark = pytest.mark.skipif(not is_compiled(), reason="built without a C compiler")

FIRST_PING = 2**40
TEXTS = st.sampled_from(["", "a", "b", "ä", "\ud800", "?", "main"])
SOME_TEXT = st.one_of(st.none(), TEXTS)
TEXT_PAIRS = st.lists(st.tuples(TEXTS, TEXTS), max_size=3, unique_by=lambda pair: utf8(pair[0])).map(tuple)
LISTS = st.one_of(st.none(), st.lists(TEXTS, max_size=3).map(tuple))
MARKS = st.sampled_from([None, "expired_metric"])
WHOLES = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))
MOMENTS = st.one_of(
    st.none(),
    st.integers(-(2**40), 2**45).map(lambda micros: datetime(1970, 1, 1) + timedelta(microseconds=micros)),
)
BOOLEANS = st.sampled_from([None, True, False])
FLOATS = st.sampled_from([0.0, -0.0, 1.5, -1e300, 2.0**53, float("inf")])
EVENT = st.tuples(TEXTS, WHOLES, TEXTS, TEXTS, SOME_TEXT, SOME_TEXT, TEXT_PAIRS, SOME_TEXT)
UPTAKE = st.tuples(*[SOME_TEXT] * 7, LISTS, *[WHOLES] * 4, LISTS)
ENROLLMENT = st.tuples(
    *[SOME_TEXT] * 3,
    WHOLES,
    MOMENTS,
    *[SOME_TEXT] * 6,
    BOOLEANS,
    *[SOME_TEXT] * 3,
    TEXT_PAIRS,
    LISTS,
)
SCALAR = st.one_of(
    st.tuples(st.just(NUMBER), FLOATS),
    st.tuples(st.just(TEXT), TEXTS),
    st.tuples(st.just(BOOLEAN), st.sampled_from([0, 1])),
)
NUMBERS = st.one_of(st.integers(0, 9), st.integers(0, MAX_INT32), st.integers(-(2**63), 2**63 - 1))
HISTOGRAM = st.tuples(
    st.sampled_from(["m", "k", "\ud800"]),  # metric
    st.sampled_from(["parent", "content"]),
    TEXTS,  # label
    st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3),
    st.one_of(st.none(), st.integers(0, 2**40)),
    MARKS,
)
PING = st.fixed_dictionaries(
    {
        "wanted": st.booleans(),
        "id": st.binary(min_size=16, max_size=16),
        "client": st.one_of(st.none(), st.binary(min_size=16, max_size=16)),
        "stamp": st.integers(-(10**11), 10**11),
        "texts": st.lists(SOME_TEXT, min_size=len(PING_TEXTS), max_size=len(PING_TEXTS)),
        "counter": WHOLES,
        "experiments": TEXT_PAIRS,
        "scalars": st.lists(st.tuples(TEXTS, TEXTS, SCALAR, MARKS), max_size=3),
        "histograms": st.lists(HISTOGRAM, max_size=3),
        "events": st.lists(EVENT, max_size=2),
        "uptake": st.lists(UPTAKE, max_size=2),
        "enrollments": st.lists(ENROLLMENT, max_size=2),
    }
)
TASKS = st.lists(st.lists(PING, max_size=4), min_size=1, max_size=3)


def files_of(scratch: Scratch) -> AbstractContextManager[SpareFiles]:
    """Return files without a name beside those of *scratch*."""
    return closing(SpareFiles(Disk(), scratch.next_path))


def spilled_of(parts: list[Part], files: SpareFiles):
    """Return the histograms of *parts* on disk, as a batch puts them there; None if they have none."""
    batch = Batch(parts={"20261129": list(parts)})
    batch.spill(files)
    return batch.spilled.get("20261129")


def described(path: Path) -> list:
    """Return what the footer says of each column of each row group, apart from sizes and limits."""
    footer = pq.read_metadata(path)
    found = []
    for group in range(footer.num_row_groups):
        for number in range(footer.num_columns):
            column = footer.row_group(group).column(number)
            nulls = column.statistics and column.statistics.null_count
            found.append((column.path_in_schema, column.physical_type, column.num_values, nulls))
    return found


def assert_limits(path: Path) -> None:
    """Limits in the footer are those of the values; PyArrow's own may be wider."""
    file = pq.ParquetFile(path)
    for group in range(file.num_row_groups):
        values = file.read_row_group(group)
        for number in range(file.metadata.num_columns):
            column = file.metadata.row_group(group).column(number)
            known = column.statistics
            if known is None:
                continue
            there = [value for value in values.column(column.path_in_schema).to_pylist() if value is not None]
            assert known.has_min_max == bool(there)
            if there:
                by_bytes = str.encode if isinstance(there[0], str) else None
                assert known.min == min(there, key=by_bytes)
                assert known.max == max(there, key=by_bytes)


@settings(max_examples=80, deadline=None, phases=[Phase.generate])
@given(TASKS, st.sampled_from([2, 16_384]))
def test_files_are_those_that_pyarrow_writes(tasks, rows_of_a_group):
    """Also texts that UTF-8 lacks, numbers of 64 bits, lists of nothing, and pings that are not wanted."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder, ExitStack() as opened:
        for module in (arrow_rows, part_writer, row_groups, numbered_histograms):
            patch.setattr(module, "ROW_GROUP_ROWS", rows_of_a_group)
        scratch = Scratch(DataRoot(Path(folder)), Disk())
        files = opened.enter_context(files_of(scratch))
        theirs = dict(sorted_rows_of(parts_of(tasks), FIRST_PING))
        parts = parts_of(tasks)
        spilled = spilled_of(parts, files)
        for table, rows in numbered_rows_of(parts, FIRST_PING, spilled).items():
            assert rows.num_rows == theirs[table].num_rows
            ours = scratch.write(table, "20261129", rows)
            with pytest.MonkeyPatch.context() as without:
                without.setattr("storage.tables.compiled.page_bodies.IS_COMPILED", False)
                expected = scratch.write(table, "20261129", theirs[table])

            assert pq.ParquetFile(ours.path).schema.equals(pq.ParquetFile(expected.path).schema)
            assert pq.read_schema(ours.path).equals(pq.read_schema(expected.path))
            read, other = (pq.read_table(file.path).to_pylist() for file in (ours, expected))
            assert str(read) == str(other)
            assert ours.rows == expected.rows
            if table != "histograms" or rows_of_a_group > 2:  # groups end where a metric does
                assert described(ours.path) == described(expected.path)
            assert_limits(ours.path)
        if spilled is not None:
            spilled.close()


@settings(max_examples=15, deadline=None, phases=[Phase.generate])
@given(TASKS)
def test_each_reader_finds_the_rows(tasks):
    """DuckDB and Polars read what PyArrow reads."""
    with TemporaryDirectory() as folder, ExitStack() as opened:
        scratch = Scratch(DataRoot(Path(folder)), Disk())
        files = opened.enter_context(files_of(scratch))
        parts = parts_of(tasks)
        spilled = spilled_of(parts, files)
        for table, rows in numbered_rows_of(parts, FIRST_PING, spilled).items():
            path = scratch.write(table, "20261129", rows).path
            expected = pq.read_table(path)
            with duckdb.connect() as connection:
                found = connection.read_parquet(str(path)).fetchall()
            assert str(list(map(plain, found))) == str([tuple(row.values()) for row in expected.to_pylist()])
            kinds = columns_of(table)
            # Polars has another type for UUIDs and for texts by text.
            same = [name for name, kind in kinds.items() if kind not in (Kind.ID, Kind.PAIRS)]
            frame = polars.read_parquet(path, columns=same)
            assert str(frame.rows()) == str(
                [tuple(row.values()) for row in expected.select(same).to_pylist()]
            )
        if spilled is not None:
            spilled.close()


def plain(row: tuple) -> tuple:
    """Return *row* of DuckDB as PyArrow returns it."""
    return tuple(list(value.items()) if isinstance(value, dict) else value for value in row)


def test_files_of_both_writers_are_merged(tmp_path, monkeypatch):
    """A data root may have been written with and without a C compiler."""
    scratch = Scratch(DataRoot(tmp_path), Disk())
    written = []
    for first_ping, is_built in ((1, True), (2, False), (3, True)):
        monkeypatch.setattr(page_bodies, "IS_COMPILED", is_built)
        monkeypatch.setattr(bucket_lists, "IS_COMPILED", is_built)
        batch = Batch()
        batch.add_rows(one_ping(), ["20261129"])
        with files_of(scratch) as spare:
            written.append(prepare(batch, scratch, spare, first_ping).files)

    for table in TABLES:
        files = [file for each in written for file in each if file.table == table]
        rows = [row for file in files for row in pq.read_table(file.path).to_pylist()]
        merged = pq.read_table(merge_scratch(scratch, files).path).to_pylist()
        assert merged == rows
        assert [row.pop("ping") for row in rows] == [1, 2, 3]
        assert rows[0] == rows[1] == rows[2]


def test_every_column_has_a_place_in_each_file():
    """The names, in their order."""
    for table in TABLES:
        assert list(columns_of(table)) == schema_of(table).names


def test_rows_are_written_without_pyarrow(tmp_path):
    """It takes 47 MiB in the process that converts."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from storage.data_root import DataRoot\n"
        "from storage.disk import Disk\n"
        "from storage.tables.part_file import Scratch\n"
        "from storage.tables.spare_files import SpareFiles\n"
        "from telemetry_server.tables.batch import Batch, prepare\n"
        "from tests.storage.tables.rows_of_each_table import one_ping\n"
        "batch = Batch()\n"
        "batch.add_rows(one_ping(), ['20261129'])\n"
        "disk = Disk()\n"
        "scratch = Scratch(DataRoot(Path(sys.argv[1])), disk)\n"
        "files = prepare(batch, scratch, SpareFiles(disk, scratch.next_path), 1).files\n"
        "print(sorted(file.table for file in files), 'pyarrow' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == f"{sorted(TABLES)} False"
