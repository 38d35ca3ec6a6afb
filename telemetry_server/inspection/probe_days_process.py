"""
Brings the kept sums of all days up to date, as a process of its own.

The first line of stdin has a pickled `Work` in base64; the end of stdin ends the process.
"""

import base64
import os
import pickle
import sys

from storage.disk import Disk
from storage.errors import StorageError
from storage.ledger.ledger import Ledger
from storage.probe_days import path_of, remove_probe_days, write_probe_day
from telemetry_server.inspection.probe_days import ProbeDays, Work, days_of
from telemetry_server.supervision.short_process_input import first_line, leave_with_parent

LOWEST_PRIORITY = 19  # nice(2)


def update(work: Work, disk: Disk) -> None:
    """
    Write the sums of each day that has changed, and remove those of days without records.

    Raises:
        OSError, StorageError: The disk refuses; the days that were finished stay.
    """
    root = work.setup.root
    days = []
    with Ledger.for_reading(root) as ledger:
        reader = ProbeDays(root, ledger, work.setup.probe_checks(), work.suppress_below)
        for day in days_of(ledger):
            found = reader.day(day)
            if found is None:
                continue
            days.append(day)
            if found.is_changed:
                write_probe_day(root, disk, day, reader.text_of(found))
                # A deletion removes the file after its commit: sums from before must not come back.
                if not reader.is_covered(day, found):
                    disk.unlink(path_of(root, day))
    remove_probe_days(root, disk, keep=days)


def main() -> int:
    """Update the sums; return 1 if it failed."""
    os.umask(0o077)
    os.nice(LOWEST_PRIORITY)  # conversion of new pings goes first
    work: Work = pickle.loads(base64.b64decode(first_line()))  # noqa: S301 - from our own parent
    leave_with_parent()
    try:
        update(work, Disk())
    except (OSError, StorageError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
