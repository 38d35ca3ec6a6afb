"""What `doctor` looks at: each check yields what it found, and a fix where one is needed."""

import os
import resource
import shutil
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.errors import BrokenSpecFile
from storage.data_root import DataRoot
from storage.errors import LostFile, StorageError, UnfitLedger
from storage.integrity.audit import swept_segments, unknown_files
from storage.ledger.ledger import Ledger
from storage.ledger.opening import unfitness
from storage.ledger.values import SegmentPosition
from storage.lock import FileLock
from storage.progress.conversion_state import ConversionState
from storage.progress.waiting import oldest_waiting
from storage.raw.free_space import INODE_SHARE, default_floor_bytes
from storage.raw.segment_paths import segments
from telemetry_server.composition.data_root import inaccessible_part
from telemetry_server.composition.setting_files import check_files
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings

GIBIBYTE = 2**30
EARLIEST_PLAUSIBLE = datetime(2025, 1, 1, tzinfo=UTC)  # before this code was written
CLOCK_TOLERANCE = timedelta(minutes=5)
JUMP_IS_NEWS_FOR = timedelta(days=1)
OLDEST_QUEUE = timedelta(minutes=5)
SPARE_DESCRIPTORS = 256


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    check: str
    ok: bool
    detail: str
    fix: str = ""


class _NotOurs(Finding):
    """That something in the data root is not for this user."""


def examine(settings: Settings) -> Iterator[Finding]:
    """All checks, in the order in which trouble explains trouble."""
    root = DataRoot(settings.data_dir.resolve())
    is_told = False  # that the data root is not for us: one line is enough, whoever stumbles over it
    for check in (
        files_of_settings(settings),
        data_root(root),
        disk_space(settings, root),
        clock(root),
        descriptors(settings),
        specs(settings),
        inside(root),
    ):
        try:
            for finding in check:
                is_told |= isinstance(finding, _NotOurs)
                yield finding
        except PermissionError as error:
            if not is_told:
                is_told = True
                yield _not_ours(root, f"{error.filename} is not readable for this user")


def _not_ours(root: DataRoot, detail: str, check: str = "data root") -> _NotOurs:
    fix = f"run it as the server's user, or chown -R $(id -un) {root.path}"
    return _NotOurs(check, False, detail, fix)


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _takes_a_folder(parent: Path) -> bool:
    try:
        # Permissions tell too little: /proc and a read-only disk grant them, and take nothing.
        with TemporaryDirectory(prefix=".telemetry-doctor-", dir=parent):
            return True
    except OSError:
        return False


def files_of_settings(settings: Settings) -> Iterator[Finding]:
    """Do the files that settings name say something that makes sense?"""
    try:
        check_files(settings)
    except ConfigurationError as error:
        yield Finding("settings", False, str(error), "mend it; telemetry-server config check looks again")
    else:
        yield Finding("settings", True, "they make sense, and so do the files that they name")


