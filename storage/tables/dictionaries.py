"""Dictionary-encoded texts: each text once, and a number for each row."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

# Every row group repeats its dictionary, so only a small one is kept whole.
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
