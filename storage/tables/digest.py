"""A digest of rows that does not depend on their order, to compare files with expected rows."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

DIGEST_BYTES = 16
BETWEEN_COLUMNS, BETWEEN_VALUES, NULL = b"\x1e", "\x1f", b"\x00"


@dataclass(frozen=True, slots=True)
class RowsDigest:
    """How many rows there are, and the sum of their hashes."""

    rows: int = 0
    sum: int = 0

    def __add__(self, other: "RowsDigest") -> "RowsDigest":
        return RowsDigest(self.rows + other.rows, (self.sum + other.sum) % 2 ** (8 * DIGEST_BYTES))


def digest_of(rows: "pa.RecordBatch") -> RowsDigest:
    """Return the digest of *rows*."""
    import pyarrow.compute as pc

    if not rows.num_rows:
        return RowsDigest()
    joined = pc.binary_join_element_wise(
        *map(_as_bytes, rows.columns), BETWEEN_COLUMNS, null_handling="replace", null_replacement=NULL
    )
    hashes = (blake2b(row, digest_size=DIGEST_BYTES).digest() for row in joined.to_pylist())
    total = sum(int.from_bytes(hash_) for hash_ in hashes)
    return RowsDigest(rows.num_rows, total % 2 ** (8 * DIGEST_BYTES))


def _as_bytes(column: "pa.Array") -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_map(column.type):
        # Few rows have one, so a loop is fast enough.
        return pa.array([None if pairs is None else repr(pairs).encode() for pairs in column.to_pylist()])
    if pa.types.is_list(column.type):
        lengths = pc.fill_null(pc.list_value_length(column), 0)
        ends = pc.cumulative_sum(lengths)
        offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])
        texts = pa.ListArray.from_arrays(offsets, pc.list_flatten(column).cast(pa.string()))
        column = pc.binary_join(texts, BETWEEN_VALUES)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    if not pa.types.is_fixed_size_binary(column.type):
        column = column.cast(pa.string())
    return column.cast(pa.binary())
