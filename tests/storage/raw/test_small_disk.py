"""A real file system of 64 MiB, filled at full speed, keeps its minimum of free space."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from storage.errors import StorageFull
from storage.raw.writer import MAX_SEGMENT_BYTES, RawWriter
from tests.support.submissions import a_submission
from tests.support.waiting import PATIENCE_SECONDS

SIZE = 64 << 20
FLOOR = 8 << 20
CLIENTS = 8


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with its own file system in memory, which is the fastest to fill."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("writers", [1, 2])
@pytest.mark.parametrize("body_bytes", [2_000, 1 << 20])
async def test_a_small_disk_that_is_filled_at_full_speed_keeps_min_free_bytes(
    small_disk, writers, body_bytes
):
    """Free space stays above the minimum, except for at most one batch of each other writer."""
    least = SIZE

    async def fill(writer: RawWriter) -> None:
        nonlocal least
        with suppress(StorageFull):
            for number in range(SIZE // body_bytes + 1):
                await writer.append(replace(a_submission(number), body=bytes(body_bytes)))
                room = os.statvfs(small_disk)
                least = min(least, room.f_bavail * room.f_frsize)

    opened = [
        RawWriter(small_disk / "raw", worker=number, min_free_bytes=FLOOR, reserve_bytes=0)
        for number in range(writers)
    ]
    for writer in opened:
        await writer.__aenter__()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*(fill(writer) for writer in opened for _ in range(CLIENTS)))
    assert all(isinstance(writer.refusal, StorageFull) for writer in opened)
    for writer in opened:
        await writer.close()

    batch = CLIENTS * (body_bytes + 1024)
    assert FLOOR - (writers - 1) * batch <= least < SIZE // 2 < MAX_SEGMENT_BYTES
