"""One run of the archive, as a process of its own: ``python -m … DATA_ROOT URL KEEPS_LOCAL WITH_TABLES``."""

import os
import sys
from pathlib import Path

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import StorageError
from telemetry_server.archive.run import ArchiveBusy, ArchivePlan, archive_days
from telemetry_server.supervision.short_process_input import leave_with_parent

LOWEST_PRIORITY = 19  # nice(2)


def main() -> int:
    """Archive what is due; 1 if something is left."""
    os.umask(0o077)
    os.nice(LOWEST_PRIORITY)
    leave_with_parent()
    root, url, keeps_local, tables = sys.argv[1:]
    plan = ArchivePlan(url, keeps_local == "True", tables == "True")
    status = 0
    try:
        for result in archive_days(DataRoot(Path(root)), Disk(), plan):
            if result.problem and not result.will_close:
                print(result.problem, file=sys.stderr)
                status = 1
    except ArchiveBusy:
        return status  # the command archives the same days
    except (OSError, StorageError) as error:
        print(error, file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
