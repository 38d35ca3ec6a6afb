"""How another process of this program is started."""

import sys

import pytest

from telemetry_server.supervision import interpreter


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (["PROGRAM", "/lib"], [sys.executable]),  # python -m telemetry_server in the sources, not installed
        (["PROGRAM", "/lib", "PROGRAM"], [sys.executable, "-P"]),  # the same, installed from there
        (["/work", "/lib", "PROGRAM"], [sys.executable, "-P"]),
        (["/lib", "PROGRAM"], [sys.executable, "-P"]),
    ],
)
def test_files_of_the_working_folder_hide_no_modules_where_the_program_is_installed(monkeypatch, path, words):
    """Without an installation, the program itself may be in the working folder only."""
    program = interpreter._PROGRAM
    monkeypatch.setattr(sys, "path", [program if folder == "PROGRAM" else folder for folder in path])

    assert list(interpreter.python_words()) == words
