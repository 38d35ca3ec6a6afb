"""Files of the compiled writer read like those of PyArrow's, by every reader."""

from array import array
from datetime import date
from itertools import accumulate

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.disk import Disk
from storage.tables import part_writer
from storage.tables.columns import HISTOGRAMS, ROW_GROUP_ROWS, schema_of, written_schema_of
from storage.tables.compiled import page_bodies
from storage.tables.parquet import column_chunks
from storage.tables.part_writer import DiskFile, PartWriter
from tests.storage.tables.parquet import decoding, page_mutations
from tests.support.sanitizers import checked_runs

pytestmark = pytest.mark.skipif(not page_bodies.IS_COMPILED, reason="built without a C compiler")

ZSTD_FRAME = b"\x28\xb5\x2f\xfd"
WHOLE = st.one_of(st.integers(0, 300), st.integers(-(2**63), 2**63 - 1))
TEXT = st.one_of(st.none(), st.sampled_from(["", "a", "GC_MS", "é", "x" * 5000]))
BUCKETS = st.lists(st.tuples(WHOLE, WHOLE), max_size=5)
ROW = st.fixed_dictionaries(
    {
        "ping": st.integers(0, 2**40),
        "submission_date": st.sampled_from([date(2026, 11, 29), date(1969, 12, 31)]),
        "buckets": BUCKETS,
        "sum": st.one_of(st.none(), st.integers(-(2**63) + 1, 2**63 - 1)),
        "texts": st.lists(TEXT, min_size=13, max_size=13),
    }
)


def table_of(rows: list[dict]) -> pa.Table:
    """Return *rows* as the tables' writer gets them."""
    texts = iter(range(13))
    columns = {}
    for field in schema_of(HISTOGRAMS):
        if field.name in ("starts", "counts"):
            place = field.name == "counts"
            values = [[bucket[place] for bucket in row["buckets"]] for row in rows]
        elif field.type == pa.string():
            number = next(texts)
            values = [row["texts"][number] for row in rows]
        else:
            values = [row[field.name] for row in rows]
        columns[field.name] = pa.array(values, field.type)
    table = pa.table(columns, schema=schema_of(HISTOGRAMS))
    for number, field in enumerate(written_schema_of(HISTOGRAMS)):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(number, field, table.column(number).dictionary_encode())
    return table.combine_chunks()


def row_of(buckets: list[tuple[int, int]]) -> dict:
    """Return a row with *buckets*."""
    day = date(2026, 11, 29)
    return {"ping": 1, "submission_date": day, "sum": 1, "texts": ["a"] * 13, "buckets": buckets}


def write(folder, groups: list[pa.Table], *, compiled: bool):
    """Return the path of a file with *groups*, each a row group of its own."""
    path = folder / f"{compiled}.parquet"
    path.unlink(missing_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_bodies, "IS_COMPILED", compiled)
        file = DiskFile(Disk(), path)
        writer = PartWriter(HISTOGRAMS, file)
        for group in groups:
            writer._put(group)
        writer.finish()
        file.end()
    assert path.stat().st_size == file.written
    return path


def column_of(path, name: str) -> pq.ColumnChunkMetaData:
    """Return what the footer says of the lists *name* in the first row group."""
    group = pq.read_metadata(path).row_group(0)
    columns = (group.column(number) for number in range(group.num_columns))
    return next(column for column in columns if column.path_in_schema == f"{name}.list.element")


def described(path) -> list:
    """Return what the footer says of each column of each row group."""
    footer = pq.read_metadata(path)
    found = []
    for group in range(footer.num_row_groups):
        for number in range(footer.num_columns):
            column = footer.row_group(group).column(number)
            limits = column.statistics and (column.statistics.min, column.statistics.max)
            nulls = column.statistics and column.statistics.null_count
            found.append((column.path_in_schema, column.physical_type, column.num_values, limits, nulls))
    return found


