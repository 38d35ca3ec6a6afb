"""How another process of this program is started."""

import sys
from pathlib import Path

THREADS = Path("/proc/self/task")
_PROGRAM = str(Path(__file__).parents[2])


def python_words() -> tuple[str, ...]:
    """Return the words that start this interpreter, before ``-m`` and a module of this program."""
    return (sys.executable, "-P") if is_installed() else (sys.executable,)


def is_installed() -> bool:
    """
    Whether this program is found without the working folder.

    Then ``-P`` is right: files of the working folder do not hide modules of Python.
    """
    return sys.path[0] != _PROGRAM or _PROGRAM in sys.path[1:]


def has_one_thread() -> bool:
    """Whether this process can be forked: a fork copies the locks that other threads hold."""
    try:
        return len(list(THREADS.iterdir())) == 1
    except OSError:
        return False
