"""Enters the copies of the archive into a rebuilt ledger."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from storage.archive.known_copies import KnownCopies
from storage.ledger.archived_files import LocalCopies
from storage.ledger.ledger import Ledger
from telemetry_server.repair.inventory import KnownFile


def enter_copies(path: Path, root: Path, files: Sequence[KnownFile], copies: KnownCopies) -> None:
    """
    Note in the ledger at *path* which of *files* (below *root*) have a copy in the archive.

    Other objects, such as those of tables, which are made anew, are deleted by the next run of the archive.
    """
    if copies.archive is None:
        return
    kept = {file.found.path: file.archived for file in files if file.archived and file.wanted is None}
    local: defaultdict[str, bool] = defaultdict(lambda: True)
    for found in copies.objects.values():
        local[found.day] &= found.path not in kept or (root / found.path).exists()
    with Ledger(path) as ledger, ledger.transaction() as transaction:
        transaction.put_archive(copies.archive)
        for found in copies.objects.values():
            if kept.get(found.path) == found:
                transaction.put_archived(found)
            else:
                transaction.remove_object(found.key, found.day)
        for day, is_local in local.items():
            transaction.put_archived_day(day, LocalCopies.KEPT if is_local else LocalCopies.DROPPED)
