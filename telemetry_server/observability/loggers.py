"""
Gives loggers of structlog, which is imported with the first line, and without rich.

A command that logs nothing starts sooner without structlog.  Where rich is installed, structlog imports 66
modules of it and of pygments, for coloured tracebacks.  Log lines here have no tracebacks, and each of our
processes starts sooner without these modules.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Lock
from typing import Any

_NOT_INSTALLED = None  # the import system raises ImportError for a module whose entry is None

_import_lock = Lock()


@contextmanager
def _hidden(package: str) -> Iterator[None]:
    """Make an import of *package* fail within the block, unless it is imported already."""
    if package in sys.modules:
        yield
        return
    modules: dict[str, object] = sys.modules  # type: ignore[assignment]
    modules[package] = _NOT_INSTALLED
    try:
        yield
    finally:
        del modules[package]


def import_structlog() -> Any:
    """Return the module structlog, imported without rich."""
    with _import_lock:
        # Only once: a progress bar in another thread may import rich later.
        if "structlog" not in sys.modules:
            with _hidden("rich"):
                import_module("structlog")
        return sys.modules["structlog"]


class _Logger:
    """What structlog's ``get_logger(*names)`` returns, made when it is used."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def __getattr__(self, name: str) -> Any:
        return getattr(import_structlog().get_logger(*self._names), name)


def get_logger(*names: str) -> Any:
    """Return a logger with the methods of structlog's."""
    return _Logger(names)
