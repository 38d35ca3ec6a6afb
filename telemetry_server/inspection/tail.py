"""Follows the ledger, and reads pings as they are committed."""

from collections.abc import Iterator
from typing import Any

import orjson

from storage.data_root import DataRoot
from storage.errors import DamagedRecord, TornRecord
from storage.ledger.ledger import Ledger
from storage.ledger.values import PendingPing, StoredFile
from storage.partitions.frames import read_lines
from telemetry_server.coordinator.conversion_worker import read_item
from telemetry_server.coordinator.work_items import RawItem
from telemetry_server.inspection.ping_summary import PingLine, of_pending, of_record, of_refusal

CONVERTED, QUARANTINE = "converted", "quarantine"
MAX_RECENT_PENDING = 1000


class RecordTail:
    """Yields the pings committed since it was created, optionally only stored ones."""

    def __init__(self, root: DataRoot, ledger: Ledger, since: str, *, only_stored: bool = False) -> None:
        """
        Start from the current state of *ledger*.

        Args:
            since: A `submission_timestamp`.  `recent` also shows pings that were received after it
                and are committed already, so that a client started right after the tail is seen.
        """
        self._ledger = ledger
        self._since = since
        self._generation = ledger.generation()
        self._stored = FileTail(root, ledger, CONVERTED)
        self._refused = None if only_stored else FileTail(root, ledger, QUARANTINE)
        self._pending = None if only_stored else PendingTail(root, ledger)

    def recent(self, began_at: float) -> Iterator[PingLine]:
        """Yield pings received and committed since *began_at* (seconds since 1970), before `news`."""
        found = [of_record(record) for record in self._stored.recent(began_at)]
        if self._refused is not None:
            found += filter(None, map(of_refusal, self._refused.recent(began_at)))
        if self._pending is not None:
            found += self._pending.recent()
        yield from (seen for seen in found if seen.summary["submission_timestamp"] >= self._since)

    def news(self) -> Iterator[PingLine]:
        """Yield the pings committed since the last call; cheap if there are none."""
        is_another = self._ledger.follow_replacement()
        generation = self._ledger.generation()
        if generation == self._generation and not is_another:
            return
        self._generation = generation
        yield from map(of_record, self._stored.news())
        if self._refused is not None:
            yield from filter(None, map(of_refusal, self._refused.news()))
        if self._pending is not None:
            yield from self._pending.news()


class FileTail:
    """
    Yields the objects of new lines in the files of *store*.

    It follows open files until they are closed.  A merged file is closed from the start and has
    only lines that were shown before, so it is ignored.
    """

    def __init__(self, root: DataRoot, ledger: Ledger, store: str) -> None:
        self._root = root.path
        self._ledger = ledger
        self._store = store
        self._known = self._open_files()

    def _open_files(self) -> dict[str, StoredFile]:
        return {file.path: file for file in self._ledger.files(self._store, open_only=True)}

    def recent(self, began_at: float) -> Iterator[dict[str, Any]]:
        """Yield the objects of files that were written to since *began_at*."""
        for file in list(self._known.values()):
            try:
                is_recent = (self._root / file.path).stat().st_mtime >= began_at
            except FileNotFoundError:
                continue
            if is_recent:
                yield from self._between(file, 0)

    def news(self) -> Iterator[dict[str, Any]]:
        """Yield the objects committed since the last call."""
        now_open = self._open_files()
        for path in self._known.keys() - now_open.keys():
            before = self._known[path]
            closed = [file for file in self._ledger.files(before.directory) if file.path == path]
            for file in closed:
                yield from self._between(file, before.length)
        for path, file in now_open.items():
            before_length = self._known[path].length if path in self._known else 0
            if file.length > before_length:
                yield from self._between(file, before_length)
        self._known = now_open

    def _between(self, file: StoredFile, start: int) -> Iterator[dict[str, Any]]:
        """Yield the objects of *file* in frames from *start* on."""
        if file.length <= start:
            return
        try:
            stream = (self._root / file.path).open("rb")
        except FileNotFoundError:
            return  # it was merged meanwhile
        with stream:
            stream.seek(start)
            for line in read_lines(stream, file.length - start):
                yield orjson.loads(line.partition(b"\t")[2])


class PendingTail:
    """Yields pings that become pending: those after the position that was read before."""

    def __init__(self, root: DataRoot, ledger: Ledger) -> None:
        self._raw = root.raw
        self._ledger = ledger
        self._positions = self._read_positions()

    def _read_positions(self) -> dict[str, int]:
        return {name: segment.position for name, segment in self._ledger.positions().items()}

    def recent(self) -> Iterator[PingLine]:
        """Yield the newest pending pings."""
        yield from self._seen(self._ledger.newest_pending(MAX_RECENT_PENDING))

    def news(self) -> Iterator[PingLine]:
        """Yield the pings that became pending since the last call."""
        before, self._positions = self._positions, self._read_positions()
        for name, position in self._positions.items():
            start = before.get(name, 0)
            if position != start:
                yield from self._seen(self._ledger.pending_in(name, start))

    def _seen(self, pings: list[PendingPing]) -> Iterator[PingLine]:
        for ping in pings:
            try:
                submission = read_item(self._raw, RawItem(ping.segment, ping.offset, ping.length))
            except (DamagedRecord, TornRecord, FileNotFoundError):
                continue
            yield of_pending(submission, ping.revision)
