"""Profiles of worker processes: which functions of a job take the time."""

import cProfile
import pstats
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

SUFFIX = ".profile"
SHOWN_FUNCTIONS = 25


@contextmanager
def profiled(path: Path) -> Iterator[None]:
    """Profile the block, and write the result to *path*."""
    profile = cProfile.Profile()
    profile.enable()
    try:
        yield
    finally:
        profile.disable()
    profile.dump_stats(path)


def profile_of(folder: Path) -> str | None:
    """Return the sum of all profiles in *folder*, as text; None if there is none."""
    paths = sorted(map(str, folder.glob(f"*{SUFFIX}")))
    if not paths:
        return None
    text = StringIO()
    stats = pstats.Stats(*paths, stream=text)
    stats.files = []  # type: ignore[attr-defined]  # a line for each of many files would come first
    stats.sort_stats("cumulative").print_stats(SHOWN_FUNCTIONS)
    return text.getvalue().strip()
