"""The table ``scalars`` as columns of numbers, for the compiled writer of Parquet."""

from array import array
from collections.abc import Iterator, Sequence

from storage.tables.columns import MARK, SCALARS, columns_of, has_statistics
from storage.tables.compiled.page_bodies import sorted_rows
from storage.tables.numbered_pings import NumberedPings
from storage.tables.numbered_words import NULL, Words, ranks_of, utf8
from storage.tables.parquet.column_chunks import WordColumn, booleans
from storage.tables.row_groups import EncodedRows, RowGroup, row_groups
from storage.tables.rows import BOOLEAN, NUMBER, TEXT, ScalarColumns
from storage.tables.scalar_arrays import ScalarPart

_OF_KEYS = ("metric", "process", "label", "kind")


class NumberedScalars(EncodedRows):
    """The scalars of *parts* that are of wanted pings, in the order of the table's files."""

    def __init__(self, parts: Sequence[ScalarPart], pings: NumberedPings) -> None:
        self._pings = pings
        keys, words, marks = Words(), Words(), Words()
        self._places, self._keys, self._kinds = array("i"), array("i"), bytearray()
        self._values, self._texts, self._marks = array("d"), array("i"), array("i")
        for held, numbers in parts:
            rows = _wanted_rows(held, numbers)
            if isinstance(numbers, int):
                self._places.extend([ping + numbers for ping in held.pings])
            else:
                places = [NULL if number is None else number for number in numbers]
                self._places.extend([places[held.pings[row]] for row in rows])
            key_numbers = keys.numbers_of(tuple(map(utf8, key)) for key in held.scalar_keys)
            self._keys.extend([key_numbers[held.keys[row]] for row in rows])
            kinds, values = held.kinds, held.values
            self._kinds += bytes([kinds[row] for row in rows])
            self._values.extend([values[row] for row in rows])
            texts = words.places_of(held.words)
            self._texts.extend([texts[int(values[row]) if kinds[row] == TEXT else NULL] for row in rows])
            if held.marks:
                self._marks.extend(marks.numbers_of(map(held.marks.get, rows)))
            else:
                self._marks.extend([NULL] * len(rows))
        self._words = {
            "value_number": self._numbers(),
            "value_text": WordColumn(self._texts, words.list),
            MARK: WordColumn(self._marks, [utf8(mark) for mark in marks.list]),
        }
        texts_of_keys = list(zip(*keys.list, strict=True)) or [()] * len(_OF_KEYS)
        self._ranks = {}
        for name, of_keys in zip(_OF_KEYS, texts_of_keys, strict=True):
            distinct = Words()
            by_key = distinct.numbers_of(of_keys)
            self._words[name] = WordColumn(self._keys, distinct.list, by_key)
            ranks = ranks_of(distinct.list)
            self._ranks[name] = array("i", [ranks[number] for number in by_key])
        self.num_rows = len(self._keys)

    def _numbers(self) -> WordColumn:
        # By their bits: -0.0 and 0.0 are equal, and differ.
        bits = memoryview(self._values).cast("B").cast("q")
        words = Words()
        numbers = words.numbers_of(
            value if kind == NUMBER else None for value, kind in zip(bits, self._kinds, strict=True)
        )
        return WordColumn(numbers, [value.to_bytes(8, "little", signed=True) for value in words.list])

    def __iter__(self) -> Iterator[RowGroup]:
        """Yield the rows by row group."""
        order = sorted_rows(
            self.num_rows,
            [
                (self._keys, self._ranks["metric"]),
                (self._keys, self._ranks["process"]),
                (self._places, self._pings.build_ranks),
            ],
        )
        kinds = columns_of(SCALARS)
        for rows in row_groups(order):
            chunks = self._pings.repeated(SCALARS, rows, self._places)
            for name, column in self._words.items():
                chunks[name] = [column.chunk(rows, kinds[name], statistics=has_statistics(SCALARS, name))]
            chunks["value_boolean"] = [
                booleans([self._values[row] != 0 if self._kinds[row] == BOOLEAN else None for row in rows])
            ]
            yield RowGroup(chunks, len(rows))


def _wanted_rows(held: ScalarColumns, numbers: Sequence[int | None] | int) -> Sequence[int]:
    if isinstance(numbers, int):
        return range(len(held))
    return [row for row, ping in enumerate(held.pings) if numbers[ping] is not None]
