"""Interrupts an action on a data root at its system calls: a kill or an error, and a check after each."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.fault_actions import COULD_NOT
from tests.support.figures import Figure
from tests.support.fork_server import ForkServer
from tests.support.sizes import size
from tests.support.tracing import tampered, traced

# fmt: off
CALLS = [
    "openat", "mkdir", "mkdirat", "write", "writev", "pwrite64", "fdatasync", "fsync", "rename", "renameat",
    "linkat", "unlink", "unlinkat", "truncate", "ftruncate", "fallocate", "flock",
]
# fmt: on
NEED_NO_ROOM = {"openat", "flock", "unlink", "unlinkat"}
MAX_CALLS = 1000  # of one kind in one action; more calls mean that the test itself is broken
TAMPERING = {"kill": "signal=KILL", "EIO": "error=EIO", "ENOSPC": "error=ENOSPC"}


@dataclass(frozen=True)
class Action:
    """An action on a data root, and the check that must pass after any interruption."""

    name: str  # in `fault_actions`
    prepare: Callable[[Path], None]
    check: Callable[[ForkServer, Path, Path], tuple[int, int, int]]  # acknowledged, lost, doubled
    arguments: Callable[[Path, Path], dict[str, object]]
    stride: int = 1  # of the sample: larger for an action with many calls


@dataclass(frozen=True)
class Template:
    """A data root that is prepared for an action, and how many calls of each kind the action makes in it."""

    path: Path
    made: Counter[str]


class Templates:
    """Prepares each action once; its interruptions work on copies."""

    def __init__(self, folder: Path, forks: ForkServer) -> None:
        self._folder = folder
        self.forks = forks
        self._made: dict[str, Template] = {}

    def of(self, action: Action) -> Template:
        """Return the template for *action*."""
        if action.name not in self._made:
            folder = self._folder / action.name
            folder.mkdir()
            action.prepare(folder / "template")
            made = calls_made(action, self.forks, folder)
            assert max(made.values()) < MAX_CALLS
            self._made[action.name] = Template(folder / "template", made)
        return self._made[action.name]


def only_root(root: Path, _: Path) -> dict[str, object]:
    return {"root": str(root)}


def interrupt_each_call(
    action: Action, fault: str, memory_path: Path, templates: Templates, figure: Figure
) -> None:
    """Interrupt *action* at the n-th call of each kind, for every n or a sample, and check each time."""
    template, forks = templates.of(action), templates.forks
    step, made = size(24 * action.stride, 1), template.made
    for call in CALLS:
        if fault == "ENOSPC" and call in NEED_NO_ROOM:
            continue
        for nth in range(1, made[call] + 1, step):
            root, log = prepared(template.path, memory_path / f"{call}-{nth}")
            worker = forks.fork(action.name, **action.arguments(root, log))
            with tampered(
                worker.pid, call, f"{TAMPERING[fault]}:when={nth}", memory_path / "trace"
            ) as tracer:
                worker.go()
                status = worker.wait()
            was_hit = status == -9 if fault == "kill" else tracer.injected > 0
            assert status in (0, COULD_NOT) or (fault == "kill" and was_hit), f"{call} {nth}: {status}"
            acknowledged, lost, doubled = action.check(forks, root, log)
            assert (lost, doubled) == (0, 0), f"{call} {nth}"
            figure.runs += was_hit
            figure.acknowledged += acknowledged
            shutil.rmtree(root)
    assert figure.runs >= (10 if step == 1 else 3), f"too few calls were interrupted: {made}"


def prepared(template: Path, root: Path) -> tuple[Path, Path]:
    """Return *root* as a copy of *template*, and the path of the log of what it acknowledges."""
    if template.exists():
        shutil.copytree(template, root)
    return root, root.with_name(f"{root.name}.log")


def calls_made(action: Action, forks: ForkServer, folder: Path) -> Counter[str]:
    """Return how many calls of each kind a thread makes when nothing interrupts the action."""
    root, log = prepared(folder / "template", folder / "whole")
    worker = forks.fork(action.name, **action.arguments(root, log))
    with traced(worker.pid, ",".join(CALLS), folder / "trace") as tracer:
        worker.go()
        assert worker.wait() == 0
    action.check(forks, root, log)
    return tracer.calls_of_a_thread()
