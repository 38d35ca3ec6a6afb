"""Histograms that wait on disk."""

from pathlib import Path

import pytest

from storage.disk import Disk
from storage.tables.spilled_histograms import SpilledHistograms


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
        SpilledHistograms(KeepingDisk(), tmp_path / "waiting")

    assert open_files() == before
