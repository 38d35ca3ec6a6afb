"""A folder that takes long to make: one process of the run makes it, and each process gets a copy."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def copy_of(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a copy of the folder that *make* fills when it is called with its path."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # of all processes of the run
    original, made = base / f"{name}-made-once", base / f"{name}-is-made"
    with (base / f"{name}-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(original, ignore_errors=True)
            original.mkdir()
            make(original)
            made.touch()
    copy = factory.mktemp(name) / name
    shutil.copytree(original, copy)
    return copy
