"""
Puts messages into raw/, and the positions after them into the file of positions.

One process at a time does that for a data root: it holds the lock of pulling.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from types import TracebackType
from typing import Self

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import StorageError, StorageFull
from storage.lock import FileLock
from storage.raw.commit_thread import RECORD_OVERHEAD_BYTES
from storage.raw.day_segments import DaySegments
from storage.raw.free_space import DiskFloor
from storage.raw.segment_file import remove_unfinished_segments
from storage.raw.segment_paths import new_boot_id
from storage.raw.submission import Submission
from telemetry_server.queue.errors import AlreadyPulling, ShareChanged
from telemetry_server.queue.message import Batch, Message
from telemetry_server.queue.message_forms import MessageReader
from telemetry_server.queue.position_file import PositionFile, Positions
from telemetry_server.queue.recovery import PULL_WORKER, TIME_RANGE, recovered_positions
from telemetry_server.queue.share import Share

MAX_HEADER_CHARACTERS = 64 << 10
LOCK_NAME = "pull.lock"


@dataclass(slots=True)
class Counts:
    """What became of the messages of a run."""

    received: int = 0  # written to raw/
    faulty: int = 0  # of these: not submissions; they go to quarantine
    left_to_others: int = 0  # of another share
    repeated: int = 0  # received before

    def add(self, other: "Counts") -> None:
        """Add the counts of *other*."""
        self.received += other.received
        self.faulty += other.faulty
        self.left_to_others += other.left_to_others
        self.repeated += other.repeated


class Intake:
    """
    The receiving side of pullers, which may run in several threads.  Use it with ``with``.

    Raises (on entry):
        AlreadyPulling: Another process has the lock.
        ShareChanged: The data root took another share before.
        OSError, StorageError: The disk refuses.
    """

    def __init__(
        self,
        root: DataRoot,
        reader: MessageReader,
        share: Share,
        *,
        disk: Disk | None = None,
        min_free_bytes: int | None = None,
    ) -> None:
        self._root = root
        self._reader = reader
        self._share = share
        self._disk = disk or Disk()
        self._file = PositionFile(root.queue_positions, self._disk)
        self._positions = Positions()
        self._turn = Lock()
        self._lock = FileLock(root.state / LOCK_NAME)
        self._floor = DiskFloor(
            root.raw, disk=self._disk, min_free_bytes=min_free_bytes, reserve_bytes=0, name=".reserve-pull"
        )

    def __enter__(self) -> Self:
        if not self._lock.acquire(wait=False):
            raise AlreadyPulling(f"another process pulls into {self._root.path}")
        try:
            self._begin()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if isinstance(error, OSError | StorageError):
                self._segments.abandon()
            else:
                self._segments.seal()
        finally:
            self._lock.release()

    @property
    def positions(self) -> Mapping[str, int]:
        """Where each partition is read on."""
        return self._positions.after

    def keep(self, batch: Batch) -> Counts:
        """
        Return once the messages of *batch* are in raw/ and the positions after them are saved.

        Raises:
            StorageFull: No space.  Nothing of the batch counts; it may be tried again.
            OSError, StorageError: The disk failed; make a new object, which finds out what is there.
        """
        with self._turn:
            return self._keep(batch)

    def _keep(self, batch: Batch) -> Counts:
        counts = Counts()
        following = dict(self._positions.after)
        submissions = [
            submission
            for message in batch.messages
            if (submission := self._taken(message, following, counts))
        ]
        size = sum(len(each.body) + RECORD_OVERHEAD_BYTES for each in submissions)
        if not self._floor.admit(size):
            raise StorageFull("the disk has less free space than min_free_bytes")
        if submissions:
            self._segments.write(submissions)
        self._segments.seal_old()
        after = {**self._positions.after, **batch.positions}
        received = {
            name: beyond
            for name, found in self._positions.received.items()
            if (beyond := tuple(each for each in found if each >= after.get(name, 0)))
        }
        self._save(replace(self._positions, after=after, received=received))
        return counts

    def forget(self, partitions: Mapping[str, int]) -> None:
        """Continue at these positions, whatever was read before."""
        after = {**self._positions.after, **partitions}
        received = {name: found for name, found in self._positions.received.items() if name not in partitions}
        self._save(replace(self._positions, after=after, received=received))

    def rest(self) -> None:
        """Seal segments that are open for too long; call it now and then while nothing arrives."""
        with self._turn:
            self._segments.seal_old()

    def _begin(self) -> None:
        saved = self._file.read()
        if saved is not None and saved.after and saved.share != str(self._share):
            raise ShareChanged(
                f"{self._root.path} took the share {saved.share} before, not {self._share}: "
                "begin an empty data root for another share"
            )
        self._disk.make_directories(self._root.raw)
        remove_unfinished_segments(self._root.raw)
        found = recovered_positions(self._root.raw, saved, self._disk)
        boot_id = new_boot_id(_later_than(found.boot_id))
        self._segments = DaySegments(self._root.raw, worker=PULL_WORKER, boot_id=boot_id, disk=self._disk)
        self._save(replace(found, boot_id=boot_id, share=str(self._share)))

    def _save(self, positions: Positions) -> None:
        segments = self._segments
        positions = replace(positions, number=segments.number, lengths=segments.lengths)
        if positions != self._positions:
            self._file.save(positions)
        self._positions = positions

    def _taken(self, message: Message, following: dict[str, int], counts: Counts) -> Submission | None:
        """Return the submission to keep for *message*; None if it was received before, or others take it."""
        partition, position = message.partition, message.position
        # A broker delivers in order: what comes with a lower position is delivered again.
        if position < following.get(partition, 0):
            counts.repeated += 1
            return None
        following[partition] = position + 1
        received = self._positions.received
        if received and position in received.get(partition, ()):
            counts.repeated += 1
            return None
        # The path alone shows for most messages that they belong to another share.
        path = None if self._share.is_all else self._reader.path_of(message)
        if path is not None and not self._share.holds(path, message.body):
            counts.left_to_others += 1
            return None
        submission = self._reader.submission_of(message)
        if sum(map(len, message.headers.values())) > MAX_HEADER_CHARACTERS:
            submission = replace(
                submission, path="", headers={}, fault="the headers of the message are too long"
            )
        if path is None and not self._share.holds(submission.path, submission.body):
            counts.left_to_others += 1
            return None
        counts.received += 1
        counts.faulty += bool(submission.fault)
        return submission


def _later_than(boot_id: bytes) -> datetime:
    """Return the wall clock, or a moment after that of *boot_id*: writers are found in their order."""
    now = datetime.now(UTC)
    behind = (int.from_bytes(boot_id[4:10], "big") - int(now.timestamp() * 1_000_000)) % TIME_RANGE
    return now + timedelta(microseconds=behind + 1) if behind < TIME_RANGE // 2 else now
