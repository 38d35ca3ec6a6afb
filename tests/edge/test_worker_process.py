"""A worker asks for short time slices, and keeps its priority."""

import ctypes
import os
import platform
import subprocess
import sys
from struct import unpack_from

import pytest

from telemetry_server.edge import worker_process

ATTRIBUTE_BYTES = 48
GET_NUMBERS = {"x86_64": 315, "aarch64": 275}
PRINT = """
import os
from threading import Thread
from tests.edge.test_worker_process import slice_of
from telemetry_server.edge.worker_process import shorten_time_slices
os.nice(3)
before = slice_of()
print(shorten_time_slices(), os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0) == os.SCHED_OTHER)
thread = Thread(target=lambda: print(slice_of() in (before, 100_000), slice_of()))
thread.start()
thread.join()
"""


def slice_of() -> int:
    """Return the slice of this thread in ns, by sched_getattr; 0 on kernels before 6.12."""
    buffer = ctypes.create_string_buffer(ATTRIBUTE_BYTES)
    number = GET_NUMBERS[platform.machine()]
    assert ctypes.CDLL(None).syscall(number, 0, buffer, ATTRIBUTE_BYTES, 0) == 0
    return int(unpack_from("=Q", buffer, 24)[0])


def kernel() -> tuple[int, ...]:
    return tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])


@pytest.mark.skipif(platform.machine() not in GET_NUMBERS, reason="a machine of another kind")
def test_slices_are_short_and_threads_inherit_them():
    """In a process of its own; nice and policy stay."""
    done = subprocess.run([sys.executable, "-c", PRINT], capture_output=True, text=True, check=True)

    first, second = done.stdout.splitlines()
    assert first == f"True {os.nice(0) + 3} True"
    if kernel() >= (6, 12):
        assert second == "True 100000"
    else:
        assert second.startswith("True ")


def test_an_unknown_machine_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "vax")

    assert not worker_process.shorten_time_slices()


def test_another_policy_stays_as_it_is(monkeypatch):
    """An operator chose it."""
    monkeypatch.setattr(os, "sched_getscheduler", lambda _: os.SCHED_BATCH)

    assert not worker_process.shorten_time_slices()
