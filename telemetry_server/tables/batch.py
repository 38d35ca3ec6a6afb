"""Rows on their way into the tables, and the bytes of converted files that they are of."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import ShapeRow, TableFile
from storage.ledger.transaction import Transaction
from storage.tables.arrow_rows import Part, places_of, sorted_rows_of
from storage.tables.columns import PINGS
from storage.tables.histogram_arrays import Numbered
from storage.tables.numbered_tables import is_compiled, numbered_rows_of
from storage.tables.part_file import Scratch, ScratchFile, TablesChanged, install
from storage.tables.rows import HistogramColumns, TableRows
from storage.tables.spare_files import SpareFiles
from storage.tables.spilled_histograms import SpilledHistograms

# About what a row weighs in memory, without buckets: by column, and as a tuple of objects.  Texts of usual
# length are in it; longer ones are counted by themselves.
ROW_BYTES, TUPLE_BYTES, PING_BYTES = 32, 512, 512
USUAL_TEXT = 64  # characters

# More histograms than these wait on disk: a part file has many rows of each metric only if it has thousands
# of pings.
SPILLED_AT_BYTES = 2 << 20
# So many stay in memory while files of an earlier batch are written: then one file for waiting rows is
# enough.
SPILLED_BESIDE_A_JOB_AT_BYTES = 12 << 20
# So many are sorted at once: what is sorted takes as much memory again, and less is still in the processor's
# cache when it is written.
PIECE_BYTES = 3 << 20
# A batch of this size is written: histograms on disk, and all other rows in memory.
MAX_BYTES, MAX_SPILLED_BYTES = 4 << 20, 48 << 20


@dataclass(slots=True)
class Batch:
    """Rows, and for each converted file by path the bytes that they cover."""

    parts: dict[str, list[Part]] = field(default_factory=dict)  # by day, YYYYMMDD
    ranges: dict[str, tuple[int, int]] = field(default_factory=dict)
    pings: int = 0
    rows: int = 0
    bytes: int = 0  # in memory, but for those of histograms
    histogram_bytes: int = 0  # in memory
    spilled_bytes: int = 0
    spilled: dict[str, SpilledHistograms] = field(default_factory=dict)  # by day
    _spilled_parts: Counter[str] = field(default_factory=Counter)  # by day, how many of `parts`

    def add_rows(self, rows: TableRows, days: Sequence[str | None]) -> None:
        """Add the rows of the pings that have a day; those without are left out."""
        wanted = set(days) - {None}
        for day in sorted(day for day in wanted if day is not None):
            keep = None if len(wanted) == 1 and None not in days else [each == day for each in days]
            self.parts.setdefault(day, []).append((rows, keep))
        self.pings += len(days) - days.count(None)
        if wanted:
            self.rows += len(rows)
            held = rows.histograms
            tuples = len(rows.events) + len(rows.uptake) + len(rows.enrollments)
            self.histogram_bytes += _bytes_of(held)
            self.bytes += ROW_BYTES * (len(rows) - len(held.pings))
            self.bytes += TUPLE_BYTES * tuples + PING_BYTES * len(rows.pings)
            self.bytes += _bytes_of_long_texts(rows)

    def must_spill(self, *, beside_a_job: bool) -> bool:
        """Return whether memory has too many histograms."""
        most = SPILLED_BESIDE_A_JOB_AT_BYTES if beside_a_job else SPILLED_AT_BYTES
        return self.histogram_bytes >= most

    def is_full(self, times: float = 1) -> bool:
        """Return whether it is at least so many *times* as large as a batch should be that is written."""
        return self.bytes >= times * MAX_BYTES or self.spilled_bytes >= times * MAX_SPILLED_BYTES

    def spill(self, files: SpareFiles) -> None:
        """
        Move the histograms in memory to disk.

        Raises:
            OSError: The disk refuses; the batch may lack rows, and cannot be written.
        """
        for day, parts in self.parts.items():
            numbered = zip(parts, places_of(parts), strict=True)
            waiting = islice(numbered, self._spilled_parts[day], None)
            new = [(rows.histograms, places) for (rows, _), places in waiting if rows.histograms.pings]
            for piece in _pieces(new):
                if day not in self.spilled:
                    self.spilled[day] = SpilledHistograms(files)
                self.spilled_bytes += self.spilled[day].add(piece)
            self._spilled_parts[day] = len(parts)
        for parts in self.parts.values():
            for rows, _ in parts:
                rows.histograms = HistogramColumns()
        self.histogram_bytes = 0

    def close(self) -> None:
        """Remove what is on disk."""
        while self.spilled:
            _, spilled = self.spilled.popitem()
            spilled.close()

    def cover(self, path: str, start: int, end: int) -> None:
        """Note that the rows of the records between two bytes of a file were added, or are about to be."""
        first, last = self.ranges.get(path, (start, start))
        if path not in self.ranges or last == start:
            self.ranges[path] = (first, end)
        elif end == first:
            self.ranges[path] = (start, last)
        else:
            raise ValueError(f"{path}: {start} to {end} does not continue {first} to {last}")


def _bytes_of(histograms: HistogramColumns) -> int:
    return len(histograms.starts) + len(histograms.counts) + ROW_BYTES * len(histograms.pings)


def _bytes_of_long_texts(rows: TableRows) -> int:
    """Return how many characters the texts of *rows* have beyond usual ones."""
    tuples = (*rows.events, *rows.uptake, *rows.enrollments, *rows.pings.experiment_sets)
    texts = (
        rows.pings.words,
        rows.scalars.words,
        rows.histograms.words,
        [*chain.from_iterable(rows.scalars.scalar_keys)],
        [*chain.from_iterable(rows.histograms.shape_keys)],
        [*_texts_in(tuples)],
    )
    return sum(max(0, sum(map(len, some)) - USUAL_TEXT * len(some)) for some in texts)


def _texts_in(values: tuple[Any, ...]) -> Iterator[str]:
    """Yield the texts in *values*, and in tuples among them."""
    for value in values:
        if value.__class__ is str:
            yield value
        elif value.__class__ is tuple:
            yield from _texts_in(value)


def _pieces(parts: Sequence[Numbered]) -> Iterator[Sequence[Numbered]]:
    """Cut *parts* into pieces of about `PIECE_BYTES`."""
    piece: list[Numbered] = []
    size = 0
    for part in parts:
        piece.append(part)
        size += _bytes_of(part[0])
        if size >= PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch as files that are whole and not installed."""

    files: tuple[ScratchFile, ...]
    ranges: dict[str, tuple[int, int]]
    shapes: dict[str, ShapeRow]


