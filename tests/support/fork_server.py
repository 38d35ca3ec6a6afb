"""
Forks processes that wait for a signal to start.

A test can attach a tracer to such a process first, so that system calls are counted from the start of the
work.
"""

import os
import signal
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.forking import Forker
from tests.support.waiting import PATIENCE_SECONDS

# What the actions import when they run.  Imported before, no injected fault hits the import instead of the
# work, and hundreds of workers do not repeat it.  The first makes PyArrow use the product's allocator.
IMPORTED_LATE = ("storage.tables.memory", "pyarrow.parquet", "prometheus_client", "_strptime")


class Worker:
    """A forked process.  It waits until `go`."""

    def __init__(self, forker: Forker, pid: int) -> None:
        self.pid = pid
        self._forker = forker
        self._status: int | None = None
        wait_for_state(pid, "T")

    def go(self) -> None:
        """Start the work."""
        os.kill(self.pid, signal.SIGCONT)

    def stand_still(self) -> None:
        """Stop the process; return when all its threads have stopped."""
        os.kill(self.pid, signal.SIGSTOP)
        wait_for_state(self.pid, "T")

    def kill(self) -> None:
        """SIGKILL."""
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for the end; return the exit status, negative for a signal."""
        if self._status is None:
            self._status = self._forker.status_of(self.pid)
        return self._status


class ForkServer:
    """Forks workers that each run a function of `tests.support.fault_actions`."""

    def __init__(self) -> None:
        modules = ("tests.support.fault_actions", "tests.support.fork_server")
        self._forker = Forker([*modules, *IMPORTED_LATE])

    def fork(self, action: str, **arguments: Any) -> Worker:
        """Return a process that waits, and runs *action* after `go`."""
        function = "tests.support.fork_server:run_action"
        return Worker(self._forker, self._forker.fork(function, action=action, arguments=arguments))

    def run(self, action: str, **arguments: Any) -> int:
        """Run *action* to its end; return its exit status."""
        worker = self.fork(action, **arguments)
        worker.go()
        return worker.wait()

    def close(self) -> None:
        """End the server."""
        self._forker.close()


def run_action(_: Sequence[int], action: str, arguments: dict[str, Any]) -> None:
    """Wait for SIGCONT, and run the action in this process, which was forked for it."""
    from tests.support import fault_actions

    os.kill(os.getpid(), signal.SIGSTOP)
    status = 99
    try:
        status = getattr(fault_actions, action)(**arguments)
    except BaseException:
        if os.environ.get("FAULTS_TRACEBACK"):
            traceback.print_exc()
        status = 98
    finally:
        os._exit(status)


def wait_for_state(pid: int, state: str) -> None:
    """Return when all threads of *pid* have *state* in /proc, or when the process has ended."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            states = {
                (task / "stat").read_text().rpartition(")")[2].split()[0]
                for task in Path(f"/proc/{pid}/task").iterdir()
            }
        except (FileNotFoundError, ProcessLookupError):
            states = {"gone"} if not Path(f"/proc/{pid}").exists() else set()
        if states and states <= {state, "Z", "gone"}:
            return
        time.sleep(0.002)
    raise TimeoutError(f"process {pid} is not in state {state}")
