"""Files for rows that wait."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from storage.disk import Disk
from storage.tables.spare_files import SpareFiles


def open_files() -> int:
    """Return how many files this process has open."""
    return sum(1 for _ in Path("/dev/fd").iterdir())


class KeepingDisk(Disk):
    """It removes nothing."""

    def unlink(self, path):
        """Refuse."""
        raise OSError("read-only")


def test_a_disk_that_refuses_leaves_no_file_open(tmp_path):
    """The process tries again later, and may open only so many."""
    before = open_files()

    with pytest.raises(OSError, match="read-only"):
        SpareFiles(KeepingDisk(), lambda: tmp_path / "waiting").take()

    assert open_files() == before


def test_a_file_that_came_back_is_written_from_its_start(tmp_path):
    """Its space is there already, so it costs less than a new one."""
    before = open_files()
    with closing(SpareFiles(Disk(), lambda: tmp_path / "waiting")) as files:
        first = files.take()
        files.disk.write(first, [b"rows of yesterday"])
        files.give_back(first)
        again, other = files.take(), files.take()
        files.disk.write(again, [b"rows of today"])

        assert again == first != other
        assert os.pread(again, 13, 0) == b"rows of today"
        assert list(tmp_path.iterdir()) == []
        files.give_back(again)
        files.give_back(other)

    assert open_files() == before
