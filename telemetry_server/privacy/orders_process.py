"""
One pass over deletion orders: ``python -m telemetry_server.privacy.orders_process DATA_ROOT``.

The first line of stdin has the settings as JSON; the end of stdin ends the process.
"""

import json
import os
import sys
from pathlib import Path
from threading import Thread

from storage.data_root import DataRoot
from storage.disk import Disk
from telemetry_server.privacy.forget import Forgetter
from telemetry_server.privacy.forget_report import FuelUrls

LOWEST_PRIORITY = 19  # nice(2)
SEGMENT_WAIT_SECONDS = 60.0


def _first_line() -> bytes:
    # Unbuffered: a thread inside the buffered stdin makes Python abort when it ends.
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line


def _leave_with_parent() -> None:
    """Exit when stdin ends: the parent is gone."""
    while os.read(0, 1):
        pass
    os._exit(1)


def main() -> int:
    """Carry out the orders that are due, and bring the index up to date; 1 if something is left."""
    os.umask(0o077)
    os.nice(LOWEST_PRIORITY)
    settings = json.loads(_first_line())
    Thread(target=_leave_with_parent, name="lifeline", daemon=True).start()
    forgetter = Forgetter(
        DataRoot(Path(sys.argv[1])),
        Disk(),
        fuel=FuelUrls(settings["fuel_collector"], settings["fuel_analytics"]),
        wait_seconds=SEGMENT_WAIT_SECONDS,
    )
    report = forgetter.carry_out(settings["delay_days"])
    forgetter.update_index()
    for line in report.left:
        print(line, file=sys.stderr)
    return 1 if report.left else 0


if __name__ == "__main__":
    sys.exit(main())
