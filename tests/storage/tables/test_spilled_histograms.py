"""Histograms that wait on disk."""

import os

import pytest

from storage.disk import Disk
from storage.tables.spilled_histograms import SpilledHistograms


class KeepingDisk(Disk):
    """It removes nothing."""

    def unlink(self, path):
        """Refuse."""
        raise OSError("read-only")


def test_a_disk_that_refuses_leaves_no_file_open(tmp_path):
    """The process tries again later, and may open only so many."""
    before = os.listdir("/dev/fd")

    with pytest.raises(OSError, match="read-only"):
        SpilledHistograms(KeepingDisk(), tmp_path / "waiting")

    assert os.listdir("/dev/fd") == before
