"""
A process that has imported what others need, and forks them.

A forked process has its own pid, files, environment and signals.  Only its start differs: it takes
milliseconds, where the interpreter and the imports take most of a second.  So tests whose subject is not the
start of a program fork it.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

MAX_MESSAGE_BYTES = 1 << 20
MAX_DESCRIPTORS = 2


class Forker:
    """
    The process that forks; it ends at `close`, or when this process ends.

    Args:
        modules: What it imports; none of them may start a thread.
        environment: Variables that it has beside those of this process.
    """

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forking", str(theirs.fileno()), *modules],
                cwd=Path(__file__).resolve().parents[2],
                pass_fds=[theirs.fileno()],
                env=os.environ | (environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        atexit.register(self.close)

    def fork(self, function: str, descriptors: Sequence[int] = (), **arguments: Any) -> int:
        """
        Return the pid of a new process, which calls *function* and ends with what it returns.

        *function* is ``module:name``.  It gets the list of its own *descriptors*, and *arguments*.
        """
        return self._ask({"function": function, "arguments": arguments}, descriptors)

    def status_of(self, pid: int) -> int:
        """Wait for the end of a forked process; return its exit status, negative for a signal."""
        return self._ask({"wait": pid})

    def close(self) -> None:
        """End the process that forks; those that it has forked may run on."""
        atexit.unregister(self.close)
        self._socket.close()
        self._process.wait()

    def _ask(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> int:
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(message).encode()], descriptors)
            return int(self._socket.recv(MAX_MESSAGE_BYTES))


class _Call(NamedTuple):
    function: str
    descriptors: list[int]
    arguments: dict[str, Any]


def _fork_until_closed(control: socket.socket) -> _Call | None:
    """Return in each forked process what it has to call; in this one None, when the socket is closed."""
    while True:
        text, descriptors, _, _ = socket.recv_fds(control, MAX_MESSAGE_BYTES, MAX_DESCRIPTORS)
        if not text:
            return None
        message = json.loads(text)
        if "wait" in message:
            _, status = os.waitpid(message["wait"], 0)
            control.send(str(os.waitstatus_to_exitcode(status)).encode())
            continue
        pid = os.fork()
        if not pid:
            control.close()
            return _Call(message["function"], descriptors, message["arguments"])
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(str(pid).encode())


def main() -> None:
    """Import the modules, and fork until the socket is closed."""
    for name in sys.argv[2:]:
        import_module(name)
    assert threading.active_count() == 1
    call = _fork_until_closed(socket.socket(fileno=int(sys.argv[1])))
    if call is not None:
        module, _, name = call.function.partition(":")
        sys.exit(getattr(import_module(module), name)(call.descriptors, **call.arguments))


if __name__ == "__main__":
    main()
