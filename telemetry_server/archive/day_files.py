"""The committed files of a day, and what an archive needs to know of each."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from storage.errors import LostFile
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import TableFile
from storage.ledger.values import StoredFile
from storage.partitions.frames import DamagedFrame, read_lines

CHUNK_BYTES = 1 << 20


class NotClosed(Exception):
    """More will come into the files of the day.  One line."""


class DamagedFile(Exception):
    """A local file is not as the ledger says, so it is not copied.  One line."""


@dataclass(frozen=True, slots=True)
class DayFile:
    """A committed file: its first *bytes* bytes count."""

    path: str  # below the data root
    day: str  # YYYYMMDD
    bytes: int
    facts: dict[str, Any] = field(hash=False)  # for the archive's commit

    @property
    def is_table(self) -> bool:
        """Whether it is a Parquet file."""
        return "table" in self.facts


def committed_files(ledger: Ledger, day: str) -> list[DayFile]:
    """Return the files of records and tables of *day*, in order."""
    records = [_of_records(file, day) for file in ledger.files(f"converted/{day}") if file.length]
    return records + [_of_table(file) for file in ledger.table_files(day=day)]


def _of_records(file: StoredFile, day: str) -> DayFile:
    facts = {"records": file.records, "frames": file.frames, "schema": file.schema_id}
    return DayFile(file.path, day, file.length, facts)


def _of_table(file: TableFile) -> DayFile:
    return DayFile(file.path, file.day, file.bytes, {"table": file.table, "rows": file.rows})


def close_files(ledger: Ledger, day: str) -> None:
    """Have later records of *day* go to new files.  The caller holds the converter's lock."""
    below = f"converted/{day}"
    opened = ledger.files(below, open_only=True)
    if opened:
        with ledger.transaction() as transaction:
            for file in opened:
                transaction.put_file(replace(file, closed=True))


def chunks_of(root: Path, file: DayFile) -> Iterator[bytes]:
    """
    Yield the committed bytes of the local *file*.

    Raises:
        FileNotFoundError: It is gone.
        LostFile: It is shorter than was committed.
    """
    left = file.bytes
    with (root / file.path).open("rb") as stream:
        while left:
            data = stream.read(min(left, CHUNK_BYTES))
            if not data:
                raise LostFile(file.path)
            left -= len(data)
            yield data


def check_file(root: Path, file: DayFile) -> None:
    """
    Compare the local *file* with what the ledger says about it.

    Raises:
        DamagedFile: It differs.
        FileNotFoundError: It is gone.
    """
    if file.is_table:
        found = _rows_of(root / file.path, file)
        wanted = file.facts["rows"]
    else:
        found, wanted = _records_of(root / file.path, file), file.facts["records"]
    if found != wanted:
        raise DamagedFile(f"{file.path}: it has {found:,} rows, the ledger says {wanted:,}; see audit")


def _records_of(path: Path, file: DayFile) -> int:
    try:
        with path.open("rb") as stream:
            return sum(1 for _ in read_lines(stream, file.bytes))
    except (EOFError, DamagedFrame) as error:
        raise DamagedFile(f"{file.path}: damaged, so it is not copied: {error}") from None


def _rows_of(path: Path, file: DayFile) -> int:
    if path.stat().st_size != file.bytes:
        raise DamagedFile(f"{file.path}: {path.stat().st_size:,} bytes, the ledger says {file.bytes:,}")
    if find_spec("pyarrow") is None:
        return int(file.facts["rows"])
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(path).num_rows)
    except pa.ArrowInvalid as error:
        raise DamagedFile(
            f"{file.path}: damaged, so it is not copied: {' '.join(str(error).split())}"
        ) from None
