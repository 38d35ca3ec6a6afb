"""
The table ``histograms`` as columns of numbers, for the compiled writer of Parquet.

They come from disk as numbers of words, and Parquet has numbers of words too, so no text is touched
on the way.
"""

from array import array
from collections.abc import Iterator, Sequence

from storage.tables.columns import HISTOGRAMS, MARK, ROW_GROUP_ROWS, columns_of, has_statistics
from storage.tables.compiled.bucket_lists import ordered_lists
from storage.tables.compiled.page_bodies import Numbers, sorted_rows
from storage.tables.histogram_arrays import Names
from storage.tables.numbered_pings import NumberedPings
from storage.tables.numbered_words import NULL, Words, only_number, ranks_of, utf8
from storage.tables.parquet.column_chunks import (
    ColumnChunk,
    WordColumn,
    number_lists,
    repeated_word,
    split_numbers,
)
from storage.tables.row_groups import EncodedRows, RowGroup, row_groups
from storage.tables.spilled_histograms import SpilledColumns, SpilledHistograms


class NumberedHistograms(EncodedRows):
    """
    The histograms that are on disk, in the order of the table's files.

    A row group ends where a metric does, unless that has more rows than a row group.
    """

    def __init__(self, spilled: SpilledHistograms, pings: NumberedPings) -> None:
        self._spilled = spilled
        self._pings = pings
        self.num_rows = spilled.num_rows

    def __iter__(self) -> Iterator[RowGroup]:
        """
        Yield the rows by row group.

        Raises:
            OSError: The disk refuses.
        """
        names = _NamedColumns(self._spilled.names)
        for columns in self._spilled.in_order(ROW_GROUP_ROWS):
            order = sorted_rows(
                columns.rows,
                [
                    (columns.key, names.metric_ranks),
                    (columns.process, names.word_ranks),
                    (columns.ping, self._pings.build_ranks),
                ],
            )
            for rows in row_groups(order):
                yield RowGroup(self._chunks(columns, names, rows), len(rows))

    def _chunks(
        self, columns: SpilledColumns, names: "_NamedColumns", rows: memoryview
    ) -> dict[str, list[ColumnChunk]]:
        offsets, starts, counts = ordered_lists(
            columns.offsets, rows, columns.starts, columns.counts, columns.large
        )
        words = {
            **{name: WordColumn(columns.key, *named) for name, named in names.of_keys.items()},
            "process": WordColumn(columns.process, names.words),
            "label": WordColumn(columns.label, names.words),
            MARK: _marks(columns),
        }
        kinds = columns_of(HISTOGRAMS)
        chunks = {}
        for name, column in words.items():
            kind, statistics = kinds[name], has_statistics(HISTOGRAMS, name)
            number = only_number(column)
            if number is None:
                chunks[name] = [column.chunk(rows, kind, statistics=statistics)]
            else:
                word = None if number == NULL else column.words[number]
                chunks[name] = [repeated_word(word, len(rows), kind, statistics=statistics)]
        return {
            **self._pings.repeated(HISTOGRAMS, rows, columns.ping),
            "starts": [number_lists(offsets, starts, repeat=True)],
            "counts": [number_lists(offsets, counts, repeat=False)],
            "sum": [split_numbers(columns.sum, rows)],
            **chunks,
        }


class _NamedColumns:
    """The texts that numbers of histograms stand for, and the ranks by which rows are sorted."""

    def __init__(self, names: Names) -> None:
        self.words = [word.encode() for word in names.words.values]
        self.word_ranks = ranks_of(self.words)
        self.of_keys: dict[str, tuple[Sequence[bytes], Numbers]] = {}
        for name, texts in names.texts_of_keys():
            distinct = Words()
            numbers = distinct.numbers_of(map(str.encode, texts))
            self.of_keys[name] = (distinct.list, numbers)
        metrics, by_key = self.of_keys["metric"]
        ranks = ranks_of(metrics)
        self.metric_ranks = array("i", [ranks[number] for number in by_key])


def _marks(columns: SpilledColumns) -> WordColumn:
    distinct = Words()
    numbers = array("i", [NULL]) * columns.rows
    for row, mark in columns.marks.items():
        [numbers[row]] = distinct.numbers_of([utf8(mark)])
    return WordColumn(numbers, distinct.list)
