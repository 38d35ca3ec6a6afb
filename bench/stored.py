"""Counts the stored records of a data root."""

import time
from pathlib import Path

from storage.ledger.ledger import Ledger

PAUSE_SECONDS = 0.01


def stored_records(data: Path) -> int:
    """Return the number of records that are stored below *data* now."""
    path = data / "state" / "ledger.sqlite"
    if not path.exists():
        return 0
    with Ledger(path, read_only=True) as ledger:
        return sum(file.records for file in ledger.files("converted"))


def wait_until_stored(data: Path, records: int, *, within_seconds: float) -> float:
    """
    Wait until *records* records are stored; return how long that took, in seconds.

    Raises:
        TimeoutError: They were not stored in time.
    """
    start = time.monotonic()
    while stored_records(data) < records:
        if time.monotonic() - start > within_seconds:
            raise TimeoutError(f"{records} records were not stored in {within_seconds:.0f} s")
        time.sleep(PAUSE_SECONDS)
    return time.monotonic() - start
