"""Children are kept running, told once, and never outlive their supervisor for long."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.edges import wait_for

SCRIPT = """
import os, signal, sys, time
from telemetry_server.observability import logs
from telemetry_server.supervision.supervisor import Child, Supervisor

logs.configure()
folder = sys.argv[1]

def note(text):
    with open(os.path.join(folder, "log"), "a") as log:
        log.write(f"{{text}} {{os.getpid()}}\\n")

def until_told(lifeline, announce):
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append("term"))
    signal.signal(signal.SIGHUP, lambda *_: note("hup"))
    os.set_blocking(lifeline, False)
    note("started")
    announce()
    while not told:
        try:
            if os.read(lifeline, 1) == b"":
                told.append("lifeline")
        except BlockingIOError:
            pass
        time.sleep(0.01)
    note("told by " + told[0])
    return 0

def at_once(lifeline, announce):
    note("started")
    return 3

def stubborn(lifeline, announce):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note("started")
    announce()
    time.sleep(60)
    return 0

def noisy(lifeline, announce):
    status = until_told(lifeline, announce)
    for number in (signal.SIGHUP, signal.SIGUSR1):
        os.kill(os.getppid(), number)
    return status

def late(lifeline, announce):
    time.sleep(0.5)
    note("started")
    announce()
    time.sleep(60)
    return 0

def dies(lifeline, announce):
    note("tried")
    return 3

children = [
    Child(
        name,
        globals()[name],
        announces=name not in ("at_once", "dies"),
        is_vital=name != "dies",
        on_death=(lambda status, pause: note(f"death {{status}}, {{pause:g}}")) if name == "dies" else None,
    )
    for name in {children!r}
]
sys.exit(Supervisor(children, drain_timeout_seconds=0.5, on_ready=lambda: note("ready")).run())
"""


class Running:
    """A supervisor in a process of its own, and what its children noted."""

    def __init__(self, tmp_path, *children):
        self._log = tmp_path / "log"
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT.format(children=children), str(tmp_path)],
            stderr=subprocess.PIPE,
            text=True,
        )

    def notes(self, start: str) -> list[str]:
        text = self._log.read_text() if self._log.exists() else ""
        return [line for line in text.splitlines() if line.startswith(start)]

    def pids(self) -> list[int]:
        return [int(line.split()[-1]) for line in self.notes("started")]

    def end(self, seconds: float = 60.0) -> tuple[int, str]:
        _, said = self.process.communicate(timeout=seconds)
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
    """All drain; 0."""
    running = start("until_told", "until_told", "until_told")
    wait_for(lambda: running.notes("ready"))
    running.process.send_signal(number)

    assert running.end()[0] == 0
    assert len(running.notes("told by term")) == 3


def test_readiness_is_said_once_and_only_when_all_are_ready(start):
    """A child that does not announce itself is not waited for."""
    running = start("until_told", "until_told")
    wait_for(lambda: running.notes("ready"))

    assert len(running.notes("started")) == 2
    os.kill(running.pids()[0], signal.SIGKILL)
    wait_for(lambda: len(running.pids()) == 3)
    time.sleep(0.1)
    assert len(running.notes("ready")) == 1


def test_what_dies_is_started_again(start):
    """However it dies; the others are left alone."""
    running = start("until_told", "until_told")
    wait_for(lambda: running.notes("ready"))
    first = running.pids()
    os.kill(first[0], signal.SIGKILL)
    wait_for(lambda: len(running.pids()) == 3)
    running.process.send_signal(signal.SIGTERM)
    status, said = running.end()

    assert status == 0
    assert "process died" in said
    told = {int(line.split()[-1]) for line in running.notes("told by")}
    assert told == {first[1], running.pids()[2]}


def test_a_child_that_will_not_stay_up_ends_the_server(start):
    """After five times in a row, with a line that says so; the others drain."""
    running = start("until_told", "at_once")
    status, said = running.end()

    assert status == 70
    assert "giving up" in said
    assert "Traceback" not in said
    assert len(running.pids()) == 1 + 5
    assert len(running.notes("told by")) == 1


def test_what_is_not_vital_is_tried_again_for_ever_and_the_others_live_on(start):
    """After growing pauses, each told; SIGHUP ends a pause; the server stops with 0."""
    running = start("until_told", "dies")
    wait_for(lambda: len(running.notes("tried")) == 7, 20)
    before = len(running.notes("tried"))
    running.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(running.notes("tried")) > before)

    assert is_alive(running.pids()[0])
    running.process.send_signal(signal.SIGTERM)
    status, said = running.end()
    assert status == 0
    assert "giving up" not in said
    pauses = [line.split()[3] for line in running.notes("death status 3")]
    assert pauses[:6] == ["0.1", "0.2", "0.4", "0.8", "1.6", "3.2"]


def test_a_second_signal_ends_it_at_once(start):
    """Also children that do not listen."""
    running = start("stubborn")
    wait_for(lambda: running.notes("ready"))
    running.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    running.process.send_signal(signal.SIGTERM)

    assert running.end()[0] == 1
    wait_for(lambda: not is_alive(running.pids()[0]))


def test_a_drain_has_an_end(start):
    """Who does not finish in time is killed, and the status says so."""
    running = start("stubborn")
    wait_for(lambda: running.notes("ready"))
    running.process.send_signal(signal.SIGTERM)

    assert running.end()[0] == 1
    assert not is_alive(running.pids()[0])


def test_children_of_a_killed_supervisor_leave(start):
    """The lifeline's end tells them, later-born ones too."""
    running = start("until_told", "until_told")
    wait_for(lambda: running.notes("ready"))
    os.kill(running.pids()[0], signal.SIGKILL)
    wait_for(lambda: len(running.pids()) == 3)
    running.process.kill()
    running.process.wait()

    wait_for(lambda: len(running.notes("told by lifeline")) == 2)


def test_sighup_is_passed_on(start):
    """And is no reason to stop."""
    running = start("until_told")
    wait_for(lambda: running.notes("ready"))
    running.process.send_signal(signal.SIGHUP)
    wait_for(lambda: running.notes("hup"))

    assert running.process.poll() is None


def test_a_signal_on_its_way_does_not_take_the_place_of_the_exit_status(start):
    """A child reports, and somebody sends SIGHUP, just as the supervisor ends."""
    running = start("noisy")
    wait_for(running.pids)

    running.process.send_signal(signal.SIGTERM)

    assert running.end()[0] == 0


def test_a_child_that_is_told_before_it_can_listen_took_nothing(start):
    """So the stop is clean all the same."""
    running = start("until_told", "late")
    wait_for(running.pids)

    running.process.send_signal(signal.SIGTERM)

    assert running.end()[0] == 0
    assert len(running.pids()) == 1
