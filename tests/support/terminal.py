"""Commands on a terminal of their own."""

import contextlib
import os
import pty
import sys
from collections.abc import Sequence


def shown_on_terminal(words: Sequence[str]) -> bytes:
    """Run ``telemetry-server`` *words* on a terminal; return what it has shown there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execv(sys.executable, [sys.executable, "-m", "telemetry_server", *words])
    shown = b""
    with contextlib.suppress(OSError):  # the terminal is closed
        while data := os.read(terminal, 1 << 16):
            shown += data
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert status == 0, shown
    return shown