def data_root(root: DataRoot) -> Iterator[Finding]:
    """Is it there, ours, writable, and nobody else's to read?"""
    if not root.path.exists():
        parent = next(path for path in root.path.parents if path.exists())
        if _takes_a_folder(parent):
            yield Finding("data root", True, f"{root.path} does not exist yet; serve makes it")
        else:
            detail = f"{root.path} does not exist, and cannot be made in {parent}"
            fix = "make it and give it to this user, or name another one with --data"
            yield Finding("data root", False, detail, fix)
        return
    if not root.path.is_dir():
        yield Finding("data root", False, f"{root.path} is no folder", "name another one with --data")
        return
    closed = inaccessible_part(root)
    if closed is not None:
        yield _not_ours(root, f"{closed} is not writable for this user")
        return
    exposed = [
        folder
        for folder in (root.raw, root.converted, root.quarantine, root.state)
        if folder.exists() and folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    if exposed:
        fix = f"chmod -R go-rwx {root.path}"
        yield Finding("data root", False, f"{exposed[0]} is open to other users", fix)
        return
    yield Finding("data root", True, f"{root.path} is ours and private")


def disk_space(settings: Settings, root: DataRoot) -> Iterator[Finding]:
    """Is there room above the floor, in bytes and in inodes?"""
    folder = _nearest_folder(root.path)
    usage = shutil.disk_usage(folder)
    floor = settings.min_free_bytes
    if floor is None:
        floor = default_floor_bytes(usage.total)
    detail = f"{usage.free / GIBIBYTE:,.1f} GiB free, floor {floor / GIBIBYTE:,.1f} GiB"
    ok = usage.free >= floor
    yield Finding("disk", ok, detail, "" if ok else "make room, or lower min_free_bytes")
    inodes = os.statvfs(folder)
    if inodes.f_files and inodes.f_favail < inodes.f_files * INODE_SHARE:
        detail = f"{inodes.f_favail:,} of {inodes.f_files:,} inodes left"
        yield Finding("disk", False, detail, "remove small files; compact merges ours")


def clock(root: DataRoot) -> Iterator[Finding]:
    """Does the clock say a time that can be true, and not one before the newest submission?"""
    now = datetime.now(UTC)
    fix = "set the clock (timedatectl set-ntp true)"
    if now < EARLIEST_PLAUSIBLE:
        yield Finding("clock", False, f"it says {now:%Y-%m-%d}", fix)
        return
    days = [segment.day for segment in segments(root.raw)] if root.raw.is_dir() else []
    if days and max(days) > (now + CLOCK_TOLERANCE).date():
        yield Finding(
            "clock", False, f"it says {now:%Y-%m-%d}, but there are submissions of {max(days)}", fix
        )
        return
    yield _jump_of_clock(root, now) or Finding("clock", True, f"{now:%Y-%m-%d %H:%M} UTC")


def _jump_of_clock(root: DataRoot, now: datetime) -> Finding | None:
    """The clock's last jump, while it is in doubt or news."""
    try:
        if not root.ledger.exists():
            return None
        with Ledger(root.ledger, read_only=True) as ledger:
            record = ledger.clock()
    except (StorageError, sqlite3.Error):
        return None  # another check says so
    if record is None or not record.jumped_by:
        return None
    jumped_at = datetime.fromtimestamp(record.jumped_at, UTC)
    if not record.is_doubted and abs(now - jumped_at) > JUMP_IS_NEWS_FOR:
        return None
    days = f"{abs(record.jumped_by) / 86_400:,.1f} days {'ahead' if record.jumped_by > 0 else 'back'}"
    effect = "nothing expires by it for a day" if record.is_doubted else "it is right again"
    fix = "set the clock (timedatectl set-ntp true); if the server was off for so long, wait a day"
    return Finding("clock", False, f"it went {days} from {jumped_at:%Y-%m-%d %H:%M} UTC; {effect}", fix)


def descriptors(settings: Settings) -> Iterator[Finding]:
    """May a worker open as many files as it may have connections?"""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_connections + SPARE_DESCRIPTORS
    ok = hard == resource.RLIM_INFINITY or hard >= wanted
    fix = "" if ok else f"raise it (LimitNOFILE={wanted}), or lower max_connections"
    limit = soft if ok else hard
    yield Finding("open files", ok, f"limit {limit:,}, wanted {wanted:,}", fix)


def specs(settings: Settings) -> Iterator[Finding]:
    """Can every file of the revision cache be read?"""
    directory = settings.revision_cache_dir
    if not directory.is_dir():
        yield Finding("definitions", True, f"{directory}: none yet; they are fetched when pings name them")
        return
    cache = RevisionCache(directory)
    broken: list[tuple[Path, str]] = []
    count = 0
    for cached in cache.list():
        count += 1
        try:
            cache.load(cached.revision)
        except (BrokenSpecFile, OSError) as error:
            broken.append((cached.path, str(error)))
    if broken:
        path, detail = broken[0]
        yield Finding("definitions", False, f"{path}: {detail}", f"replace it, or remove it: rm {path}")
    else:
        yield Finding("definitions", True, f"{count:,} revision{'' if count == 1 else 's'} in {directory}")


def inside(root: DataRoot) -> Iterator[Finding]:
    """What only the files of a data root tell."""
    if root.path.is_dir() and inaccessible_part(root) is None:
        yield from conversion(root)
        unfit = unfitness(root)
        if unfit is None:
            yield from strays(root)
            yield from queue(root)
        else:
            detail, _, fix = str(unfit).partition("; ")
            if not isinstance(unfit, UnfitLedger):
                fix = "free the disk, or see telemetry-server repair --dry-run"
            yield Finding("ledger", False, detail, fix)
        yield from locks(root)


def conversion(root: DataRoot) -> Iterator[Finding]:
    """Is it halted, or would it halt at its next turn?"""
    fix = "mend that; serve tries again by itself within a minute, convert at once"
    halt = ConversionState(root).read()
    if halt is not None:
        detail = f"halted since {halt.since:%Y-%m-%d %H:%M:%S} UTC: {halt.reason}"
        yield Finding("conversion", False, detail, fix)
        return
    lost = _lost_file(root)
    if lost is not None:
        yield Finding("conversion", False, f"it will halt: {LostFile(lost)}", fix)
    else:
        yield Finding("conversion", True, "not halted")


def _lost_file(root: DataRoot) -> str | None:
    """The first file that conversion would append to and that is shorter than what was committed."""
    try:
        if not root.ledger.exists():
            return None
        with Ledger(root.ledger, read_only=True) as ledger:
            files = ledger.files(open_only=True)
    except (StorageError, sqlite3.Error):
        return None  # the queue's check says so
    for file in files:
        path = root.path / file.path
        if not path.exists() or path.stat().st_size < file.length:
            return file.path
    return None


def strays(root: DataRoot) -> Iterator[Finding]:
    """Are there files that the ledger does not know?"""
    if not root.ledger.exists():
        yield Finding("ledger", True, "none yet; the first conversion makes it")
        return
    try:
        with Ledger.for_reading(root) as ledger:
            unknown = unknown_files(root, ledger) + [f"raw/{name}" for name in swept_segments(root, ledger)]
    except (StorageError, sqlite3.Error):
        return  # the queue says it
    if unknown:
        detail = f"{len(unknown):,} files that it does not know, such as {unknown[0]}"
        yield Finding("ledger", False, detail, "telemetry-server repair --dry-run shows what to do")
    else:
        yield Finding("ledger", True, "it is the one of these files, and knows them all")


def queue(root: DataRoot) -> Iterator[Finding]:
    """How long has the oldest submission waited, and for what?"""
    positions: Mapping[str, SegmentPosition] = {}
    pending = 0
    try:
        if root.ledger.exists():
            with Ledger.for_reading(root) as ledger:
                positions = ledger.positions()
                pending = len(ledger.pending())
    except (StorageError, sqlite3.Error) as error:
        yield Finding("ledger", False, str(error), "free the disk, or see telemetry-server repair --dry-run")
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
        yield Finding("queue", True, "nothing waits")


def locks(root: DataRoot) -> Iterator[Finding]:
    """Who holds a lock right now?  It ends with its holder, so a held one is never stale."""
    held = []
    for path in sorted(root.state.glob("*.lock")):
        lock = FileLock(path)
        if lock.acquire(wait=False):
            lock.release()
        else:
            held.append(path.stem)
    yield Finding(
        "locks", True, f"held by a live process: {', '.join(held)}" if held else "none is held right now"
    )
    for path in sorted(root.state.glob("*.lock")):
        if path.stat().st_uid != os.getuid() and os.getuid() != 0:
            yield _not_ours(root, f"{path} belongs to another user", "locks")
    left = sum(1 for _ in _leftovers(root))
    if left:
        yield Finding("locks", True, f"{left} unfinished imports are cleared by the next convert")


def _leftovers(root: DataRoot) -> Iterator[Path]:
    return root.staging.iterdir() if root.staging.is_dir() else iter(())
