"""One update of the aggregates: ``python -m telemetry_server.aggregates.update_process DATA_ROOT``."""

import os
import sys
from pathlib import Path
from threading import Thread

from storage.data_root import DataRoot
from storage.disk import Disk
from telemetry_server.aggregates.update import TablesKeepChanging, Updater

LOWEST_PRIORITY = 19  # nice(2)


def _leave_with_parent() -> None:
    """Exit when stdin ends: the parent is gone."""
    # Unbuffered: a thread inside the buffered stdin makes Python abort when it ends.
    while os.read(0, 1):
        pass
    os._exit(1)


def main() -> int:
    """Bring the aggregates up to date; 1 if they are not."""
    import pyarrow as pa

    os.umask(0o077)
    os.nice(LOWEST_PRIORITY)  # behind the conversion of the pings that come meanwhile
    pa.set_cpu_count(1)  # the other cores are for those who receive and convert
    Thread(target=_leave_with_parent, name="lifeline", daemon=True).start()
    try:
        result = Updater(DataRoot(Path(sys.argv[1])), Disk()).update()
    except TablesKeepChanging as error:
        print(error, file=sys.stderr)
        return 1
    for overflow in result.overflows:
        print(f"left out, a sum is past 2^63 - 1: {overflow}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
