"""Rows of many tasks become sorted Arrow rows with nothing lost or changed."""

from array import array
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.tables import arrow_rows
from storage.tables.arrow_rows import places_of, sorted_rows_of
from storage.tables.merging import merged_rows
from storage.tables.part_file import Scratch
from storage.tables.rows import NO_SAMPLE, NO_SUM, NO_WORD, NUMBER, PingColumns, TableRows
from storage.tables.spare_files import SpareFiles
from storage.tables.spilled_histograms import SpilledHistograms

FIRST_PING = 1000
DAY = datetime.fromtimestamp(1_795_348_800, UTC).date()
BUILDS = ("b", "a", None)
BUCKETS = st.dictionaries(
    st.one_of(st.integers(0, 9), st.integers(-(2**63), 2**63 - 1)),
    st.one_of(st.integers(1, 9), st.integers(0, 2**63 - 1)),
    max_size=4,
)
# Metric, label, buckets, sum.
HISTOGRAMS = st.tuples(
    st.sampled_from(["m", "k", "z"]),
    st.sampled_from(["", "x"]),
    BUCKETS,
    st.one_of(st.none(), st.integers(0, 9)),
)
# For each ping whether it is wanted, its build, and its histograms.
PINGS = st.lists(
    st.tuples(st.booleans(), st.sampled_from(BUILDS), st.lists(HISTOGRAMS, max_size=3)), max_size=4
)


def mark_of(metric: str, label: str) -> str | None:
    """Return the mark of some histograms."""
    return "expired_metric" if (metric, label) == ("k", "x") else None


WORDS = ["telemetry", "main", "Firefox", "nightly", "30.0", "b", "a"]


def add_ping(columns: PingColumns, number: int, build: str | None) -> None:
    texts = ("telemetry", "main", None, "Firefox", "nightly", "30.0", build, *(None,) * 9)
    columns.document_ids += bytes([number]) * 16
    columns.client_ids += bytes(16)
    columns.timestamps.append(1_795_348_800_000_000 + number)
    columns.sample_ids.append(NO_SAMPLE)
    columns.texts.extend(NO_WORD if text is None else WORDS.index(text) for text in texts)
    columns.subsession_counters.append(None)
    columns.experiments.append(0)


def task_of(pings) -> TableRows:
    """Return the rows of one task."""
    rows = TableRows()
    columns = rows.histograms
    columns.words += ["", "x", "?", "\ud801"]
    rows.pings.words += WORDS
    rows.pings.experiment_sets.append(())
    rows.scalars.scalar_keys.append(("s", "parent", "", "scalar"))
    for number, (_, build, histograms) in enumerate(pings):
        add_ping(rows.pings, number, build)
        rows.items.append(number)
        rows.scalars.pings.append(number)
        rows.scalars.keys.append(0)
        rows.scalars.kinds.append(NUMBER)
        rows.scalars.values.append(number)
        for metric, label, buckets, total in histograms:
            key = metric, "linear", "shape"
            if key not in columns.shape_keys:
                columns.shape_keys.append(key)
            columns.pings.append(number)
            columns.processes.append(0)
            columns.labels.append(columns.words.index(label))
            columns.keys.append(columns.shape_keys.index(key))
            columns.sums.append(NO_SUM if total is None else total)
            if mark_of(metric, label):
                columns.marks[len(columns.pings) - 1] = "expired_metric"
            columns.add_buckets(list(buckets), list(buckets.values()))
    return rows


def files_in(folder: Path) -> AbstractContextManager[SpareFiles]:
    """Return files without a name in *folder*."""
    return closing(SpareFiles(Disk(), lambda: folder / "waiting"))


def spilled_one_by_one(parts, files: SpareFiles) -> SpilledHistograms:
    """Return the histograms of *parts*, each written by itself."""
    spilled = SpilledHistograms(files)
    for (rows, _), places in zip(parts, places_of(parts), strict=True):
        spilled.add([(rows.histograms, places)])
    return spilled


