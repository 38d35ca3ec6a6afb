"""
The last look of a deletion: every byte below the data root, decompressed, for ids that should be gone.

The form of a file is seen from its first bytes, so a file that no list names is read as well.
"""

import os
import sqlite3
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from storage.aggregates.summary_file import CLIENTS, MAGIC, Summary
from storage.data_root import DataRoot
from storage.errors import ArchiveError, BrokenAggregate
from storage.ledger.forgotten import IdKind
from storage.raw.framing import FILE_MAGIC
from telemetry_server.archive.rewriting import ArchivedFiles
from telemetry_server.privacy.identifiers.keyed_hash import IdHash
from telemetry_server.privacy.identifiers.submission_ids import ids_in_line, texts_of
from telemetry_server.privacy.identifiers.uuid_texts import uuids_in
from telemetry_server.privacy.places import Forgetting, uuids_of
from telemetry_server.privacy.raw_parts import raw_parts

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_BYTES = 4 << 20
OVERLAP_BYTES = 64
ZSTD_MAGIC, SQLITE_MAGIC, PARQUET_MAGIC = b"\x28\xb5\x2f\xfd", b"SQLite format 3\0", b"PAR1"
OUT_OF_REACH = ("backups",)
"""Folders of the data root that hold copies made for a restore."""


@dataclass(slots=True)
class ScanResult:
    """What a scan found."""

    files: int = 0
    bytes: int = 0
    hits: dict[str, int] = field(default_factory=dict)  # path to the number of ids in it
    earlier_hits: dict[str, int] = field(default_factory=dict)  # the same, of documents of earlier runs
    unreadable: list[str] = field(default_factory=list)


def scan_all(context: Forgetting, orders: Iterable[int] | None) -> ScanResult:
    """
    Read every byte of a data root for ids that were ever forgotten.

    Args:
        orders: Those of this run; documents of other orders count apart, as another ping may mention them.
            None: no document does.
    """
    ledger = context.ledger
    documents = ledger.forgotten_hashes(IdKind.DOCUMENT)
    wanted = ledger.forgotten_hashes(IdKind.CLIENT)
    if orders is None:
        wanted |= documents
    else:
        wanted.update(*(ledger.order_ids(order, kind) for order in orders for kind in IdKind))
    scan = Scan(context.hash, wanted, documents - wanted)
    scan.scan_root(context.root)
    scan.scan_copies(context.archived)
    return scan.result


class Scan:
    """
    Looks for ids.

    Args:
        hashes: Of the ids.
        earlier: Of documents that count apart.
    """

    def __init__(
        self, id_hash: IdHash, hashes: Collection[bytes], earlier: Collection[bytes] = frozenset()
    ) -> None:
        self._hash = id_hash
        self._hashes = frozenset(hashes)
        self._all_hashes = self._hashes.union(earlier)
        self.result = ScanResult()

    def scan_root(self, root: DataRoot) -> ScanResult:
        """Read every file below *root*; files that vanish meanwhile are left out."""
        for folder, names, files in os.walk(root.path):
            if Path(folder) == root.path:
                names[:] = [name for name in names if name not in OUT_OF_REACH]
            for name in files:
                path = Path(folder) / name
                self.scan_file(path, path.relative_to(root.path).as_posix())
        return self.result

    def scan_copies(self, archived: ArchivedFiles) -> None:
        """Read the objects of files that are only in the archive."""
        try:
            for name, copy in archived.copies():
                if isinstance(copy, str):
                    self.result.unreadable.append(copy)
                else:
                    self.scan_file(copy, f"archive/{name}")
        except ArchiveError as error:
            self.result.unreadable.append(str(error))

    def scan_file(self, path: Path, name: str) -> None:
        """Read one file; *name* is for the result."""
        if path.is_symlink() or not path.is_file():
            return
        try:
            found = self._all_hashes.intersection(map(self._hash.of_uuid, self._uuids(path)))
        except FileNotFoundError:
            return
        except OSError as error:
            self.result.unreadable.append(f"{name}: {error.strerror or error}")
            return
        own = len(found & self._hashes)
        if own:
            self.result.hits[name] = own
        if len(found) > own:
            self.result.earlier_hits[name] = len(found) - own

    def _uuids(self, path: Path) -> Iterator[bytes]:
        with path.open("rb") as stream:
            head = stream.read(32)
        self.result.files += 1
        self.result.bytes += path.stat().st_size
        yield from _in_bytes(path)
        if head.startswith(ZSTD_MAGIC):
            yield from _in_frames(path)
        elif head.startswith(FILE_MAGIC):
            yield from _in_segment(path)
        elif head.startswith(SQLITE_MAGIC):
            yield from _in_database(path)
        elif head.startswith(PARQUET_MAGIC):
            yield from _in_parquet(path)
        elif head.startswith(MAGIC):
            yield from _in_summary(path)
        elif head.startswith(b"\x1f\x8b"):
            for text in texts_of(path.read_bytes()):
                yield from uuids_in(text)


def _in_bytes(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        rest = b""
        while chunk := stream.read(CHUNK_BYTES):
            data = rest + chunk
            yield from uuids_in(data)
            rest = data[-OVERLAP_BYTES:]


def _in_frames(path: Path) -> Iterator[bytes]:
    rest = b""
    with suppress(zstd.ZstdError, EOFError), zstd.open(path, "rb") as stream:
        while block := stream.read(CHUNK_BYTES):
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            for line in lines:
                yield from ids_in_line(line)
    yield from ids_in_line(rest)


def _in_segment(path: Path) -> Iterator[bytes]:
    for part in raw_parts(path):
        yield from part.ids()


def _in_database(path: Path) -> Iterator[bytes]:
    uri = f"file:{quote(str(path))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=30)) as connection:
            connection.text_factory = bytes
            query = "SELECT name FROM sqlite_master WHERE type = 'table'"
            for (name,) in connection.execute(query).fetchall():
                quoted = name.decode().replace('"', '""')
                for row in connection.execute(f'SELECT * FROM "{quoted}"'):  # noqa: S608 - names of its tables
                    for value in row:
                        if isinstance(value, bytes):
                            yield from ids_in_value(value)
    except sqlite3.DatabaseError as error:
        raise OSError(f"{path}: {error}") from error


def ids_in_value(value: bytes) -> Iterator[bytes]:
    """Yield the UUIDs that a value of a database holds: as 16 bytes, or in its text."""
    if len(value) == 16:
        yield value
    for text in texts_of(value):
        yield from uuids_in(text)


def _in_parquet(path: Path) -> Iterator[bytes]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise OSError(f"{path}: PyArrow is needed to read it") from None
    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                for column in file.read_row_group(group).columns:
                    yield from _in_column(column)
    except pa.ArrowInvalid as error:
        raise OSError(f"{path}: {error}") from error


def _in_column(column: "pa.ChunkedArray") -> Iterator[bytes]:
    import pyarrow as pa

    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        yield from uuids_of(column)
        return
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return
    for value in (column if pa.types.is_nested(kind) else column.unique()).to_pylist():
        if value is None:
            continue
        whole = getattr(value, "bytes", value)
        if isinstance(whole, bytes):
            yield from ids_in_value(whole)
        else:
            yield from uuids_in(str(whole).encode("utf-8", "surrogatepass"))


def _in_summary(path: Path) -> Iterator[bytes]:
    try:
        summary = Summary(path)
        for block in summary.blocks(CLIENTS):
            ids = block.columns["ids"].tobytes()
            yield from (ids[place : place + 16] for place in range(0, len(ids), 16))
    except BrokenAggregate as error:
        raise OSError(str(error)) from error
