"""
Imports old exports into raw/, where their pings are converted like received ones.

An export is staged completely and then published by renames, so an interrupted
import leaves nothing behind.  Its SHA-256 identifies the import: the same file is not
imported a second time while its pings are not converted.
"""

import hashlib
import json
import shutil
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import UnreadableExport
from storage.ledger.ledger import Ledger
from storage.ledger.values import Entry
from storage.raw.segment_file import SegmentSeries
from storage.raw.submission import Submission
from telemetry_server.imports.formats.export_reader import open_export
from telemetry_server.imports.formats.exported_ping import ExportedPing, ExportFormat

IMPORT_WORKER = 999_999
"""Worker number in the names of imported segments; edge workers never have it."""

OF_IMPORTS = "import"
"""Name in the ledger for damage in exports, as opposed to damage in raw/."""

DAYS_OPEN = 32
BATCH_PINGS = 256
BATCH_BYTES = 4 << 20
NO_AGE_LIMIT = float("inf")


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of importing one export."""

    pings: int
    format: str
    damaged_records: int = 0
    damaged_bytes: int = 0
    is_truncated: bool = False
    was_waiting: bool = (
        False  # the same bytes were imported before and are not converted yet: nothing was added
    )

    @property
    def is_damaged(self) -> bool:
        """Whether anything was damaged or truncated."""
        return self.is_truncated or bool(self.damaged_records or self.damaged_bytes)


class _Hashing:
    """
    A stream that computes the digest of the bytes read from it.

    An error of reading has a type of its own, because errors of writing to the data root are OSErrors, too.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._stream.read(size)
        except OSError as error:
            raise UnreadableExport(error.strerror) from error
        self.digest.update(data)
        return data


class Importer:
    """Imports exports into one data root; the caller holds the lock of imports."""

    def __init__(self, root: DataRoot, ledger: Ledger, disk: Disk) -> None:
        self._root = root
        self._ledger = ledger
        self._disk = disk
        self._notes = root.state / "imports"

    def resume(self) -> None:
        """Publish completely staged imports, and remove incomplete ones."""
        for staged in sorted(self._root.staging.glob("*")):
            note = staged / "whole.json"
            if note.exists():
                self._publish(staged)
            else:
                shutil.rmtree(staged)

    def is_waiting(self, digest: str) -> bool:
        """Whether an import of the same bytes is in raw/ and not wholly converted yet."""
        note = self._notes / f"{digest}.json"
        if not note.exists():
            return False
        positions = self._ledger.positions()
        names = json.loads(note.read_text())["segments"]
        return any(
            (self._root.raw / name).exists() and not (name in positions and positions[name].finished)
            for name in names
        )

    def add(
        self, stream: BinaryIO, *, name: str, format: ExportFormat, day: date | None, now: datetime
    ) -> Imported:
        """
        Import all pings of *stream* into raw/, or none.

        Args:
            stream: At its beginning; read once.
            name: Name of the file, empty if there is none.
            format: Format of the export; AUTO detects it.
            day: Day of arrival of lines, which have no date.
            now: Time of arrival if *day* is not given.

        Raises:
            UnknownExport: The format is unknown; nothing was added.
            UnreadableExport: The stream cannot be read; nothing was added.
            OSError: The disk of the data root refuses; nothing was added.
        """
        self.resume()
        hashing = _Hashing(stream)
        reader = open_export(hashing, name=name, format=format, date=day, received_at=now)
        staged = self._root.staging / "import"
        self._disk.make_directories(staged)
        try:
            with _Stage(staged, self._disk) as stage:
                pings = stage.add(reader)
            while hashing.read(1 << 20):
                pass  # bytes after the last record belong to the digest too
            digest = hashing.digest.hexdigest()
            found = Imported(
                pings,
                reader.format,
                reader.damaged.records,
                reader.damaged.bytes,
                reader.truncated,
                was_waiting=self.is_waiting(digest),
            )
            if found.was_waiting or not pings:
                shutil.rmtree(staged)
            else:
                self._note(staged / "whole.json", digest, stage.segments)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
        if found.was_waiting:
            return found
        if pings:
            self._publish(staged)
        self._count_damage(found, day or now.date())
        return found

    def _count_damage(self, found: Imported, day: date) -> None:
        """Count the damage in the ledger for `audit`.  A crash just before loses only these counts."""
        with self._ledger.transaction() as transaction:
            transaction.add(
                Counter(
                    {
                        (f"{day:%Y%m%d}", Entry.DAMAGED_RECORDS, OF_IMPORTS): found.damaged_records,
                        (f"{day:%Y%m%d}", Entry.DAMAGED_BYTES, OF_IMPORTS): found.damaged_bytes,
                    }
                )
            )

    def _note(self, path: Path, digest: str, names: list[str]) -> None:
        text = json.dumps({"sha256": digest, "segments": names}).encode()
        temporary = path.with_suffix(".tmp")
        self._disk.unlink(temporary)
        descriptor = self._disk.create(temporary)
        try:
            self._disk.write(descriptor, [text])
            self._disk.sync(descriptor)
        finally:
            self._disk.close(descriptor)
        self._disk.rename(temporary, path)
        self._disk.sync_directory(path.parent)

    def _publish(self, staged: Path) -> None:
        """Move staged segments into raw/; after a crash it continues where it stopped."""
        note = json.loads((staged / "whole.json").read_text())
        self._disk.make_directories(self._notes)
        self._note(self._notes / f"{note['sha256']}.json", note["sha256"], note["segments"])
        for name in note["segments"]:
            source, target = staged / name, self._root.raw / name
            self._disk.make_directories(target.parent)
            if source.exists():
                self._move(source, target)
                self._disk.sync_directory(target.parent)
        self._disk.unlink(staged / "whole.json")
        shutil.rmtree(staged)

    def _move(self, source: Path, target: Path) -> None:
        try:
            self._disk.rename_new(source, target)
        except FileExistsError:
            # A crash left both names of one file; segment names are random, so it is the same file.
            self._disk.unlink(source)


class _Stage:
    """Writes segments by day in a staging folder; seals and syncs them when the block ends."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder
        self._disk = disk
        self._series: OrderedDict[date, SegmentSeries] = OrderedDict()

    def __enter__(self) -> "_Stage":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for series in self._series.values():
            if kind is None:
                series.seal()
            else:
                series.abandon()

    @property
    def segments(self) -> list[str]:
        """Names that the segments will have below raw/."""
        return sorted(f"{path.parent.name}/{path.name}" for path in self._folder.glob("*/*.tlg"))

    def add(self, pings: Iterable[ExportedPing]) -> int:
        """Write *pings* in order; return how many there are."""
        total = 0
        batch: list[Submission] = []
        size = 0
        for ping in pings:
            submission = Submission(received_at=ping.received_at, path=ping.path, body=ping.body)
            if batch and (
                batch[0].received_at.date() != submission.received_at.date()
                or len(batch) >= BATCH_PINGS
                or size >= BATCH_BYTES
            ):
                self._write(batch)
                batch, size = [], 0
            batch.append(submission)
            size += len(ping.body)
            total += 1
        if batch:
            self._write(batch)
        return total

    def _write(self, batch: list[Submission]) -> None:
        day = batch[0].received_at.date()
        series = self._series.pop(day, None) or SegmentSeries(
            self._folder, worker=IMPORT_WORKER, disk=self._disk, max_segment_age_seconds=NO_AGE_LIMIT
        )
        self._series[day] = series
        series.append(batch, day=day)
        if len(self._series) > DAYS_OPEN:
            _, oldest = self._series.popitem(last=False)
            oldest.seal()
