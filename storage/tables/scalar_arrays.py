"""The scalars of several parts as Arrow arrays, in order of arrival."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.tables.arrays import Distinct, integers, kept, marks_of, words_at
from storage.tables.columns import MARK
from storage.tables.rows import BOOLEAN, NUMBER, TEXT, ScalarColumns

if TYPE_CHECKING:
    import pyarrow as pa

ScalarPart = tuple[ScalarColumns, Sequence[int | None] | int]
"""Scalars, and the place of each of their pings (None where it is unwanted), or that of the first."""


def scalar_arrays(parts: Sequence[ScalarPart]) -> "tuple[pa.Array, dict[str, pa.Array]]":
    """Return the places of pings in the table ``pings``, and the columns of the table ``scalars``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    keys, words = Distinct(), Distinct()
    arrays = [_arrays_of(scalars, numbers, keys, words) for scalars, numbers in parts]
    ping, key, kind, value, text, mark = (pa.concat_arrays(columns) for columns in zip(*arrays, strict=True))
    names = list(zip(*keys.values, strict=True)) or [(), (), (), ()]
    columns = {
        name: words_at(key, values)
        for name, values in zip(("metric", "process", "label", "kind"), names, strict=True)
    }
    columns[MARK] = mark.dictionary_encode()
    no_number = pa.scalar(None, pa.float64())
    columns["value_number"] = pc.if_else(pc.equal(kind, NUMBER), value, no_number)
    columns["value_text"] = words_at(text, list(words.values))
    columns["value_boolean"] = pc.if_else(
        pc.equal(kind, BOOLEAN), pc.not_equal(value, 0), pa.scalar(None, pa.bool_())
    )
    return ping, columns


def _arrays_of(
    held: ScalarColumns, numbers: Sequence[int | None] | int, keys: Distinct, words: Distinct
) -> "list[pa.Array]":
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = integers(held.kinds, pa.uint8())
    value = integers(held.values, pa.float64())
    place = pc.if_else(pc.equal(kind, TEXT), value, pa.scalar(None, pa.float64())).cast(pa.int32())
    columns = [
        keys.numbers_of(held.scalar_keys).take(integers(held.keys, pa.int32())),
        kind,
        value,
        words.numbers_of(held.words).take(place),
        marks_of(held.marks, len(held.pings)),
    ]
    return kept(integers(held.pings, pa.int32()), numbers, columns)
