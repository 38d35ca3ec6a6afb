"""The table ``pings`` as columns of numbers, for the compiled writer of Parquet."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, compress
from typing import Any

from storage.tables.columns import DAY_COLUMN, PING_COLUMNS, PING_KEY, PINGS, columns_of, has_statistics
from storage.tables.compiled.page_bodies import Numbers
from storage.tables.numbered_words import NULL, Words, only_number, ranked, utf8
from storage.tables.parquet.column_chunks import (
    ColumnChunk,
    Statistics,
    WordColumn,
    repeated_word,
    split_numbers,
    text_lists,
)
from storage.tables.parquet.schema import ID_BYTES
from storage.tables.ping_arrays import KeptPings
from storage.tables.row_groups import EncodedRows, RowGroup, row_groups
from storage.tables.rows import NO_SAMPLE, PING_TEXTS, PingColumns

MICROSECONDS_A_DAY = 86_400_000_000
EXPERIMENTS = "experiments"


class NumberedPings(EncodedRows):
    """
    The wanted pings of *parts*, in the order of the table's files.

    Args:
        first: The number of the first ping; those behind it have the following ones.
    """

    def __init__(self, parts: Sequence[KeptPings], first: int) -> None:
        pings = [part for part, _ in parts]
        wanted = None
        if any(keep is not None for _, keep in parts):
            wanted = list(chain.from_iterable(keep or [True] * len(part) for part, keep in parts))

        def of_wanted(values: Any) -> Any:
            return values if wanted is None else list(compress(values, wanted))

        samples = [number for part in pings for number in part.sample_ids]
        stamps = [stamp for part in pings for stamp in part.timestamps]
        documents = _ids_of(part.document_ids for part in pings)
        clients = _ids_of(part.client_ids for part in pings)
        values = {
            "document_id": documents,
            "client_id": [
                None if sample == NO_SAMPLE else client
                for client, sample in zip(clients, samples, strict=True)
            ],
            "sample_id": [None if sample == NO_SAMPLE else sample for sample in samples],
            "submission_timestamp": stamps,
            DAY_COLUMN: [stamp // MICROSECONDS_A_DAY for stamp in stamps],
            "profile_subsession_counter": list(
                chain.from_iterable(part.subsession_counters for part in pings)
            ),
        }
        self.columns = {name: _column(of_wanted(column)) for name, column in values.items()}
        words, texts = _texts_of(pings)
        for place, name in enumerate(PING_TEXTS):
            self.columns[name] = WordColumn(
                array("i", of_wanted(texts[place :: len(PING_TEXTS)])), words.list
            )
        self._experiments = of_wanted(
            [part.experiment_sets[number] for part in pings for number in part.experiments]
        )
        # Most pings of a batch came on one day, and of one application; to look at each row again takes long.
        self._repeated = {
            name: None if number == NULL else column.words[number]
            for name in (DAY_COLUMN, *PING_COLUMNS)
            for column in [self.columns[name]]
            for number in [only_number(column)]
            if number is not None
        }
        self.num_rows = len(self._experiments)
        self._numbers = array("q", range(first, first + self.num_rows))
        self._stamps = of_wanted(stamps)
        self.build_ranks = ranked(self.columns["build_id"])
        """The rank of each ping's build; pings without a build come last."""

    def __iter__(self) -> Iterator[RowGroup]:
        """Yield the rows by row group."""
        order = array("i", sorted(range(self.num_rows), key=self._stamps.__getitem__))
        for rows in row_groups(order):
            chunks = {
                name: [self.columns[name].chunk(rows, kind, statistics=has_statistics(PINGS, name))]
                for name, kind in columns_of(PINGS).items()
                if name in self.columns
            }
            sets = [self._experiments[row] for row in rows]
            chunks[EXPERIMENTS] = text_pairs(sets)
            chunks[PING_KEY] = [self._numbers_of(rows)]
            yield RowGroup(chunks, len(rows))

    def _numbers_of(self, rows: memoryview) -> ColumnChunk:
        limits = (self._numbers[limit(rows)].to_bytes(8, "little", signed=True) for limit in (min, max))
        return replace(split_numbers(self._numbers, rows), statistics=Statistics(0, *limits))

    def repeated(self, table: str, rows: Numbers, places: Numbers) -> dict[str, list[ColumnChunk]]:
        """
        Return the columns that rows of another *table* repeat of their ping.

        Args:
            rows: Which rows the row group holds, in order.
            places: The place of its ping in this table for each row.
        """
        kinds = columns_of(table)
        chunks = {PING_KEY: [split_numbers(self._numbers, rows, places)]}
        for name in (DAY_COLUMN, *PING_COLUMNS):
            of_pings, kind, statistics = self.columns[name], kinds[name], has_statistics(table, name)
            if name in self._repeated:
                chunks[name] = [repeated_word(self._repeated[name], len(rows), kind, statistics=statistics)]
            else:
                column = WordColumn(places, of_pings.words, of_pings.numbers)
                chunks[name] = [column.chunk(rows, kind, statistics=statistics)]
        return chunks


def text_pairs(rows: Sequence[Sequence[tuple[str, str | None]] | None]) -> list[ColumnChunk]:
    """Return texts by text as columns of keys and values."""
    keys = [None if pairs is None else [utf8(key) for key, _ in pairs] for pairs in rows]
    values = [
        None if pairs is None else [value if value is None else utf8(value) for _, value in pairs]
        for pairs in rows
    ]
    return [text_lists(keys, required=True), text_lists(values)]


def _column(values: Sequence[Any]) -> WordColumn:
    words = Words()
    return WordColumn(words.numbers_of(values), words.list)


def _ids_of(joined: Iterator[bytearray] | Any) -> list[bytes]:
    data = b"".join(joined)
    return [data[start : start + ID_BYTES] for start in range(0, len(data), ID_BYTES)]


def _texts_of(pings: Sequence[PingColumns]) -> "tuple[Words, array[int]]":
    """Return the numbers of the texts of all pings, which lie side by side for each ping."""
    words, numbers = Words(), array("i")
    for part in pings:
        places = words.places_of(part.words)
        numbers.extend(map(places.__getitem__, part.texts))
    return words, numbers
