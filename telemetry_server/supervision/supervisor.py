"""
Keeps processes running: starts and restarts them, passes signals on, and waits while they drain.

The parent runs no threads and no event loop, so that forking is safe at any
time.  Each child holds the reading end of a lifeline, a pipe that only the parent
can write to: if the parent is killed, the children see the end of the pipe.

Children that announce themselves start first, and the others when these are ready:
clients wait for the former, and on a small machine both would share the cores.
"""

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import NoReturn

from telemetry_server.observability.events import ProcessDied, ServerStopping
from telemetry_server.supervision.systemd import sd_notify
from telemetry_server.terminal.client_text import shown

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# A child that such a signal killed had not installed its handler, so it had not worked yet.  A terminal
# sends SIGINT to all processes, and closing it SIGHUP.
CLEAN_ENDS = (0, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)
READY = signal.SIGUSR1  # from a child, after its byte in the pipe
WATCHED = (*STOP_SIGNALS, signal.SIGHUP, signal.SIGCHLD, READY)
MAX_DEATHS_AT_ONCE = 5
AT_ONCE_SECONDS = 5.0
FIRST_BACK_OFF_SECONDS = 0.1
MAX_BACK_OFF_SECONDS = 5.0
MAX_PAUSE_SECONDS = 60.0  # before another start of a child that is not vital
OTHERS_WITHIN_SECONDS = 2.0  # the longest wait of other children for those that announce
LOOK_AGAIN_SECONDS = 30.0  # signals end the wait earlier
KILL_AFTER_DRAIN_SECONDS = 3.0  # longer than children need after their own timeout
OUR_FAULT = 70


@dataclass(frozen=True, slots=True)
class Child:
    """
    A process to keep running.

    *run* is called in the child and returns its exit status.  Its arguments are the lifeline's
    descriptor, and a function that the child calls when it is ready, if *announces* is set.
    A child that is not vital is restarted for ever, after growing pauses; *on_death* is
    called in the parent with how it ended and the pause in seconds.
    """

    role: str
    run: Callable[[int, Callable[[], None]], int]
    announces: bool = False
    is_vital: bool = True
    on_death: Callable[[str, float], None] | None = None


@dataclass(slots=True)
class _Place:
    """The place of a child that runs or waits for its next start."""

    child: Child
    pid: int = 0
    started: float = 0.0  # the last start; 0 before the first one
    start_at: float = 0.0
    deaths_at_once: int = 0
    statuses: list[str] = field(default_factory=list)


