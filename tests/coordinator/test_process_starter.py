"""The starter forks conversion processes; it and they end with the coordinator."""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from telemetry_server.coordinator import process_starter
from telemetry_server.coordinator.conversion_process import ConversionProcess, ProcessDied
from telemetry_server.coordinator.process_starter import ProcessStarter
from telemetry_server.coordinator.work_items import Task, TaskResult
from tests.support.data_root import World
from tests.support.waiting import PATIENCE_SECONDS

EMPTY = TaskResult((), ())
# A coordinator with a starter, and with a conversion process that waits for tasks.
COORDINATOR = """
import sys
from telemetry_server.coordinator import process_starter
from telemetry_server.coordinator.process_starter import ProcessStarter
held = open(sys.argv[1])
starter = ProcessStarter()
connection = starter.start()
print("started", flush=True)
sys.stdin.read()
{end}
"""


@pytest.fixture
def others():
    """Processes of other tests that still run."""
    return set(children_of(os.getpid()))


@pytest.fixture(params=["forked", "executed"])
def starter(request, monkeypatch, others):
    """A starter that is forked from this process, and one that is a new interpreter."""
    is_forked = request.param == "forked"
    monkeypatch.setattr(process_starter, "has_one_thread", lambda: is_forked)
    with closing(ProcessStarter()) as starter:
        yield starter


async def connected(starter, world):
    return await ConversionProcess.connected(starter.start(), world.setup)


async def test_a_process_converts_two_tasks_that_are_sent_at_once(starter, tmp_path):
    """It answers each of them."""
    process = await connected(starter, World(tmp_path, tables=False))

    results = await asyncio.gather(process.convert(Task(())), process.convert(Task(())))

    assert results == [EMPTY, EMPTY]
    await process.ended()


async def test_a_task_that_cannot_be_sent_takes_no_other_result(starter, tmp_path):
    """The next task gets its own."""
    process = await connected(starter, World(tmp_path, tables=False))

    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        await process.convert(lambda: None)

    assert process.tasks == 0
    assert await process.convert(Task(())) == EMPTY
    await process.ended()


async def test_a_wait_for_the_end_that_is_cancelled_leaves_no_task_waiting(starter, tmp_path):
    """The results that are still to come fail."""
    process = await connected(starter, World(tmp_path, tables=False))
    result = asyncio.ensure_future(process.convert(Task(())))
    await asyncio.sleep(0)
    end = asyncio.ensure_future(process.ended())
    await asyncio.sleep(0)
    end.cancel()

    with pytest.raises(ProcessDied):
        await asyncio.wait_for(result, PATIENCE_SECONDS)
    await process.ended()


async def test_a_starter_that_was_killed_is_replaced(starter, others, tmp_path):
    """The next process comes from a new interpreter."""
    world = World(tmp_path, tables=False)
    process = await connected(starter, world)
    assert await process.convert(Task(())) == EMPTY
    await process.ended()
    for pid in children_of(os.getpid()) - others:
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: state_of(pid) in ("Z", ""))

    process = await connected(starter, world)

    assert await process.convert(Task(())) == EMPTY
    await process.ended()


async def test_the_tasks_of_a_killed_process_fail_and_the_next_process_works(starter, others, tmp_path):
    """The coordinator sees that the process ended."""
    world = World(tmp_path, tables=False)
    process = await connected(starter, world)
    assert await process.convert(Task(())) == EMPTY
    (starter_pid,) = set(children_of(os.getpid())) - others
    (pid,) = children_of(starter_pid)
    os.kill(pid, signal.SIGKILL)

    with pytest.raises(ProcessDied):
        await process.convert(Task(()))

    assert process.is_dead
    # Its thread ends after it: until then the system does not give its end to its parent.
    wait_until(lambda: state_of(pid) == "Z" and len(list(Path(f"/proc/{pid}/task").iterdir())) == 1)
    replacement = await connected(starter, world)
    assert await replacement.convert(Task(())) == EMPTY
    assert pid not in children_of(starter_pid), "reaped"
    await replacement.ended()


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_no_process_outlives_the_coordinator(how, tmp_path):
    """All end within a moment, and hold none of its files meanwhile."""
    end = "import os; os.kill(os.getpid(), 9)" if how == "killed" else "starter.close()"
    file = tmp_path / "held"
    file.touch()
    coordinator = subprocess.Popen(
        [sys.executable, "-c", COORDINATOR.format(end=end), file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert coordinator.stdout.readline() == "started\n"
    wait_until(lambda: len(descendants_of(coordinator.pid)) == 2)
    processes = descendants_of(coordinator.pid)

    wait_until(lambda: not any(holds(pid, file) for pid in processes))
    coordinator.communicate("")

    wait_until(lambda: all(state_of(pid) in ("Z", "") for pid in processes))
    assert coordinator.returncode == (-signal.SIGKILL if how == "killed" else 0)


def children_of(pid):
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def descendants_of(pid):
    children = children_of(pid)
    return children.union(*map(descendants_of, children))


def state_of(pid):
    """Return the state of a process, empty if it does not exist."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def holds(pid, file):
    with suppress(FileNotFoundError):
        return any(each.readlink() == file for each in Path(f"/proc/{pid}/fd").iterdir())
    return False


def wait_until(is_true):
    deadline = time.monotonic() + 20
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
