"""Checks of the archive of closed days."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from storage.archive.day_commit import OWNER_KEY
from storage.archive.object_store import opened_store
from storage.data_root import DataRoot
from storage.errors import ArchiveError, LedgerError
from storage.ledger.archived_files import Archive, LocalCopies
from storage.ledger.ledger import Ledger
from telemetry_server.archive.run import due_days
from telemetry_server.composition.archive import archive_plan_of
from telemetry_server.composition.data_root import inaccessible_part
from telemetry_server.diagnostics.finding import Finding
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings

CHECK = "archive"
OLDEST_DAY = timedelta(days=2)


def archive_of_days(settings: Settings, root: DataRoot) -> Iterator[Finding]:
    """Check that the archive answers, and that closed days get there; nothing without an archive."""
    if not root.path.is_dir() or inaccessible_part(root) is not None:
        return
    try:
        with Ledger.for_reading(root) as ledger:
            archive = ledger.archive()
            dropped = [day for day, local in ledger.archived_days().items() if local is LocalCopies.DROPPED]
    except LedgerError:
        return  # the check of the ledger says so
    if archive is None and not settings.archive_to:
        return
    try:
        yield _state(settings, root, archive, dropped)
    except ConfigurationError as error:
        yield Finding(CHECK, False, str(error), "correct archive_to")
    except ArchiveError as error:
        fix = "see to the archive; days that are only there cannot be read meanwhile"
        yield Finding(CHECK, False, str(error), fix)


def _state(settings: Settings, root: DataRoot, archive: Archive | None, dropped: list[str]) -> Finding:
    """
    Return what is wrong with the archive, or how many days it has.

    Raises:
        ConfigurationError: The setting is wrong.
        ArchiveError: The archive does not answer.
    """
    if archive is not None and not settings.archive_to:
        return Finding(
            CHECK,
            False,
            f"{len(dropped):,} days are only in {archive.url}, and archive_to is not set: no day is added",
            f"set archive_to to {archive.url}",
        )
    plan = archive_plan_of(settings)
    if archive is not None and opened_store(archive.url).size(OWNER_KEY) is None:
        return Finding(CHECK, False, f"{archive.url}: nothing of an archive is there", "correct archive_to")
    now = datetime.now(UTC)
    late = [day for day in due_days(root, plan, lambda: now) if day < f"{now - OLDEST_DAY:%Y%m%d}"]
    if late:
        detail = f"{len(late):,} closed days are not archived, the oldest is {late[0]}"
        return Finding(CHECK, False, detail, "run telemetry-server archive run, which says why")
    place = plan.url if archive is None else archive.url
    return Finding(CHECK, True, f"{place} answers; {len(dropped):,} days are only there")