def stored(scratch: Scratch, table: str, rows) -> list[dict]:
    """Return *rows* as a file has them, in its order."""
    file = scratch.write(table, "20261129", rows)
    assert file.rows == rows.num_rows
    return pq.read_table(file.path).to_pylist()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(PINGS, min_size=1, max_size=3),
    st.integers(1, 5),
    st.sampled_from(["in memory", "on disk"]),
)
def test_every_wanted_row_is_there_once_in_order(tasks, rows_at_a_time, place):
    """With all its numbers, also those of more than 32 bits."""
    parts = [(task_of(pings), [is_wanted for is_wanted, _, _ in pings]) for pings in tasks]
    wanted = [ping for pings in tasks for ping in pings if ping[0]]

    with (
        pytest.MonkeyPatch.context() as patch,
        TemporaryDirectory() as folder,
        files_in(Path(folder)) as files,
    ):
        patch.setattr(arrow_rows, "ROW_GROUP_ROWS", rows_at_a_time)
        patch.setattr(arrow_rows, "READ_ROWS", rows_at_a_time)
        spilled = None if place == "in memory" else spilled_one_by_one(parts, files)
        assert list(Path(folder).iterdir()) == []
        scratch = Scratch(DataRoot(Path(folder)), Disk())
        found = {
            table: stored(scratch, table, rows)
            for table, rows in sorted_rows_of(parts, FIRST_PING, spilled).items()
        }
        if spilled is not None:
            spilled.close()

    expected = [
        (
            metric,
            label,
            FIRST_PING + number,
            build,
            list(buckets),
            list(buckets.values()),
            total,
            mark_of(metric, label),
        )
        for number, (_, build, histograms) in enumerate(wanted)
        for metric, label, buckets, total in histograms
    ]
    columns = ("metric", "label", "ping", "build_id", "starts", "counts", "sum", "mark")
    rows = [tuple(row[name] for name in columns) for row in found["histograms"]]
    assert sorted(rows, key=repr) == sorted(expected, key=repr)
    order = [(row[0], row[3] is None, row[3] or "", row[2]) for row in rows]
    assert order == sorted(order)
    numbers = [FIRST_PING + number for number in range(len(wanted))]
    assert sorted(row["ping"] for row in found["pings"]) == numbers
    assert [row["submission_timestamp"].date() for row in found["pings"]] == [DAY] * len(wanted)
    assert {(row["client_id"], row["sample_id"], row["os"]) for row in found["pings"]} <= {(None, None, None)}
    assert sorted(row["ping"] for row in found["scalars"]) == numbers


def test_numbers_of_32_bits_need_no_list_of_large_ones():
    """Nearly all are such numbers."""
    rows = task_of([(True, "a", [("m", "", {0: 1, 2**31 - 1: 2**31 - 1}, None)])])

    assert rows.histograms.large == []
    assert array("i", rows.histograms.counts).tolist() == [1, 2**31 - 1]


def test_words_that_utf8_lacks_are_question_marks_before_rows_are_sorted(tmp_path):
    """So the file is sorted, has each word once, and can be merged."""
    histograms = [("\ud800", "\ud801", {0: 1}, None), ("?", "?", {0: 2}, None), ("b", "\ud801", {0: 3}, None)]
    parts = [(task_of([(True, "b", histograms)]), None), (task_of([(True, "a", histograms)]), None)]
    scratch = Scratch(DataRoot(tmp_path), Disk())
    with files_in(tmp_path) as files:
        spilled = spilled_one_by_one(parts, files)
        written = scratch.write("histograms", "20261129", sorted_rows_of(parts, 0, spilled)["histograms"])
        spilled.close()

    rows = [row for batch in merged_rows("histograms", [written.path]) for row in batch.to_pylist()]

    assert rows == pq.read_table(written.path).to_pylist()
    found = [(row["metric"], row["label"], row["build_id"]) for row in rows]
    assert found == [*[("?", "?", "a")] * 2, *[("?", "?", "b")] * 2, ("b", "?", "a"), ("b", "?", "b")]
