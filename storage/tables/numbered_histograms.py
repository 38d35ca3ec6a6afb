"""
Histograms as columns of numbers, sorted, for the compiled writer of Parquet.

They come from disk as numbers of words, and Parquet has numbers of words too, so no text is touched
on the way.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.tables.arrays import bytes_of
from storage.tables.arrow_chunks import words_of
from storage.tables.columns import HISTOGRAMS, MARK, PING_COLUMNS, ROW_GROUP_ROWS, has_statistics
from storage.tables.compiled.bucket_lists import ordered_lists
from storage.tables.compiled.page_bodies import Numbers, sorted_rows
from storage.tables.histogram_arrays import Names
from storage.tables.parquet.column_chunks import (
    BYTE_ARRAY,
    INT32,
    ColumnChunk,
    WordColumn,
    number_lists,
    split_numbers,
)
from storage.tables.spilled_histograms import SpilledColumns, SpilledHistograms

if TYPE_CHECKING:
    import pyarrow as pa

DAY = "submission_date"


@dataclass(frozen=True, slots=True)
class NumberedRows:
    """Rows of one row group: the columns of the table by name."""

    chunks: Mapping[str, ColumnChunk]
    num_rows: int


class NumberedHistograms:
    """
    The rows of the table ``histograms`` that are on disk, in the order of its files.

    A row group ends where a metric does, unless that has more rows than a row group.

    Args:
        pings: The columns of the table ``pings`` of the same rows.
    """

    def __init__(self, spilled: SpilledHistograms, pings: "Mapping[str, pa.Array]") -> None:
        self._spilled = spilled
        self._pings = {name: words_of(pings[name]) for name in (DAY, *PING_COLUMNS)}
        self._ping_numbers = bytes_of(pings["ping"])
        build = self._pings["build_id"]
        ranks = _ranks_of(build.words)
        # A ping without a build comes last: -1 names the last rank.
        self._build_ranks = array("i", [ranks[number] for number in memoryview(build.numbers).cast("i")])
        self.num_rows = spilled.num_rows

    def __iter__(self) -> Iterator[NumberedRows]:
        """
        Yield the rows, at most `ROW_GROUP_ROWS` at a time.

        Raises:
            OSError: The disk refuses.
        """
        names = _NamedColumns(self._spilled.names)
        for columns in self._spilled.in_order(ROW_GROUP_ROWS):
            order = memoryview(
                sorted_rows(
                    columns.rows,
                    [
                        (columns.key, names.metric_ranks),
                        (columns.process, names.word_ranks),
                        (columns.ping, self._build_ranks),
                    ],
                )
            )
            for start in range(0, columns.rows, ROW_GROUP_ROWS):
                rows = order[4 * start : 4 * (start + ROW_GROUP_ROWS)]
                yield NumberedRows(self._chunks(columns, names, rows), len(rows) // 4)

    def _chunks(
        self, columns: SpilledColumns, names: "_NamedColumns", rows: memoryview
    ) -> dict[str, ColumnChunk]:
        offsets, starts, counts = ordered_lists(
            columns.offsets, rows, columns.starts, columns.counts, columns.large
        )
        words = {
            **{name: WordColumn(columns.key, *named) for name, named in names.of_keys.items()},
            "process": WordColumn(columns.process, names.words),
            "label": WordColumn(columns.label, names.words),
            MARK: _marks(columns),
            **{
                name: WordColumn(columns.ping, column.words, column.numbers)
                for name, column in self._pings.items()
            },
        }
        return {
            "ping": split_numbers(self._ping_numbers, rows, columns.ping),
            "starts": number_lists(offsets, starts, repeat=True),
            "counts": number_lists(offsets, counts, repeat=False),
            "sum": split_numbers(columns.sum, rows),
            **{
                name: column.chunk(
                    rows, INT32 if name == DAY else BYTE_ARRAY, statistics=has_statistics(HISTOGRAMS, name)
                )
                for name, column in words.items()
            },
        }


class _NamedColumns:
    """The texts that numbers of histograms stand for, and the ranks by which rows are sorted."""

    def __init__(self, names: Names) -> None:
        self.words = [word.encode() for word in names.words.values]
        self.word_ranks = array("i", _ranks_of(self.words))
        self.of_keys: dict[str, tuple[Sequence[bytes], Numbers]] = {}
        for name, texts in names.texts_of_keys():
            distinct: dict[bytes, int] = {}
            numbers = array("i", [distinct.setdefault(text.encode(), len(distinct)) for text in texts])
            self.of_keys[name] = (list(distinct), numbers)
        metrics, by_key = self.of_keys["metric"]
        ranks = _ranks_of(metrics)
        self.metric_ranks = array("i", [ranks[number] for number in by_key])


def _marks(columns: SpilledColumns) -> WordColumn:
    distinct: dict[bytes, int] = {}
    numbers = array("i", [-1]) * columns.rows
    for row, mark in columns.marks.items():
        numbers[row] = distinct.setdefault(mark.encode(errors="replace"), len(distinct))
    return WordColumn(numbers, list(distinct))


def _ranks_of(words: Sequence[bytes] | Sequence[int]) -> list[int]:
    """Return the place of each of *words* among the sorted ones, and behind them that of null."""
    ranks = [0] * len(words)
    for rank, number in enumerate(sorted(range(len(words)), key=words.__getitem__)):
        ranks[number] = rank
    return [*ranks, len(words)]
