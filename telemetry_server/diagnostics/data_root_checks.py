"""Checks of the data root: access, conversion, ledger, queue and locks."""

import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from storage.data_root import DataRoot
from storage.errors import LostFile, StorageError, UnfitLedger
from storage.integrity.audit import swept_segments, unknown_files
from storage.ledger.ledger import Ledger
from storage.ledger.opening import unfitness
from storage.ledger.values import SegmentPosition
from storage.lock import FileLock
from storage.progress.conversion_state import ConversionState
from storage.progress.waiting import oldest_waiting
from storage.raw.segment_paths import segments
from telemetry_server.composition.data_root import inaccessible_part
from telemetry_server.diagnostics.finding import Finding, foreign_file

OLDEST_QUEUE = timedelta(minutes=5)


def access(root: DataRoot) -> Iterator[Finding]:
    """Check that the data root exists, is writable for this user, and is private."""
    if not root.path.exists():
        parent = next(path for path in root.path.parents if path.exists())
        if _accepts_files(parent):
            yield Finding("data root", True, f"{root.path} does not exist yet; serve creates it")
        else:
            detail = f"{root.path} does not exist, and cannot be created in {parent}"
            fix = "create it for this user, or choose another folder with --data"
            yield Finding("data root", False, detail, fix)
        return
    if not root.path.is_dir():
        yield Finding("data root", False, f"{root.path} is not a folder", "choose another one with --data")
        return
    closed = inaccessible_part(root)
    if closed is not None:
        yield foreign_file(root, f"{closed} is not writable for this user")
        return
    exposed = [
        folder
        for folder in (root.raw, root.converted, root.quarantine, root.state)
        if folder.exists() and folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    if exposed:
        fix = f"chmod -R go-rwx {root.path}"
        yield Finding("data root", False, f"other users can access {exposed[0]}", fix)
        return
    yield Finding("data root", True, f"{root.path} is writable and private")


def _accepts_files(parent: Path) -> bool:
    try:
        # Permissions are not enough: /proc and a read-only disk grant them, but accept no files.
        with TemporaryDirectory(prefix=".telemetry-doctor-", dir=parent):
            return True
    except OSError:
        return False


def data_root_contents(root: DataRoot) -> Iterator[Finding]:
    """Check conversion, ledger, queue and locks; they are skipped if the data root cannot be read."""
    if not root.path.is_dir() or inaccessible_part(root) is not None:
        detail = f"not checked: {root.path} {'is not accessible' if root.path.is_dir() else 'does not exist'}"
        for check in ("conversion", "ledger", "queue", "locks"):
            yield Finding(check, True, detail, skipped=True)
    else:
        yield from conversion(root)
        unfit = unfitness(root)
        if unfit is None:
            yield from unknown_to_ledger(root)
            yield from queue(root)
        else:
            detail, _, fix = str(unfit).partition("; ")
            if not isinstance(unfit, UnfitLedger):
                fix = "free disk space, or run telemetry-server repair --dry-run"
            yield Finding("ledger", False, detail, fix)
            yield Finding("queue", True, "not checked: it needs the ledger", skipped=True)
        yield from locks(root)


def conversion(root: DataRoot) -> Iterator[Finding]:
    """Check that conversion is not halted and will not halt at its next run."""
    fix = "remove the cause; serve retries within a minute, convert immediately"
    halt = ConversionState(root).read()
    if halt is not None:
        detail = f"halted since {halt.since:%Y-%m-%d %H:%M:%S} UTC: {halt.reason}"
        yield Finding("conversion", False, detail, fix)
        return
    lost = _lost_file(root)
    if lost is not None:
        yield Finding("conversion", False, f"the next conversion will halt: {LostFile(lost)}", fix)
    else:
        yield Finding("conversion", True, "not halted")


def _lost_file(root: DataRoot) -> str | None:
    """Return the first open file that is missing or shorter than its committed length."""
    try:
        if not root.ledger.exists():
            return None
        with Ledger(root.ledger, read_only=True) as ledger:
            files = ledger.files(open_only=True)
    except (StorageError, sqlite3.Error):
        return None  # the queue check reports it
    for file in files:
        path = root.path / file.path
        if not path.exists() or path.stat().st_size < file.length:
            return file.path
    return None


def unknown_to_ledger(root: DataRoot) -> Iterator[Finding]:
    """Check that the ledger knows all files."""
    if not root.ledger.exists():
        yield Finding("ledger", True, "does not exist yet; the first conversion creates it")
        return
    try:
        with Ledger.for_reading(root) as ledger:
            unknown = unknown_files(root, ledger) + [f"raw/{name}" for name in swept_segments(root, ledger)]
    except (StorageError, sqlite3.Error):
        return  # the queue check reports it
    if unknown:
        detail = f"{len(unknown):,} files are not in the ledger, such as {unknown[0]}"
        yield Finding(
            "ledger", False, detail, "run telemetry-server repair --dry-run to see what repair would do"
        )
    else:
        yield Finding("ledger", True, "matches the files of the data root")


def queue(root: DataRoot) -> Iterator[Finding]:
    """Check how long the oldest submission has waited, and whether pings wait for definitions."""
    positions: Mapping[str, SegmentPosition] = {}
    pending = 0
    try:
        if root.ledger.exists():
            with Ledger.for_reading(root) as ledger:
                positions = ledger.positions()
                pending = len(ledger.pending())
    except (StorageError, sqlite3.Error) as error:
        yield Finding(
            "ledger", False, str(error), "free disk space, or run telemetry-server repair --dry-run"
        )
        return
    oldest = oldest_waiting(segments(root.raw), positions)
    age = datetime.now(UTC) - oldest if oldest else timedelta(0)
    if oldest:
        ok = age < OLDEST_QUEUE
        fix = "" if ok else "start the server, or run telemetry-server convert"
        yield Finding("queue", ok, f"the oldest submission has waited {age.total_seconds():,.0f} s", fix)
    if pending:
        what = "ping waits" if pending == 1 else "pings wait"
        fix = "check that revision_server answers, or put the definitions in the cache"
        yield Finding("queue", False, f"{pending:,} {what} for definitions", fix)
    if not oldest and not pending:
        yield Finding("queue", True, "no submission waits")


def locks(root: DataRoot) -> Iterator[Finding]:
    """Report the locks that are held.  A lock ends with its process, so a held lock is never stale."""
    held = []
    for path in sorted(root.state.glob("*.lock")):
        lock = FileLock(path)
        if lock.acquire(wait=False):
            lock.release()
        else:
            held.append(path.stem)
    yield Finding("locks", True, f"held by a live process: {', '.join(held)}" if held else "no lock is held")
    for path in sorted(root.state.glob("*.lock")):
        if path.stat().st_uid != os.getuid() and os.getuid() != 0:
            yield foreign_file(root, f"{path} belongs to another user", "locks")
    left = sum(1 for _ in _leftovers(root))
    if left:
        yield Finding("locks", True, f"{left} unfinished imports; the next convert clears them")


def _leftovers(root: DataRoot) -> Iterator[Path]:
    return root.staging.iterdir() if root.staging.is_dir() else iter(())
