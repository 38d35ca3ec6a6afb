"""
One pass over deletion orders: ``python -m telemetry_server.privacy.orders_process DATA_ROOT``.

The first line of stdin has the settings as JSON; the end of stdin ends the process.
"""

import json
import os
import sys
from pathlib import Path

from storage.data_root import DataRoot
from storage.disk import Disk
from telemetry_server.privacy.forget import Forgetter
from telemetry_server.privacy.forget_report import FuelUrls
from telemetry_server.supervision.short_process_input import first_line, leave_with_parent

LOWEST_PRIORITY = 19  # nice(2)
SEGMENT_WAIT_SECONDS = 60.0


def main() -> int:
    """Carry out the orders that are due, and bring the index up to date; 1 if something is left."""
    os.umask(0o077)
    os.nice(LOWEST_PRIORITY)
    settings = json.loads(first_line())
    leave_with_parent()
    forgetter = Forgetter(
        DataRoot(Path(sys.argv[1])),
        Disk(),
        fuel=FuelUrls(settings["fuel_collector"], settings["fuel_analytics"]),
        opens_bodies=settings["opens_bodies"],
        wait_seconds=SEGMENT_WAIT_SECONDS,
    )
    report = forgetter.carry_out(settings["delay_days"])
    forgetter.update_index()
    for line in report.left:
        print(line, file=sys.stderr)
    return 1 if report.left else 0


if __name__ == "__main__":
    sys.exit(main())