class Supervisor:
    """
    Runs *children* until a signal stops it.

    SIGTERM and SIGINT are passed on as SIGTERM; a second one kills all children.
    SIGHUP is passed on, and starts waiting children at once.  One that was held back
    before `run` counts too.  A child that dies is restarted after growing pauses; the
    server ends when a vital child dies five times in a row soon after its start.

    Args:
        on_ready: Called once, when every announcing child is ready.
        on_hangup: Called on SIGHUP; it reads files again, so that later children use the new ones.
    """

    def __init__(
        self,
        children: Sequence[Child],
        on_ready: Callable[[], None],
        on_hangup: Callable[[], None] = lambda: None,
        *,
        drain_timeout_seconds: float,
    ) -> None:
        self._places = [_Place(child) for child in children]
        self._drain_timeout_seconds = drain_timeout_seconds
        self._on_ready = on_ready
        self._on_hangup = on_hangup
        self._awaited = sum(child.announces for child in children)
        self._lifeline_read, self._lifeline_write = os.pipe()
        self._ready_read, self._ready_write = os.pipe()
        os.set_blocking(self._ready_read, False)

    def run(self) -> int:
        """
        Run the children until a signal stops them.

        Returns:
            0 after a clean stop, 1 if something had to be cut off, 70 if a child would not stay up.
        """
        if threading.active_count() > 1:
            raise RuntimeError("the supervisor forks, so it must be started before any thread")
        # Memory stays shared with the children as long as the garbage collector does not touch it.
        gc.freeze()
        old_mask = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        try:
            return self._run(old_mask - {signal.SIGHUP})
        finally:
            # A pending signal would end this process and replace its exit status.
            old_handlers = {
                number: signal.signal(number, signal.SIG_IGN) for number in (READY, signal.SIGHUP)
            }
            signal.pthread_sigmask(signal.SIG_SETMASK, old_mask)
            for number, handler in old_handlers.items():
                signal.signal(number, handler)
            for descriptor in (
                self._lifeline_read,
                self._lifeline_write,
                self._ready_read,
                self._ready_write,
            ):
                os.close(descriptor)

    def _run(self, mask: set[int | signal.Signals]) -> int:
        if self._awaited:
            self._start_others_at(monotonic() + OTHERS_WITHIN_SECONDS)
        while True:
            self._start_due(mask)
            received = signal.sigtimedwait(WATCHED, self._next_look())
            number = received.si_signo if received is not None else None
            if number in STOP_SIGNALS:
                ServerStopping(signal.Signals(number).name).emit()
                return self._stop(0)
            self._count_ready()
            if number == signal.SIGHUP:
                self._read_again()
                self._pass_on(signal.SIGHUP)
                for waiting in self._places:
                    waiting.start_at = 0.0
            for place, status in self._reap():
                if not self._note_death(place, status):
                    return self._stop(OUR_FAULT)

    def _start_others_at(self, moment: float) -> None:
        for place in self._places:
            if not place.child.announces and not place.started:
                place.start_at = moment

    def _start_due(self, mask: set[int | signal.Signals]) -> None:
        now = monotonic()
        for place in self._places:
            if not place.pid and place.start_at <= now:
                place.started = now
                place.pid = self._fork(place.child, mask)

    def _fork(self, child: Child, mask: set[int | signal.Signals]) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if not pid:
            self._run_child(child, mask)
        return pid

    def _run_child(self, child: Child, mask: set[int | signal.Signals]) -> NoReturn:
        """Run *child* in this new process; never return to the code of the parent."""
        status = OUR_FAULT
        try:
            os.close(self._lifeline_write)
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            status = child.run(self._lifeline_read, self._announce)
        except BaseException as error:
            text = shown(f"{type(error).__name__}: {error}")
            print(f"telemetry-server {child.role}: {text}", file=sys.stderr)
            if os.environ.get("TELEMETRY_TRACEBACK") == "1":
                sys.excepthook(type(error), error, error.__traceback__)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _announce(self) -> None:
        """Report to the parent, from a child, that the child is ready."""
        os.write(self._ready_write, b"\0")
        os.kill(os.getppid(), READY)

    def _count_ready(self) -> None:
        if self._awaited <= 0:
            return
        try:
            self._awaited -= len(os.read(self._ready_read, 1 << 10))
        except BlockingIOError:
            return
        if self._awaited <= 0:
            self._start_others_at(0.0)
            self._on_ready()
            sd_notify("READY=1")

    def _next_look(self) -> float:
        now = monotonic()
        waits = [place.start_at - now for place in self._places if not place.pid]
        return max(0.0, min([LOOK_AGAIN_SECONDS, *waits]))

    def _reap(self) -> list[tuple[_Place, int]]:
        """Return the places whose child ended, with its exit status; negative for a signal."""
        ended = []
        for place in self._places:
            if not place.pid:
                continue
            pid, status = os.waitpid(place.pid, os.WNOHANG)
            if pid:
                ended.append((place, os.waitstatus_to_exitcode(status)))
        return ended

    def _note_death(self, place: _Place, status: int) -> bool:
        """Plan the next start; False if there have been too many deaths."""
        pid, place.pid = place.pid, 0
        if status == -signal.SIGHUP:
            # It had not installed its handler yet.  Started again, it reads the new files.
            place.start_at = 0.0
            return True
        text = f"signal {-status}" if status < 0 else f"status {status}"
        ProcessDied(place.child.role, pid, text).emit()
        now = monotonic()
        is_vital = place.child.is_vital
        if now - place.started >= (AT_ONCE_SECONDS if is_vital else MAX_PAUSE_SECONDS):
            place.deaths_at_once = 0
        place.deaths_at_once += 1
        if is_vital and place.deaths_at_once >= MAX_DEATHS_AT_ONCE:
            print(
                f"telemetry-server: the {place.child.role} process ended {MAX_DEATHS_AT_ONCE} times "
                f"in a row as soon as it had started (last: {text}); giving up: see the lines above",
                file=sys.stderr,
            )
            return False
        back_off = FIRST_BACK_OFF_SECONDS * 2 ** min(place.deaths_at_once - 1, 20)
        back_off = min(back_off, MAX_BACK_OFF_SECONDS if is_vital else MAX_PAUSE_SECONDS)
        place.start_at = now + back_off
        if place.child.on_death is not None:
            place.child.on_death(text, back_off)
        return True

    def _read_again(self) -> None:
        try:
            self._on_hangup()
        except (
            Exception
        ) as error:  # children run with what was read before: an invalid file must not end the server
            print(f"telemetry-server: {shown(f'{type(error).__name__}: {error}')}", file=sys.stderr)

    def _pass_on(self, number: int) -> None:
        for place in self._places:
            if place.pid:
                os.kill(place.pid, number)

    def _stop(self, status: int) -> int:
        """Stop all children, wait while they drain, and return the exit status."""
        sd_notify("STOPPING=1")
        self._pass_on(signal.SIGTERM)
        deadline = monotonic() + self._drain_timeout_seconds + KILL_AFTER_DRAIN_SECONDS
        while any(place.pid for place in self._places):
            for place, ended in self._reap():
                place.pid = 0
                status = status or (0 if ended in CLEAN_ENDS else 1)
            if not any(place.pid for place in self._places):
                break
            left = deadline - monotonic()
            received = signal.sigtimedwait(WATCHED, max(0.0, min(left, LOOK_AGAIN_SECONDS)))
            if left <= 0 or (received is not None and received.si_signo in STOP_SIGNALS):
                return self._kill_all()
        return status

    def _kill_all(self) -> int:
        self._pass_on(signal.SIGKILL)
        for place in self._places:
            if place.pid:
                os.waitpid(place.pid, 0)
                place.pid = 0
        return 1
