"""
Forks processes that wait for a signal to start; the parent has imported everything.

A test can attach a tracer to such a process first, so that system calls are counted from the
start of the work, not of the interpreter; and starting takes only milliseconds.
"""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.support.waiting import PATIENCE_SECONDS

# What the actions import when they run.  Imported here, no injected fault hits the import instead of the
# work, and hundreds of workers do not repeat it.  The first makes PyArrow use the product's allocator.
IMPORTED_LATE = ("storage.tables.memory", "pyarrow.parquet", "prometheus_client", "_strptime")


class Worker:
    """A forked process.  It waits until `go`."""

    def __init__(self, server: "ForkServer", pid: int) -> None:
        self.pid = pid
        self._server = server
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
            self._status = int(self._server.ask({"wait": self.pid}))
        return self._status


class ForkServer:
    """Forks workers that each run a function of `tests.support.fault_actions`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fork_server"],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, what: dict[str, Any]) -> str:
        """Send a request, and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def fork(self, action: str, **arguments: Any) -> Worker:
        """Return a process that waits, and runs *action* after `go`."""
        return Worker(self, int(self.ask({"action": action, "arguments": arguments})))

    def run(self, action: str, **arguments: Any) -> int:
        """Run *action* to its end; return its exit status."""
        worker = self.fork(action, **arguments)
        worker.go()
        return worker.wait()

    def close(self) -> None:
        """End the server; its workers must have ended before."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@contextmanager
def fork_server() -> Iterator[ForkServer]:
    """Yield a fork server."""
    server = ForkServer()
    try:
        yield server
    finally:
        server.close()


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


def _serve() -> None:
    from tests.support import fault_actions

    for module in IMPORTED_LATE:
        import_module(module)
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            _, status = os.waitpid(asked["wait"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        pid = os.fork()
        if not pid:
            # Only the server writes to the pipe of answers.
            os.dup2(2, 1)
            os.close(0)
            os.kill(os.getpid(), signal.SIGSTOP)
            status = 99
            try:
                status = getattr(fault_actions, asked["action"])(**asked["arguments"])
            except BaseException:
                if os.environ.get("FAULTS_TRACEBACK"):
                    traceback.print_exc()
                status = 98
            finally:
                os._exit(status)
        print(pid, flush=True)


if __name__ == "__main__":
    _serve()
