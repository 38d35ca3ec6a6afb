"""Fixtures for the tests of several rooms."""

import gc
import logging
import os
from collections.abc import Callable, Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from telemetry_server.cli.main import main

pytest_plugins = ("tests.support.figures",)

# The speed of a crowded machine is not what a test is about.
settings.register_profile("any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any speed")

# Thousands of collected tests and a hundred modules stay until the end: searching them for garbage, again
# and again, took a fifth of the time of the collection.
gc.set_threshold(100_000, 20, 20)


def pytest_collection_finish() -> None:
    """Leave what was collected out of every later garbage collection."""
    gc.freeze()


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Restore the logging that a command in this process changed: its stream belongs to one test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.fixture
def command(capsys, monkeypatch) -> Callable[..., tuple[str, str]]:
    """
    A function that runs a command in this process: ``command("audit", "--json", status=0)``.

    It returns stdout and stderr.  Commands are offline, use one conversion process, and ignore
    settings in the environment.
    """
    for name in list(os.environ):
        if name.startswith("TELEMETRY_") or name in ("PORT", "REPORTS_PORT"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TELEMETRY_REVISION_OFFLINE", "true")
    monkeypatch.setenv("TELEMETRY_CONVERT_PROCESSES", "1")

    def run(*words: str, status: int = 0) -> tuple[str, str]:
        capsys.readouterr()
        try:
            ended = main(list(words))
        except SystemExit as left:
            ended = left.code
        said = capsys.readouterr()
        assert ended == status, said.err
        assert "Traceback" not in said.err
        return said.out, said.err

    return run


def pytest_make_parametrize_id(val: object) -> str | None:
    """
    Return an id that is the same in every process, because tests run in several.

    The usual ids contain addresses of functions and the time stamps in gzip data.
    """
    if isinstance(val, bytes) and b"\x1f\x8b" in val:
        return f"{len(val)} bytes with gzip"
    return getattr(val, "__name__", "function") if callable(val) else None
