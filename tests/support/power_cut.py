"""
File systems for simulated power cuts: images on a loop device.

A cut is the shutdown ioctl of the file system with "no log flush" (linux/xfs_fs.h,
XFS_IOC_GOINGDOWN; ext4 has it too): later writes do not reach the device, and the next
mount replays the journal as after a real cut.
"""

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

GOING_DOWN = 0x8004587D  # _IOR('X', 125, __u32)
NO_LOG_FLUSH = struct.pack("I", 2)
MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
}


class LoopFilesystem:
    """A mounted image of *kind*: ``ext4`` or ``xfs``."""

    def __init__(self, folder: Path, kind: str, size_bytes: int, *options: str) -> None:
        self.path = folder / "mounted"
        self._image = folder / f"{kind}.image"
        self.kind = kind
        self.path.mkdir()
        with self._image.open("wb") as image:
            image.truncate(size_bytes)
        _run(*MAKE[kind], *options, str(self._image))
        self.mount()

    def mount(self) -> None:
        """Mount it; after a cut this replays the journal."""
        _run("mount", "-t", self.kind, "-o", "loop", str(self._image), str(self.path))

    def cut_power(self) -> None:
        """Cut the power: nothing reaches the device any more.  Writing processes should be stopped before."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, GOING_DOWN, NO_LOG_FLUSH)
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        """Unmount it; no process may have a file open in it."""
        _run("umount", str(self.path))


@contextmanager
def loop_filesystem(folder: Path, kind: str, size_bytes: int, *options: str) -> Iterator[LoopFilesystem]:
    """Yield a file system of *kind*; skip the test with a reason if that is impossible."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    if shutil.which(MAKE[kind][0], path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
        pytest.skip(f"{MAKE[kind][0]} is not installed")
    folder.mkdir(exist_ok=True)
    try:
        mounted = LoopFilesystem(folder, kind, size_bytes, *options)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{kind} cannot be mounted here: {' '.join(error.stderr.split())}")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "-l", str(mounted.path)], capture_output=True, check=False)


def skip_without_power_cut(filesystem: LoopFilesystem) -> None:
    """Skip the test if this kernel cannot cut and mount."""
    try:
        filesystem.cut_power()
    except OSError as error:
        pytest.skip(f"this kernel does not shut a file system down: {error.strerror}")
    filesystem.unmount()
    filesystem.mount()


def _run(*words: str) -> None:
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
