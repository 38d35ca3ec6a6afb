"""Compares every object of the archive with its checksum."""

from collections.abc import Callable, Iterator

from storage.archive.object_reading import check_object
from storage.errors import DamagedObject
from storage.ledger.ledger import Ledger


def damaged_objects(
    ledger: Ledger, day: str | None = None, on_bytes: Callable[[int], None] = lambda _: None
) -> Iterator[str]:
    """
    Yield what is wrong with the objects of *day* (YYYYMMDD), or of all days, one line each.

    Raises:
        ArchiveError: The archive cannot be read.
    """
    for found in ledger.archived_objects(day).values():
        try:
            check_object(found)
        except DamagedObject as error:
            # A file that was replaced since the list was read is not a finding.
            if ledger.archived_object(found.path) == found:
                yield str(error)
        on_bytes(found.length)
