"""Checks of the machine: free disk space, the clock, and the limit of open files."""

import os
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.data_root import DataRoot
from storage.errors import StorageError
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import TABLES_FOLDER
from storage.raw.free_space import INODE_SHARE, default_floor_bytes
from storage.raw.segment_paths import segments
from telemetry_server.diagnostics.finding import Finding
from telemetry_server.settings.settings import Settings

GIBIBYTE = 2**30
EARLIEST_PLAUSIBLE = datetime(2025, 1, 1, tzinfo=UTC)  # before this code was written
CLOCK_TOLERANCE = timedelta(minutes=5)
JUMP_IS_NEWS_FOR = timedelta(days=1)
SPARE_DESCRIPTORS = 256


def disk_space(settings: Settings, root: DataRoot) -> Iterator[Finding]:
    """Check that there is enough free space, in bytes and in inodes, on each file system of the data root."""
    first = _nearest_folder(root.path)
    try:
        receiving = _nearest_folder(root.raw).stat().st_dev
    except PermissionError:  # another check reports it
        receiving = first.stat().st_dev
    for folder in _file_systems(root):
        name = "" if folder == first else f"{folder}: "
        if folder.stat().st_dev == receiving:
            fix = "free disk space, or lower min_free_bytes"
            yield from _free_space(folder, name, settings.min_free_bytes, fix)
        else:
            yield from _free_space(folder, name, None, "free disk space")


def _file_systems(root: DataRoot) -> Iterator[Path]:
    """Yield the data root, and one folder in it for each other file system: mounted there, or linked to."""
    first = _nearest_folder(root.path)
    yield first
    seen = {first.stat().st_dev}
    tables = root.path / TABLES_FOLDER
    for folder in (root.raw, root.converted, root.quarantine, root.specs, root.state, tables):
        if folder.is_dir() and (device := folder.stat().st_dev) not in seen:
            seen.add(device)
            yield folder


def _free_space(folder: Path, name: str, floor: int | None, fix: str) -> Iterator[Finding]:
    usage = shutil.disk_usage(folder)
    if not usage.total:  # such as /proc
        yield Finding("disk", True, f"not checked: {folder} is not on a disk", skipped=True)
        return
    if floor is None:
        floor = default_floor_bytes(usage.total)
    detail = f"{name}{usage.free / GIBIBYTE:,.1f} GiB free, at least {floor / GIBIBYTE:,.1f} GiB needed"
    ok = usage.free >= floor
    yield Finding("disk", ok, detail, "" if ok else fix)
    inodes = os.statvfs(folder)
    if inodes.f_files and inodes.f_favail < inodes.f_files * INODE_SHARE:
        detail = f"{name}{inodes.f_favail:,} of {inodes.f_files:,} inodes left"
        yield Finding("disk", False, detail, "remove small files, or run telemetry-server compact")


def clock(root: DataRoot) -> Iterator[Finding]:
    """Check that the time is plausible and not before the newest submission."""
    now = datetime.now(UTC)
    fix = "set the clock (timedatectl set-ntp true)"
    if now < EARLIEST_PLAUSIBLE:
        yield Finding("clock", False, f"the clock shows {now:%Y-%m-%d}", fix)
        return
    days = [segment.day for segment in segments(root.raw)] if root.raw.is_dir() else []
    if days and max(days) > (now + CLOCK_TOLERANCE).date():
        yield Finding(
            "clock", False, f"the clock shows {now:%Y-%m-%d}, but there are submissions of {max(days)}", fix
        )
        return
    yield _jump_of_clock(root, now) or Finding("clock", True, f"{now:%Y-%m-%d %H:%M} UTC")


def _jump_of_clock(root: DataRoot, now: datetime) -> Finding | None:
    """Return a finding about the last jump of the clock if it is recent or the clock is not trusted yet."""
    try:
        if not root.ledger.exists():
            return None
        with Ledger(root.ledger, read_only=True) as ledger:
            record = ledger.clock()
    except (StorageError, sqlite3.Error):
        return None  # the ledger check reports it
    if record is None or not record.jumped_by:
        return None
    jumped_at = datetime.fromtimestamp(record.jumped_at, UTC)
    if not record.is_doubted and abs(now - jumped_at) > JUMP_IS_NEWS_FOR:
        return None
    days = f"{abs(record.jumped_by) / 86_400:,.1f} days {'ahead' if record.jumped_by > 0 else 'back'}"
    effect = "nothing expires for a day" if record.is_doubted else "the clock is trusted again"
    fix = "set the clock (timedatectl set-ntp true); if the server was off for so long, wait a day"
    return Finding(
        "clock", False, f"the clock jumped {days} at {jumped_at:%Y-%m-%d %H:%M} UTC; {effect}", fix
    )


def descriptors(settings: Settings) -> Iterator[Finding]:
    """Check that a worker can open a file for every connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_connections + SPARE_DESCRIPTORS
    ok = hard == resource.RLIM_INFINITY or hard >= wanted
    fix = "" if ok else f"raise the limit (LimitNOFILE={wanted}), or lower max_connections"
    limit = soft if ok else hard
    yield Finding("open files", ok, f"the limit is {limit:,}, at least {wanted:,} needed", fix)


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.is_dir())
