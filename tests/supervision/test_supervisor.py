"""The supervisor restarts children, passes signals on once, and its children end soon after it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.waiting import PATIENCE_SECONDS, wait_for

SCRIPT = """
import os, signal, sys, time
from telemetry_server.observability import logs
from telemetry_server.supervision.supervisor import Child, Supervisor

logs.configure()
folder = sys.argv[1]

def note(text):
    with open(os.path.join(folder, "log"), "a") as log:
        log.write(f"{{text}} {{os.getpid()}}\\n")

def until_stopped(lifeline, announce):
    causes = []
    signal.signal(signal.SIGTERM, lambda *_: causes.append("term"))
    signal.signal(signal.SIGHUP, lambda *_: note("hup"))
    os.set_blocking(lifeline, False)
    note("started")
    announce()
    while not causes:
        try:
            if os.read(lifeline, 1) == b"":
                causes.append("lifeline")
        except BlockingIOError:
            pass
        time.sleep(0.01)
    note("stopped by " + causes[0])
    return 0

def at_once(lifeline, announce):
    note("started")
    return 3

def interrupted(lifeline, announce):
    # It ends like a child that a terminal interrupts before it has handlers.
    def end(*_):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGTERM, end)
    note("started")
    announce()
    time.sleep(60)
    return 1

def stubborn(lifeline, announce):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note("started")
    announce()
    time.sleep(60)
    return 0

def noisy(lifeline, announce):
    status = until_stopped(lifeline, announce)
    for number in (signal.SIGHUP, signal.SIGUSR1):
        os.kill(os.getppid(), number)
    return status

def late(lifeline, announce):
    time.sleep(0.5)
    note("started")
    announce()
    time.sleep(60)
    return 0

def silent(lifeline, announce):
    time.sleep(60)
    return 0

def behind(lifeline, announce):
    return until_stopped(lifeline, lambda: None)

def unready(lifeline, announce):
    note("tried")
    time.sleep(60)
    return 0

def dies(lifeline, announce):
    note("tried")
    return 3

children = [
    Child(
        name,
        globals()[name],
        announces=name not in ("at_once", "behind", "dies", "unready"),
        is_vital=name not in ("dies", "unready"),
        on_death=(lambda status, pause: note(f"death {{status}}, {{pause:g}}"))
        if name in ("dies", "unready")
        else None,
    )
    for name in {children!r}
]
def on_hangup():
    note("reads again")
    raise ValueError("own reason")

