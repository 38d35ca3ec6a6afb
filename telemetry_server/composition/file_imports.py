"""The files of ``convert FILE…``: put into raw/, one after the other."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import UnknownExport
from storage.ledger.opening import open_ledger
from storage.lock import FileLock
from telemetry_server.imports.formats.exported_ping import ExportFormat
from telemetry_server.imports.importer import Imported, Importer
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import say


@dataclass(slots=True)
class ImportedFiles:
    """What all files came to."""

    pings: int = 0
    damaged_records: int = 0
    damaged_bytes: int = 0
    is_bad: bool = False  # one was damaged or could not be read


def import_files(settings: Settings, names: Sequence[str], format: str, day: str | None) -> ImportedFiles:
    """Import every file that can be; say of each on stderr what it was, or what is wrong with it."""
    root = DataRoot(settings.data_dir.resolve())
    disk = Disk()
    lock = FileLock(root.state / "import.lock")
    lock.acquire(wait=True)
    total = ImportedFiles()
    arrival = None if day is None else date.fromisoformat(day)
    try:
        with open_ledger(root, disk) as ledger:
            importer = Importer(root, ledger, disk)
            for name in names:
                _import(importer, name, ExportFormat(format), arrival, total)
    finally:
        lock.release()
    return total


def _import(
    importer: Importer, name: str, format: ExportFormat, day: date | None, total: ImportedFiles
) -> None:
    now = datetime.now(UTC)
    try:
        if name == "-":
            found = importer.add(sys.stdin.buffer, name="", format=format, day=day, now=now)
        else:
            with Path(name).open("rb") as stream:
                found = importer.add(stream, name=name, format=format, day=day, now=now)
    except UnknownExport as error:
        say(f"telemetry-server convert: {error}")
        total.is_bad = True
        return
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        say(f"telemetry-server convert: {name}: {error.strerror}")
        total.is_bad = True
        return
    _tell(name, found)
    total.pings += found.pings
    total.damaged_records += found.damaged_records
    total.damaged_bytes += found.damaged_bytes
    total.is_bad |= found.is_damaged


def _tell(name: str, found: Imported) -> None:
    text = f"{name}: {found.format}, {found.pings:,} pings"
    if found.was_waiting:
        text += "; they were put in before and wait to be converted: going on with those"
    if found.is_damaged:
        text += f"; damaged: {found.damaged_records:,} records, {found.damaged_bytes:,} bytes"
        if found.is_truncated:
            text += ", and the compressed data ends too early"
        text += "; all that is whole was taken"
    say(text)
