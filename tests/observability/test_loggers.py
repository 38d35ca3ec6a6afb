"""Loggers: imported without the modules that only coloured tracebacks need."""

import subprocess
import sys

_PRINTS_RICH = """
import sys
from telemetry_server.observability.loggers import get_logger
get_logger("convert").bind()
assert "structlog" in sys.modules
print([name for name in sys.modules if name.split(".")[0] in ("rich", "pygments")])
import rich.console
"""


def test_loggers_do_not_import_rich_and_others_still_can():
    """The start of every process is shorter; a progress bar imports rich afterwards."""
    done = subprocess.run([sys.executable, "-c", _PRINTS_RICH], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


_LINES_IN_THREADS = """
import sys, threading
from telemetry_server.observability import loggers
count = 0
hide = loggers._hidden
def counted(package):
    global count
    count += 1
    return hide(package)
loggers._hidden = counted
log = loggers.get_logger("convert")
threads = [threading.Thread(target=lambda: [log.bind() for _ in range(50)]) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(count, "rich" in sys.modules)
"""


def test_the_first_lines_of_several_threads_hide_rich_once():
    """Later a progress bar may be importing it while another thread logs."""
    done = subprocess.run(
        [sys.executable, "-c", _LINES_IN_THREADS], capture_output=True, text=True, check=True
    )

    assert (done.stdout, done.stderr) == ("1 False\n", "")