sys.exit(Supervisor(children, lambda: note("ready"), on_hangup, drain_timeout_seconds={drain_seconds}).run())
"""


class Running:
    """A supervisor in its own process, and the notes of its children."""

    def __init__(self, tmp_path, *children):
        self._log = tmp_path / "log"
        drain_seconds = 0.5 if "stubborn" in children else PATIENCE_SECONDS
        script = SCRIPT.format(children=children, drain_seconds=drain_seconds)
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            stderr=subprocess.PIPE,
            text=True,
        )

    def notes(self, start: str) -> list[str]:
        text = self._log.read_text() if self._log.exists() else ""
        return [line for line in text.splitlines() if line.startswith(start)]

    def pids(self) -> list[int]:
        return [int(line.split()[-1]) for line in self.notes("started")]

    def end(self) -> tuple[int, str]:
        _, said = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, said


@pytest.fixture
def start(tmp_path):
    """Starts a supervisor with the named children."""
    started = []

    def make(*children):
        running = Running(tmp_path, *children)
        started.append(running)
        return running

    yield make
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait()
        running.process.stderr.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_passed_on_once_and_waited_for(start, number):
    """All children drain; the exit status is 0."""
    running = start("until_stopped", "until_stopped", "until_stopped")
    wait_for(lambda: running.notes("ready"))
    running.process.send_signal(number)

    assert running.end()[0] == 0
    assert len(running.notes("stopped by term")) == 3


def test_a_child_that_a_terminal_interrupted_early_has_ended_cleanly(start):
    """Ctrl-C reaches all processes, also one that is still importing."""
    running = start("interrupted", "until_stopped")
    wait_for(lambda: running.notes("ready"))
    running.process.send_signal(signal.SIGINT)

    assert running.end()[0] == 0


def test_readiness_is_reported_once_when_all_are_ready(start):
    """A child that does not announce itself is not waited for."""
    running = start("until_stopped", "until_stopped")
    wait_for(lambda: running.notes("ready"))

    assert len(running.notes("started")) == 2
    os.kill(running.pids()[0], signal.SIGKILL)
    wait_for(lambda: len(running.pids()) == 3)
    time.sleep(0.1)
    assert len(running.notes("ready")) == 1


def test_children_that_do_not_announce_start_when_the_others_are_ready(start):
    """Clients wait for those that announce, and all share the cores."""
    running = start("behind", "late")
    wait_for(lambda: len(running.pids()) == 2)
    wait_for(lambda: running.notes("ready"))

    last = running.pids()[1]
    running.process.send_signal(signal.SIGTERM)
    running.end()
    assert running.notes("stopped by term") == [f"stopped by term {last}"]


def test_children_that_do_not_announce_do_not_wait_for_ever(start):
    """The one that announces does not become ready."""
    running = start("behind", "silent")

    wait_for(running.pids)
    assert not running.notes("ready")


def test_a_child_that_dies_is_restarted(start):
    """After any kind of death; the others keep running."""
    running = start("until_stopped", "until_stopped")
    wait_for(lambda: running.notes("ready"))
    first = running.pids()
    os.kill(first[0], signal.SIGKILL)
    wait_for(lambda: len(running.pids()) == 3)
    running.process.send_signal(signal.SIGTERM)
    status, said = running.end()

    assert status == 0
    assert "process died" in said
    stopped = {int(line.split()[-1]) for line in running.notes("stopped by")}
    assert stopped == {first[1], running.pids()[2]}


def test_a_child_that_will_not_stay_up_ends_the_server(start):
    """After five early deaths in a row, with an error line; the others drain."""
    running = start("until_stopped", "at_once")
    status, said = running.end()

    assert status == 70
    assert "giving up" in said
    assert "Traceback" not in said
    assert len(running.pids()) == 1 + 5
    assert len(running.notes("stopped by")) == 1


def test_a_child_that_is_not_vital_is_restarted_for_ever_while_the_others_run(start):
    """After growing pauses, each reported; SIGHUP ends a pause; the server stops with 0."""
    running = start("until_stopped", "dies")
    wait_for(lambda: len(running.notes("tried")) == 7)
    before = len(running.notes("tried"))
    running.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(running.notes("tried")) > before)
    # Otherwise its own status may be taken for that of a stop.
    wait_for(lambda: len(running.notes("death")) == len(running.notes("tried")))

    assert is_alive(running.pids()[0])
    running.process.send_signal(signal.SIGTERM)
    status, said = running.end()
    assert status == 0
    assert "giving up" not in said
    pauses = [line.split()[3] for line in running.notes("death status 3")]
    assert pauses[:6] == ["0.1", "0.2", "0.4", "0.8", "1.6", "3.2"]


def test_a_second_signal_kills_all_children(start):
    """Also children that ignore the first signal."""
    running = start("stubborn")
    wait_for(lambda: running.notes("ready"))
    running.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    running.process.send_signal(signal.SIGTERM)

    assert running.end()[0] == 1
    wait_for(lambda: not is_alive(running.pids()[0]))


def test_a_drain_ends_at_its_timeout(start):
    """Children that do not finish in time are killed, and the exit status is 1."""
    running = start("stubborn")
    wait_for(lambda: running.notes("ready"))
    running.process.send_signal(signal.SIGTERM)

    assert running.end()[0] == 1
    assert not is_alive(running.pids()[0])


def test_children_of_a_killed_supervisor_end(start):
    """They see the end of the lifeline, restarted children too."""
    running = start("until_stopped", "until_stopped")
    wait_for(lambda: running.notes("ready"))
    os.kill(running.pids()[0], signal.SIGKILL)
    wait_for(lambda: len(running.pids()) == 3)
    running.process.kill()
    running.process.wait()

    wait_for(lambda: len(running.notes("stopped by lifeline")) == 2)


def test_sighup_is_passed_on(start):
    """The supervisor reads files itself, too, and does not stop where it cannot."""
    running = start("until_stopped")
    wait_for(lambda: running.notes("ready"))
    running.process.send_signal(signal.SIGHUP)
    wait_for(lambda: running.notes("hup"))

    assert running.notes("reads again")
    running.process.send_signal(signal.SIGTERM)
    status, said = running.end()
    assert status == 0
    assert "telemetry-server: ValueError: own reason\n" in said


def test_a_child_that_sighup_meets_before_it_handles_signals_is_started_again_without_a_report(start):
    """It reads the files that the signal is about when it starts."""
    running = start("until_stopped", "unready")
    wait_for(lambda: running.notes("tried"))
    running.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(running.notes("tried")) == 2)

    running.process.send_signal(signal.SIGTERM)
    status, said = running.end()
    assert status == 0
    assert "process died" not in said
    assert running.notes("death") == []


def test_a_pending_signal_does_not_change_the_exit_status(start):
    """A child reports, and a SIGHUP arrives, just as the supervisor ends."""
    running = start("noisy")
    wait_for(running.pids)

    running.process.send_signal(signal.SIGTERM)

    assert running.end()[0] == 0


def test_a_child_stopped_before_it_handles_signals_is_a_clean_stop(start):
    """It has not done any work yet."""
    running = start("until_stopped", "late")
    wait_for(running.pids)

    running.process.send_signal(signal.SIGTERM)

    assert running.end()[0] == 0
    assert len(running.pids()) == 1


def test_a_child_that_sighup_ends_just_before_the_stop_is_a_clean_stop(start):
    """The supervisor has not noticed its end when SIGTERM comes."""
    running = start("until_stopped", "unready")
    wait_for(lambda: running.notes("tried"))
    running.process.send_signal(signal.SIGSTOP)
    os.kill(int(running.notes("tried")[0].split()[-1]), signal.SIGHUP)
    running.process.send_signal(signal.SIGTERM)
    running.process.send_signal(signal.SIGCONT)

    assert running.end()[0] == 0