@settings(deadline=None, max_examples=25)
@given(st.lists(st.lists(ROW, max_size=30), min_size=1, max_size=3))
def test_each_reader_finds_the_rows_that_were_written(tmp_path_factory, groups):
    """PyArrow, DuckDB and Polars; and the footer says what PyArrow's writer would."""
    folder = tmp_path_factory.mktemp("files")
    tables = [table_of(rows) for rows in groups if rows]
    ours, theirs = (write(folder, tables, compiled=compiled) for compiled in (True, False))
    expected = (
        pa.concat_tables([table.cast(schema_of(HISTOGRAMS)) for table in tables])
        if tables
        else schema_of(HISTOGRAMS).empty_table()
    )

    assert pq.ParquetFile(ours).schema.equals(pq.ParquetFile(theirs).schema)
    assert described(ours) == described(theirs)
    assert pq.read_table(ours).equals(expected)
    with duckdb.connect() as connection:
        found = connection.read_parquet(str(ours)).to_arrow_table()
    assert found.cast(schema_of(HISTOGRAMS)).equals(expected)
    assert polars.read_parquet(ours).to_arrow().cast(schema_of(HISTOGRAMS)).equals(expected)


def test_long_lists_are_in_several_pages(tmp_path):
    """A reader decodes a page at once, so that its memory is bounded."""
    table = table_of([row_of([(start, start + number) for start in range(20)]) for number in range(40)])
    rows = pa.concat_tables([table] * 410).combine_chunks().slice(1, ROW_GROUP_ROWS)
    path = write(tmp_path, [rows], compiled=True)

    assert pq.read_table(path).equals(rows.cast(schema_of(HISTOGRAMS)))
    counts = column_of(path, "counts")
    assert counts.num_values == 20 * rows.num_rows
    pages = path.read_bytes()[counts.data_page_offset :][: counts.total_compressed_size]
    assert pages.count(ZSTD_FRAME) == 3  # of 2.6 MB


def test_more_distinct_numbers_than_a_dictionary_holds_are_written_by_significance(tmp_path):
    """Their pages refer to no dictionary."""
    rows = table_of([row_of([(number * 70 + start, 1) for start in range(70)]) for number in range(1000)])
    path = write(tmp_path, [rows], compiled=True)

    assert "BYTE_STREAM_SPLIT" in column_of(path, "starts").encodings
    assert pq.read_table(path).equals(rows.cast(schema_of(HISTOGRAMS)))


def test_numbers_that_collide_are_written_by_significance():
    """A client can choose numbers that have one slot in the table of distinct ones; each costs few steps."""
    inverse = pow(0x9E3779B97F4A7C15, -1, 2**64)
    colliding = array("Q", [number * inverse % 2**64 for number in range(5000)])
    offsets = array("i", [0, len(colliding)])

    assert page_bodies.list_pages(offsets, colliding, [0, 1], split=False) is None
    chunk = column_chunks.number_lists(offsets, colliding, repeat=True)
    assert (chunk.encoding, chunk.dictionary) == (column_chunks.BYTE_STREAM_SPLIT, None)
    assert decoding.lists(*chunk.pages[0], None) == [array("q", colliding.tobytes()).tolist()]


def test_pages_are_bounded_where_few_lists_are_long():
    """A page ends with the list that fills it."""
    longest = 60_000
    offsets = array("i", accumulate([1] * 16_000 + [longest] * 30, initial=0))
    chunk = column_chunks.number_lists(offsets, array("q", [7]) * offsets[-1], repeat=False)

    assert max(page.values for page in chunk.pages) <= column_chunks.PAGE_BYTES // 8 + longest
    assert sum(page.values for page in chunk.pages) == offsets[-1]


@pytest.mark.slow
def test_pages_of_random_values_hold_them_under_the_checks_of_the_compiler(tmp_path):
    """Addresses and undefined behaviour are checked."""
    source = "storage/tables/compiled/_pages.c"
    assert checked_runs(tmp_path, page_mutations.__name__, [source], seconds=5) >= page_mutations.LEAST_INPUTS


def test_pages_of_random_values_hold_them():
    """Also where nulls, empty lists and runs of equal values alternate."""
    assert page_mutations.main(page_bodies._pages.__file__, seconds=0.5) >= page_mutations.LEAST_INPUTS


def test_built_without_a_compiler_pyarrow_writes(tmp_path, monkeypatch):
    """The compiled writer is an addition."""
    monkeypatch.setattr(page_bodies, "IS_COMPILED", False)
    writer = PartWriter(HISTOGRAMS, DiskFile(Disk(), tmp_path / "one.parquet"))

    assert isinstance(writer._writer, pq.ParquetWriter)
    assert part_writer.COMPRESSION == "zstd"
