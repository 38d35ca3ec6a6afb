"""
Gives loggers of structlog, imported without rich.

Where rich is installed, structlog imports 66 modules of it and of pygments, for coloured tracebacks.  Log
lines here have no tracebacks, and each of our processes starts sooner without these modules.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_NOT_INSTALLED = None  # the import system raises ImportError for a module whose entry is None


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


with _hidden("rich"):
    import structlog

get_logger = structlog.get_logger
