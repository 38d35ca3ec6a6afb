"""Imports the files of ``convert FILE…`` into raw/, one after the other."""

import errno
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import UnknownExport, UnreadableExport
from storage.ledger.opening import open_ledger
from storage.lock import FileLock
from telemetry_server.imports.formats.exported_ping import ExportFormat
from telemetry_server.imports.importer import Imported, Importer
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import say


@dataclass(slots=True)
class ImportedFiles:
    """The total of all files."""

    read: int = 0  # files
    pings: int = 0
    damaged_records: int = 0
    damaged_bytes: int = 0
    is_bad: bool = False  # a file was damaged or could not be read


def import_files(settings: Settings, names: Sequence[str], format: str, day: str | None) -> ImportedFiles:
    """Import every readable file and print on stderr what each contained; return the total."""
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
            try:
                stream = Path(name).open("rb")  # noqa: SIM115 - closed below
            except OSError as error:
                say(f"telemetry-server convert: {name}: {error.strerror}{_advice(error)}")
                total.is_bad = True
                return
            with stream:
                found = importer.add(stream, name=name, format=format, day=day, now=now)
    except UnknownExport as error:
        say(f"telemetry-server convert: {error}")
        total.is_bad = True
        return
    except UnreadableExport as error:
        advice = "none of its pings was imported; use another copy of the file"
        say(f"telemetry-server convert: {name}: {error}; {advice}")
        total.is_bad = True
        return
    _say_result(name, found)
    total.read += 1
    total.pings += found.pings
    total.damaged_records += found.damaged_records
    total.damaged_bytes += found.damaged_bytes
    total.is_bad |= found.is_damaged


def _advice(error: OSError) -> str:
    match error.errno:
        case errno.EISDIR:
            return "; name the files in it"
        case errno.EACCES:
            return "; name a file that this user may read"
        case errno.ENOENT | errno.ENOTDIR | errno.ENAMETOOLONG:
            return "; name an exported file, or - for stdin"
        case _:
            return ""


def _say_result(name: str, found: Imported) -> None:
    text = f"{name}: format {found.format}, {_counted(found.pings, 'ping')}"
    if found.was_waiting:
        text += "; the file was imported before and its pings still wait, so it is not imported again"
    if found.is_damaged:
        damaged = f"{_counted(found.damaged_records, 'record')}, {_counted(found.damaged_bytes, 'byte')}"
        text += f" imported; damaged: {damaged}, skipped"
        if found.is_truncated:
            text += ", and the compressed data is truncated"
    say(text)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
