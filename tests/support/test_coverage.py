"""The measurement of coverage: what counts as missing, and that a killed process has recorded what it ran."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.coverage import HITS
from tests.support.coverage.marks import marked
from tests.support.coverage.recording import environment, prepare
from tests.support.coverage.report import Share, coverage_of, files_of

# A source, what of it does not run, and how many statements, branches and executed ones of both it has.
CASES = {
    "statements in a row": ("a = 1\nb = 2\n", (), Share(2, 0, 2)),
    "an if that is true": ("a = 1\nif a:\n  b = 2\n", ("2 -> past",), Share(3, 2, 4)),
    "an if that is false": ("a = 0\nif a:\n  b = 2\n", ("3",), Share(3, 2, 3)),
    "an else": ("a = 1\nif a:\n  b = 2\nelse:\n  b = 3\n", ("5",), Share(4, 2, 4)),
    "an elif": ("a = 0\nif a:\n  b = 2\nelif not a:\n  b = 3\n", ("3", "4 -> past"), Share(5, 4, 6)),
    "a loop": ("for a in (1, 2):\n  b = a\n", (), Share(2, 2, 4)),
    "an empty loop": ("for a in ():\n  b = a\n", ("2",), Share(2, 2, 2)),
    "a loop that breaks": ("for a in (1, 2):\n  break\n", ("1 -> past",), Share(2, 2, 3)),
    "a loop that only a break ends": ("while True:\n  break\n", (), Share(2, 0, 2)),
    "a while": ("a = 2\nwhile a:\n  a -= 1\n", (), Share(3, 2, 5)),
    "a match": (
        "match 2:\n  case 1:\n    a = 1\n  case 2:\n    a = 2\n",
        ("1 -> past", "3"),
        Share(3, 3, 3),
    ),
    "a match of everything": (
        "match 2:\n  case 1:\n    a = 1\n  case _:\n    a = 2\n",
        ("3",),
        Share(3, 2, 3),
    ),
    "a function that is not called": ("def f():\n  'Text.'\n  return 1\n", ("3",), Share(2, 0, 1)),
    "a function of a protocol": ("def f():\n  'Text.'\ndef g(): ...\n", (), Share(2, 0, 2)),
    "an exception": (
        "try:\n  a = 1 / 0\n  b = 2\nexcept ZeroDivisionError:\n  b = 3\nfinally:\n  c = 4\n",
        ("3",),
        Share(5, 0, 4),
    ),
    "a block for the checker of types": (
        "TYPE_CHECKING = False\nif TYPE_CHECKING:\n  import os\n",
        (),
        Share(1, 0, 1),
    ),
    "what must come first": ("'Text.'\nfrom __future__ import annotations\na = 1\n", (), Share(1, 0, 1)),
}


@pytest.mark.parametrize(("source", "missing", "share"), CASES.values(), ids=CASES)
def test_what_did_not_run_is_missing(source, missing, share):
    tree, marks = marked(source.encode(), "source.py", first=0)
    hits = bytearray(marks.after)

    exec(compile(tree, "source.py", "exec"), {HITS: hits})

    found = coverage_of(Path("source.py"), marks, hits)
    assert (found.missing, found.share) == (missing, share)


def test_a_forked_process_that_is_killed_has_recorded(tmp_path):
    """Also an interpreter that a process starts records; without help of the program that is measured."""
    (tmp_path / "product").mkdir()
    (tmp_path / "product/__init__.py").write_text(
        "def child():\n  import os\n  os.kill(os.getpid(), 9)\n"
        "def other():\n  return 1\n"
        "def never():\n  return 2\n"
    )
    (tmp_path / "beside.py").write_text("")  # a module that is not measured loads as ever
    prepare(tmp_path / "record", tmp_path, ["product"])
    program = (
        "import os, subprocess, sys, beside; from product import child\n"
        "subprocess.run([sys.executable, '-c', 'import product; product.other()'], check=True)\n"
        "pid = os.fork()\n"
        "if not pid: child()\n"
        "print(os.waitpid(pid, 0)[1])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(tmp_path / "record"),
        stdout=subprocess.PIPE,
        check=True,
    )

    assert int(done.stdout) == signal.SIGKILL
    [file] = files_of(tmp_path / "record", tmp_path)
    assert file.missing == ("7",)
