"""
Every place of a data root that holds ids, derived from its layout: ledger, raw segments, tables.

Each gives its files with what the index needs.  Files that are only in the archive are read there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.archive.object_reading import open_stored, stored_source
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import TableFile
from storage.ledger.values import StoredFile
from storage.lock import FileLock
from storage.partitions.frames import read_frames
from storage.raw.reader import SegmentState, scan_segment, segments
from storage.raw.segment_paths import SegmentPath
from storage.tables.columns import PINGS
from storage.tables.reading import PartReader
from telemetry_server.archive.rewriting import ArchivedFiles
from telemetry_server.privacy.damaged_files import damage_of
from telemetry_server.privacy.forget_index import ForgetIndex, IndexedFile
from telemetry_server.privacy.identifiers.damaged_bytes import ids_in_damaged
from telemetry_server.privacy.identifiers.keyed_hash import IdHash
from telemetry_server.privacy.identifiers.submission_ids import ids_in_line, own_uuid
from telemetry_server.privacy.raw_parts import raw_parts

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What every step of a deletion uses."""

    root: DataRoot
    ledger: Ledger
    disk: Disk
    hash: IdHash
    index: ForgetIndex
    lock: FileLock  # the converter's
    archived: ArchivedFiles
    opens_bodies: bool  # the index has each id in the bodies of raw/, not only those of the submissions


def line_files(context: Forgetting) -> dict[str, StoredFile]:
    """Return the committed files of lines, by path: converted/ and quarantine/."""
    return {file.path: file for file in context.ledger.files()}


def table_files(context: Forgetting) -> dict[str, TableFile]:
    """Return the committed files of the tables, by path."""
    return {file.path: file for file in context.ledger.table_files()}


def segment_files(context: Forgetting) -> dict[str, SegmentPath]:
    """Return the segments of raw/, by path."""
    return {f"raw/{segment.name}": segment for segment in segments(context.root.raw)}


def indexed_files(context: Forgetting) -> list[IndexedFile]:
    """Return the files that the index covers.  A segment that still grows is left out, and read each time."""
    id_hash = context.hash
    found = [
        IndexedFile(path, file.length, _hashed(id_hash, _line_ids(context, file)))
        for path, file in line_files(context).items()
    ]
    for path, segment in segment_files(context).items():
        try:
            size = segment.path.stat().st_size
        except FileNotFoundError:
            continue  # removed after its retention
        # What the index has came to rest before, and stays as it is.
        if context.index.length_of(path) == size or is_at_rest(segment.path):
            found.append(IndexedFile(path, size, _segment_ids(context, segment), grows=False))
    found += [
        IndexedFile(path, file.bytes, _table_ids(context, file), grows=False)
        for path, file in table_files(context).items()
    ]
    return found


def is_at_rest(segment: Path) -> bool:
    """Return whether no writer can append to *segment*."""
    try:
        scan = scan_segment(segment, segment.stat().st_size, max_bytes=1, max_records=1)
    except FileNotFoundError:
        return False
    return scan.state is not SegmentState.OPEN


def _hashed(id_hash: IdHash, uuids: Callable[[int], Iterator[bytes]]) -> Callable[[int], Iterator[bytes]]:
    return lambda start: map(id_hash.of_uuid, set(uuids(start)))


def _line_ids(context: Forgetting, file: StoredFile) -> Callable[[int], Iterator[bytes]]:
    def ids(start: int) -> Iterator[bytes]:
        with (
            damage_of(file.path),
            open_stored(context.root.path, file.path, context.ledger.archived_object) as stream,
        ):
            for lines, _ in read_frames(stream, start, file.length):
                for line in lines:
                    yield from ids_in_line(line)

    return ids


def path_hash(id_hash: IdHash, path: str) -> bytes:
    """Return the hash by which the index knows a submission without a document id."""
    return id_hash.of_text(f"path {path}")


def _segment_ids(context: Forgetting, segment: SegmentPath) -> Callable[[int], Iterator[bytes]]:
    """Return a function that yields the ids of submissions, of opened bodies and of damaged bytes."""
    id_hash = context.hash

    def ids(_: int) -> Iterator[bytes]:
        for part in raw_parts(segment.path):
            if part.submission is None:
                yield from map(id_hash.of_uuid, ids_in_damaged(part.damaged))
                continue
            path = part.submission.path
            own = own_uuid(path)
            yield path_hash(id_hash, path) if own is None else id_hash.of_uuid(own)
            if context.opens_bodies:
                yield from map(id_hash.of_uuid, part.ids())

    return ids


def number_key(number: int) -> bytes:
    """Return what the index has of the number of a ping."""
    return (number & 0xFFFFFFFF).to_bytes(4, "big")


def _table_ids(context: Forgetting, file: TableFile) -> Callable[[int], Iterator[bytes]]:
    def ids(_: int) -> Iterator[bytes]:
        column = "document_id" if file.table == PINGS else "ping"
        source = stored_source(context.root.path, file.path, context.ledger.archived_object)
        with damage_of(file.path), PartReader(file.table, source) as reader:
            for rows in reader.batches([column], ROWS_AT_ONCE):
                if column == "ping":
                    yield from map(number_key, rows.column(column).unique().to_pylist())
                else:
                    yield from map(context.hash.of_uuid, uuids_of(rows.column(column)))

    return ids


def uuids_of(column: "pa.Array | pa.ChunkedArray") -> list[bytes]:
    """Return the UUIDs of a column as 16 bytes each."""
    import pyarrow as pa

    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    plain = (each.storage if isinstance(each, pa.ExtensionArray) else each for each in chunks)
    return [value for chunk in plain for value in chunk.to_pylist() if value is not None]
