"""
Updates the aggregates on request: ``python -m telemetry_server.aggregates.update_process DATA_ROOT``.

Each line on stdin asks for one update.  The answer is a line of JSON on stdout: ``error``, null or what
went wrong, and ``ends``, whether the process ends now because the update took much memory.  It ends with
stdin too.
"""

import json
import os
import sys
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from storage.data_root import DataRoot
from storage.disk import Disk
from telemetry_server.aggregates.update import Updater

LOWEST_PRIORITY = 19  # nice(2)
MAX_KEPT_BYTES = 110 << 20  # a process that holds more ends, so that the memory goes back


def _read_requests(requests: SimpleQueue[None]) -> None:
    """Queue a request for each line on stdin, and exit when it ends: the parent is gone."""
    # Unbuffered: a thread inside the buffered stdin makes Python abort when it ends.
    while data := os.read(0, 1):
        if data == b"\n":
            requests.put(None)
    os._exit(0)


def _resident_bytes() -> int:
    """Return the memory that this process holds (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Answer requests until stdin ends or much memory was needed."""
    import pyarrow as pa

    os.umask(0o077)
    os.nice(LOWEST_PRIORITY)  # behind the conversion of the pings that come meanwhile
    pa.set_cpu_count(1)  # the other cores are for those who receive and convert
    requests: SimpleQueue[None] = SimpleQueue()
    Thread(target=_read_requests, args=(requests,), name="requests", daemon=True).start()
    updater = Updater(DataRoot(Path(sys.argv[1])), Disk())
    ends = False
    while not ends:
        requests.get()
        error = None
        try:
            updater.update()
        except Exception as caught:
            error = str(caught) or type(caught).__name__
        pa.default_memory_pool().release_unused()  # else PyArrow keeps it for the next update
        ends = _resident_bytes() > MAX_KEPT_BYTES
        print(json.dumps({"error": error, "ends": ends}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
