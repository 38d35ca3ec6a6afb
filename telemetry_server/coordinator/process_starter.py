"""
The starter: a small process that forks conversion processes for the coordinator.

A forked process needs no imports of its own, and shares the memory of imported modules.  The
coordinator itself has threads, and a fork would copy locks that they hold.  So it forks the starter before
it has threads.  The starter never has any: it forks a process whenever the coordinator
sends it a socket.  As soon as the coordinator is gone, it kills its processes and ends.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from telemetry_server.coordinator.conversion_process import run_conversion_process
from telemetry_server.supervision.interpreter import has_one_thread, python_words

DESCRIPTORS = Path("/proc/self/fd")
# The coordinator decides when work ends; a terminal's Ctrl-C reaches all processes.
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
REQUEST = b"\0"
STANDARD_STREAMS = (0, 1, 2)
FAULT = 70


class ProcessStarter:
    """
    Starts conversion processes; `close` ends them.

    Make it before the process has threads.  Otherwise, and if the starter dies, a new interpreter becomes the
    starter as soon as a process is needed.
    """

    def __init__(self) -> None:
        self._control: socket.socket | None = None
        self._wait: Callable[[], object] = lambda: None
        if has_one_thread():
            self._fork()

    def start(self) -> socket.socket:
        """
        Return the socket of a new conversion process; if that cannot start, the other end is closed.

        Raises:
            OSError: There can be no starter.
        """
        here, there = socket.socketpair()
        with there, _closed_on_error(here):
            try:
                self._request(there)
            except ConnectionError:  # the starter died
                self.close()
                self._request(there)
        return here

    def _request(self, connection: socket.socket) -> None:
        if self._control is None:
            self._execute()
        assert self._control is not None
        socket.send_fds(self._control, [REQUEST], [connection.fileno()])

    def _fork(self) -> None:
        here, there = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, IGNORED)
        pid = os.fork()
        if not pid:
            _run_forked(there, mask)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        there.close()
        self._control, self._wait = here, lambda: os.waitpid(pid, 0)

    def _execute(self) -> None:
        if not os.access(sys.executable, os.X_OK):
            raise OSError(
                f"{sys.executable} is not executable for this user, but conversion processes need it:"
                " install the server in a folder that its user can read"
            )
        here, there = socket.socketpair()
        with there, _closed_on_error(here):
            words = [*python_words(), "-m", __name__, str(there.fileno())]
            process = subprocess.Popen(words, pass_fds=[there.fileno()])  # noqa: S603 - this program
        self._control, self._wait = here, process.wait

    def close(self) -> None:
        """End the starter and its processes, and wait for them: so their CPU time counts for this process."""
        if self._control is not None:
            self._control.close()
            self._control = None
            self._wait()


@contextmanager
def _closed_on_error(connection: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _run_forked(control: socket.socket, mask: set[int | signal.Signals]) -> NoReturn:
    """Be the starter, in a process that was just forked from the coordinator."""
    status = FAULT
    try:
        signal.set_wakeup_fd(-1)  # that of the coordinator's event loop
        _ignore_signals()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _close_inherited(control.fileno())
        _start_processes(control)
        status = 0
    finally:
        os._exit(status)


def _close_inherited(kept: int) -> None:
    """Close the coordinator's files and sockets, which would otherwise stay open without it."""
    for path in list(DESCRIPTORS.iterdir()):
        if int(path.name) not in (*STANDARD_STREAMS, kept):
            with suppress(OSError):  # that of the folder itself
                os.close(int(path.name))


def _ignore_signals() -> None:
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)


def _start_processes(control: socket.socket) -> None:
    """Fork a process for each socket that comes through *control*; at its end kill them all."""
    processes: set[int] = set()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, len(REQUEST), 1)
        processes -= {pid for pid in processes if os.waitpid(pid, os.WNOHANG)[0]}
        if not message:
            break
        with socket.socket(fileno=descriptors[0]) as connection:
            try:
                pid = os.fork()
            except OSError:  # too little memory: the coordinator sees that the socket is closed
                continue
            if not pid:
                _run_process(control, connection)
        processes.add(pid)
    for pid in processes:
        os.kill(pid, signal.SIGKILL)
    for pid in processes:
        os.waitpid(pid, 0)


def _run_process(control: socket.socket, connection: socket.socket) -> NoReturn:
    status = FAULT
    try:
        control.close()
        run_conversion_process(connection)
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


if __name__ == "__main__":
    _ignore_signals()
    _start_processes(socket.socket(fileno=int(sys.argv[1])))
