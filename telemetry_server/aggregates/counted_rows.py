"""The rows of the tables that count: those without a mark."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from storage.tables.columns import MARK
from storage.tables.reading import PartReader

if TYPE_CHECKING:
    import pyarrow as pa


def counted_batches(part: PartReader, columns: Sequence[str], rows: int) -> "Iterator[pa.Table]":
    """Yield *columns* of the rows of *part* that count, in batches of at most *rows* or of a row group."""
    return _counted(part.batches((*columns, MARK), rows))


def counted_of_metric(part: PartReader, metric: str, columns: Sequence[str]) -> "Iterator[pa.Table]":
    """Yield *columns* of the rows of *metric* that count."""
    return _counted(part.of_metric(metric, (*columns, MARK)))


def _counted(batches: "Iterable[pa.Table]") -> "Iterator[pa.Table]":
    import pyarrow.compute as pc

    for rows in batches:
        if MARK not in rows.column_names:  # a file of an older server: all of its values count
            yield rows
            continue
        marks = rows.column(MARK)
        counted = rows.drop_columns([MARK])
        if marks.null_count < rows.num_rows:
            counted = counted.filter(pc.is_null(marks))
        if counted.num_rows:
            yield counted
