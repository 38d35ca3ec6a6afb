"""Imports without garbage collection."""

import gc
import signal

import pytest

from telemetry_server.cli import module_imports
from telemetry_server.cli.main import main
from telemetry_server.cli.module_imports import importing, this_process_runs_one_command


@pytest.fixture
def ours(monkeypatch):
    """A process that only runs a command."""
    monkeypatch.setattr(module_imports, "_runs_one_command", False)
    this_process_runs_one_command()


@pytest.mark.usefixtures("ours")
def test_nothing_is_collected_while_modules_are_imported():
    """Afterwards the collector works again, and looks at none of what they made."""
    frozen = gc.get_freeze_count()
    with importing():
        made = [[number] for number in range(1000)]
        assert not gc.isenabled()

    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(made)


@pytest.mark.usefixtures("ours")
def test_ctrl_c_waits_until_the_modules_are_imported():
    """Else Python may make another error of it."""
    ended = False
    with pytest.raises(KeyboardInterrupt), importing():
        signal.raise_signal(signal.SIGINT)  # for this thread: a command has no other while it imports
        ended = True

    assert ended
    assert gc.isenabled()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_the_garbage_of_another_program_is_not_frozen(tmp_path):
    """It calls `main` with the words of a command, as often as it likes."""
    frozen = gc.get_freeze_count()
    made = [[number] for number in range(1000)]

    assert main(["convert", "--data", str(tmp_path / "data")]) == 0

    assert gc.isenabled()
    assert gc.get_freeze_count() < frozen + len(made)


def test_the_collector_works_after_an_import_that_fails():
    """And where it was off before, it stays off."""
    with pytest.raises(ImportError), importing():
        raise ImportError
    assert gc.isenabled()

    gc.disable()
    try:
        with importing():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
