"""Keeps space free on the raw store's disk, and reserves space for a full disk."""

from contextlib import suppress
from pathlib import Path

from storage.disk import Disk, FilesystemSpace

RESERVE_BYTES = 64 << 20
HYSTERESIS = 1.5
INODE_SHARE = 0.05
# Others write to the same disk: after this part of the known space the disk is checked again.
UNSEEN_SHARE = 8


def default_floor_bytes(total_bytes: int) -> int:
    """Return the free space to leave: 5 % of the disk, from 1 to 16 GiB, at most a tenth of a small disk."""
    return min(max(1 << 30, total_bytes // 20), 16 << 30, total_bytes // 10)


class DiskFloor:
    """
    Decides when a disk is too full to accept submissions, and when it has space again.

    It is too full below the floor, and has space again from one and a half
    floors on, so that the answer does not alternate.  A spare file reserves
    space; it is deleted when the disk is full, so that segments can be
    sealed and events logged.

    Args:
        directory: Any folder on that disk; it will hold the spare file.
        min_free_bytes: The floor; None takes `default_floor_bytes`.
        reserve_bytes: Length of the spare file, less on a small disk; 0 creates none.
    """

    def __init__(
        self,
        directory: Path,
        *,
        disk: Disk,
        min_free_bytes: int | None = None,
        reserve_bytes: int = RESERVE_BYTES,
        name: str = ".reserve",
    ) -> None:
        self.is_low = False
        self._directory = directory
        self._disk = disk
        self._min_free_bytes = min_free_bytes
        self._reserve_bytes = reserve_bytes
        self._spare = directory / name
        self._has_spare = False
        self._unseen_bytes = 0  # written since the last check
        self._room_above_floor = 0  # at the last check

    def admit(self, length_bytes: int) -> bool:
        """
        Whether the disk stays above the floor after *length_bytes* more; sets `is_low` if it does not.

        Checks the disk only if the bytes written since the last check, with these, could
        reach the floor; otherwise the timer checks it.
        """
        if not self.is_low and (self._unseen_bytes + length_bytes) * UNSEEN_SHARE > self._room_above_floor:
            self.check(length_bytes)
        self._unseen_bytes += 0 if self.is_low else length_bytes
        return not self.is_low

    @property
    def unchecked_bytes(self) -> int:
        """Return how much `admit` admits without checking the disk."""
        return 0 if self.is_low else self._room_above_floor // UNSEEN_SHARE - self._unseen_bytes

    def note_written(self, length_bytes: int) -> None:
        """Count what was written without `admit`."""
        self._unseen_bytes += length_bytes

    def check(self, length_bytes: int = 0) -> bool:
        """
        Check the disk; return True if it is too full, or would be after *length_bytes* more.

        If the check itself fails, the last answer stays.
        """
        try:
            room = self._disk.room(self._directory)
        except OSError:
            return self.is_low
        self._unseen_bytes = 0
        factor = HYSTERESIS if self.is_low else 1.0
        floor = self._min_free_bytes
        if floor is None:
            floor = default_floor_bytes(room.total_bytes)
        self.is_low = (
            room.free_bytes - length_bytes < floor * factor
            or room.free_inodes < room.total_inodes * INODE_SHARE * factor
        )
        self._room_above_floor = room.free_bytes - floor
        if not self.is_low:
            self._keep_back(room, floor)
        return self.is_low

    def declare_low(self) -> None:
        """Record that a write found the disk full, until a check finds space; delete the spare file."""
        self.is_low = True
        self.release()

    def release(self) -> None:
        """Delete the spare file."""
        if self._has_spare:
            self._has_spare = False
            with suppress(OSError):
                self._disk.unlink(self._spare)

    def _keep_back(self, room: FilesystemSpace, floor: int) -> None:
        wanted = min(self._reserve_bytes, room.total_bytes // 100)
        if self._has_spare or wanted <= 0 or room.free_bytes < floor * HYSTERESIS + wanted:
            return
        try:
            self._disk.reserve(self._spare, wanted)
        except OSError:
            self._reserve_bytes = 0  # this filesystem cannot reserve space: do not try again
        else:
            self._has_spare = True
            self._room_above_floor -= wanted
