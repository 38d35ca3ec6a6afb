"""Frames of a commit are written and synced a few MiB at a time, and nothing stays unsynced."""

import os
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.disk import Disk
from storage.partitions import paced_writes
from storage.partitions.paced_writes import PacedWrites

STEP = 100


class CountingDisk(Disk):
    """A disk in memory that knows how many bytes of each file are not synced."""

    def __init__(self) -> None:
        self.files: dict[int, bytes] = {}
        self.unsynced: Counter[int] = Counter()
        self.most_unsynced = self.syncs = 0

    def write(self, descriptor, buffers):
        data = b"".join(buffers)
        self.files[descriptor] = self.files.get(descriptor, b"") + data
        self.unsynced[descriptor] += len(data)
        self.most_unsynced = max(self.most_unsynced, self.unsynced.total())
        return len(data)

    def sync_all(self, descriptors):
        for descriptor in descriptors:
            self.unsynced[descriptor] = 0
            self.syncs += 1


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """Steps of 100 bytes."""
    monkeypatch.setattr(paced_writes, "STEP_BYTES", STEP)


@given(st.lists(st.lists(st.integers(0, 250), max_size=12), max_size=8))
def test_all_bytes_are_written_in_order_and_synced_in_small_parts(files):
    """Frames of any lengths, in any number of files."""
    disk = CountingDisk()
    writes = PacedWrites(disk, disk.sync_all)
    frames = [[bytes([number % 256]) * length for length in lengths] for number, lengths in enumerate(files)]

    written = [writes.write(number, of_file) for number, of_file in enumerate(frames)]
    writes.sync()

    assert written == [sum(map(len, of_file)) for of_file in frames]
    assert [disk.files.get(number, b"") for number in range(len(files))] == list(map(b"".join, frames))
    assert disk.unsynced.total() == 0
    longest = max((length for lengths in files for length in lengths), default=0)
    assert disk.most_unsynced <= 2 * STEP + max(0, longest - STEP)


def test_files_of_a_small_commit_are_synced_once_each():
    """A step that is not full waits for the end."""
    disk = CountingDisk()
    writes = PacedWrites(disk, disk.sync_all)
    for number in range(9):
        writes.write(number, [b"0123456789"])
    assert disk.syncs == 0

    writes.sync()

    assert disk.syncs == 9


def test_nothing_is_written_after_a_sync_that_failed(tmp_path):
    """The error reaches the commit."""

    def refused(_):
        raise OSError(5, os.strerror(5))

    disk = CountingDisk()
    writes = PacedWrites(disk, refused)

    with pytest.raises(OSError, match="Input/output"):
        writes.write(1, [bytes(STEP)] * 5)

    assert len(disk.files[1]) == STEP
