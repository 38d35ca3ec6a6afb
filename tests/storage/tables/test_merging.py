"""Sorted part files become one, in bounded memory."""

from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.tables import merging
from storage.tables.columns import SCALARS, written_schema_of
from storage.tables.part_file import Scratch

DAY = "20261129"
# Metric and build: few, so that many rows are equal.
KEYS = st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["1", "2", None]))
FILES = st.lists(st.lists(KEYS, min_size=1, max_size=30), min_size=1, max_size=5)


def order_of(key):
    """Return what rows are sorted by: null comes last."""
    metric, build = key
    return metric, build is None, build or ""


def written(scratch: Scratch, rows: list[tuple]) -> Path:
    """Write *rows*, each a metric, a build and a ping, as a part file; return its path."""
    schema = written_schema_of(SCALARS)
    values = [
        {"metric": metric, "build_id": build, "ping": ping, "process": "parent"}
        for metric, build, ping in rows
    ]
    columns = [pa.array([row.get(field.name) for row in values], _plain(field.type)) for field in schema]
    table = pa.Table.from_arrays(columns, names=schema.names).cast(schema).combine_chunks()
    return scratch.write(SCALARS, DAY, table.to_batches()).path


def _plain(type_: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_dictionary(type_) else type_


@settings(max_examples=60, deadline=None)
@given(FILES, st.integers(1, 7), st.integers(1, 9))
def test_merged_rows_are_in_order_and_equal_ones_in_the_order_of_the_files(files, loaded, at_once):
    """However few rows of a file are in memory."""
    numbers = iter(range(1000))
    files = [[(*key, next(numbers)) for key in sorted(keys, key=order_of)] for keys in files]
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        root = DataRoot(Path(folder))
        root.prepare(Disk())
        scratch = Scratch(root, Disk())
        paths = [written(scratch, rows) for rows in files]
        patch.setattr(merging, "LOADED_ROWS", 1)
        patch.setattr(merging, "LEAST_LOADED_ROWS", loaded)
        patch.setattr(merging, "BATCH_ROWS", at_once)
        batches = list(merging.merged_rows(SCALARS, paths))

    rows = [row for batch in batches for row in batch.to_pylist()]
    expected = sorted((row for file in files for row in file), key=lambda row: order_of(row[:2]))
    assert [(row["metric"], row["build_id"], row["ping"]) for row in rows] == expected


def test_rows_that_are_equal_are_not_all_in_memory(tmp_path, monkeypatch):
    """A day may have a million rows of one metric and build."""
    root = DataRoot(tmp_path)
    root.prepare(Disk())
    scratch = Scratch(root, Disk())
    paths = [
        written(scratch, [("a", "1", number) for number in range(first, first + 100)])
        for first in (0, 100, 200)
    ]
    monkeypatch.setattr(merging, "LOADED_ROWS", 1)
    monkeypatch.setattr(merging, "LEAST_LOADED_ROWS", 10)
    monkeypatch.setattr(merging, "BATCH_ROWS", 20)

    batches = [batch.column("ping").to_pylist() for batch in merging.merged_rows(SCALARS, paths)]

    assert list(chain.from_iterable(batches)) == list(range(300))
    assert max(map(len, batches)) <= 30
