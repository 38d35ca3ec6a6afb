"""Loggers: imported without the modules that only coloured tracebacks need."""

import subprocess
import sys

_PRINTS_RICH = """
import sys
from telemetry_server.observability.loggers import get_logger
get_logger("convert")
print([name for name in sys.modules if name.split(".")[0] in ("rich", "pygments")])
import rich.console
"""


def test_loggers_do_not_import_rich_and_others_still_can():
    """The start of every process is shorter; a progress bar imports rich afterwards."""
    done = subprocess.run([sys.executable, "-c", _PRINTS_RICH], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