def prepare(batch: Batch, scratch: Scratch, spare: SpareFiles, first_ping: int) -> Prepared:
    """
    Write *batch*, which is empty afterwards, as sorted Parquet files.

    It needs no lock, and may run beside conversion.

    Args:
        spare: Files for histograms that wait.
        first_ping: The first of the numbers that were reserved for its pings.

    Raises:
        OSError: The disk refuses.
    """
    files: list[ScratchFile] = []
    shapes: dict[str, ShapeRow] = {}
    try:
        has_writer = is_compiled()
        if batch.spilled_bytes or has_writer:
            batch.spill(spare)
        while batch.parts:
            day, parts = batch.parts.popitem()
            for rows, _ in parts:
                for shape, (kind, starts, labels) in rows.shapes.items():
                    shapes[shape] = ShapeRow(kind, tuple(starts), tuple(labels))
            rows_of = numbered_rows_of if has_writer else sorted_rows_of
            tables = rows_of(parts, first_ping, batch.spilled.get(day))
            # What follows needs memory for itself.
            parts.clear()
            del rows
            first_ping += tables[PINGS].num_rows
            for table, table_rows in tables.items():
                if table_rows.num_rows:
                    files.append(scratch.write(table, day, table_rows))
    except BaseException:
        scratch.discard(files)
        raise
    finally:
        batch.close()
    return Prepared(tuple(files), dict(batch.ranges), shapes)


def files_of(result: object) -> Sequence[ScratchFile]:
    """Return the files that are the *result* of a job and are not installed yet."""
    if isinstance(result, Prepared):
        return result.files
    return [result] if isinstance(result, ScratchFile) else []


def install_batch(root: DataRoot, ledger: Ledger, disk: Disk, prepared: Prepared) -> list[TableFile]:
    """
    Commit *prepared*; the caller holds the converter's lock.

    Raises:
        TablesChanged: Another process put some of its records into the tables, or replaced their files.
            Nothing was changed.
        OSError, StorageError: The disk refuses.  Nothing was changed for readers.
    """
    for path, (start, _) in prepared.ranges.items():
        if ledger.tabled_length(*path.rsplit("/", 1)) != start:
            raise TablesChanged(path)

    def also(transaction: Transaction) -> None:
        for path, (_, end) in prepared.ranges.items():
            directory, name = path.rsplit("/", 1)
            transaction.move_tabled(directory, name, end)
        transaction.put_shapes(prepared.shapes)

    return install(root, ledger, disk, prepared.files, also=also)
