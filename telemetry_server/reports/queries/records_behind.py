"""Stored records that are not in the tables yet: read as they come, and parsed only for who is shown."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.archive.object_reading import open_object, stored_source
from storage.ledger.archived_files import ArchivedObject
from storage.ledger.table_files import Tabled
from storage.partitions.frames import read_texts
from telemetry_server.records.fields import Record
from telemetry_server.records.record_text import open_record

LATEST = "9"  # behind every moment
MAX_REMEMBERED = 500_000  # moments
# The beginning of what the server writes as the last member of a record; in texts quotes are escaped.
METADATA = b'"metadata":{"submission_timestamp":"'
MOMENT_BYTES = len("2026-11-27T14:33:05.123456Z")


@dataclass(frozen=True, slots=True)
class _Part:
    """The moments of the records between two bytes of a file."""

    start: int
    end: int
    moments: Sequence[str]


class RecordsBehind:
    """Reads the part of converted files that the tables do not have, most bytes of it once."""

    def __init__(self, root: Path, archived: Callable[[str], ArchivedObject | None] = lambda _: None) -> None:
        self._root = root
        self._archived = archived  # returns the copy of a file in the archive
        self._known: dict[str, list[_Part]] = {}

    def moments(self, files: Sequence[Tabled], *, from_start: bool = False) -> Iterator[str]:
        """Yield the moment of each record of *files* that is not in the tables, or of all *from_start*."""
        for file in files:
            for part in self._parts(file, 0 if from_start else file.tabled):
                yield from part.moments

    def newest(
        self, files: Sequence[Tabled], last: str, limit: int, *, from_start: bool = False
    ) -> Iterator[Record]:
        """Yield the *limit* newest records before the moment *last*, and all of that moment."""
        parts = [
            (file.path, part)
            for file in files
            for part in self._parts(file, 0 if from_start else file.tabled)
        ]
        until = last or LATEST
        moments = (moment for _, part in parts for moment in part.moments if moment < until)
        since = min(heapq.nlargest(limit, moments), default=until)
        for path, part in parts:
            if any(since <= moment <= until for moment in part.moments):
                for text in texts_between(self._source(path), part.start, part.end):
                    for line, moment in zip(text.split(b"\n"), moments_in(text), strict=False):
                        if since <= moment <= until:
                            yield record_of(line)

    def _parts(self, file: Tabled, start: int) -> list[_Part]:
        if sum(len(part.moments) for parts in self._known.values() for part in parts) > MAX_REMEMBERED:
            self._known.clear()
        parts: list[_Part] = []
        for part in self._known.get(file.path, ()):
            if part.end <= start:
                continue
            # The tables may have a beginning of this part by now.
            parts.append(part if part.start >= start else self._read(file.path, start, part.end))
        end = parts[-1].end if parts else start
        if end < file.length:
            parts.append(self._read(file.path, end, file.length))
        self._known[file.path] = parts
        return parts

    def _read(self, path: str, start: int, end: int) -> _Part:
        texts = texts_between(self._source(path), start, end)
        return _Part(start, end, [moment for text in texts for moment in moments_in(text)])

    def _source(self, path: str) -> Path | ArchivedObject:
        return stored_source(self._root, path, self._archived)


def texts_between(source: Path | ArchivedObject, start: int, end: int) -> Iterator[bytes]:
    """Yield the lines of a converted file between two bytes, some at a time; none where it was merged."""
    try:
        stream = open_object(source) if isinstance(source, ArchivedObject) else source.open("rb")
    except FileNotFoundError:
        return
    with stream:
        stream.seek(start)
        yield from read_texts(stream, end - start)


def moments_in(text: bytes) -> Iterator[str]:
    """Yield when the submission of each line of *text* came; lines are not copied."""
    start = 0
    while start < len(text):
        end = text.index(b"\n", start)
        at = text.rfind(METADATA, start, end)
        if at < 0:
            yield str(record_of(text[start:end])["metadata"]["submission_timestamp"])
        else:
            at += len(METADATA)
            yield text[at : at + MOMENT_BYTES].decode()
        start = end + 1


def record_of(line: bytes) -> Record:
    """Return the record of a converted line; its histograms may stay text."""
    return open_record(line.partition(b"\t")[2])
