"""Texts as dictionaries: each text once, and a number a row."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

# A dictionary is written anew into every row group, so only a small one is kept as it is.
MAX_KEPT_WORDS = 1024


def with_used_words(rows: "pa.Table") -> "pa.Table":
    """Return *rows* with large dictionaries cut to the texts that the rows use."""
    import pyarrow as pa

    for number, field in enumerate(rows.schema):
        if not pa.types.is_dictionary(field.type):
            continue
        (column,) = rows.column(number).chunks
        if len(column.dictionary) > MAX_KEPT_WORDS:
            used = column.indices.dictionary_encode()
            cut = pa.DictionaryArray.from_arrays(
                used.indices.cast(pa.int32()), column.dictionary.take(used.dictionary)
            )
            rows = rows.set_column(number, field, cut)
    return rows
