"""Checks the cached histogram definitions."""

from collections.abc import Iterator
from pathlib import Path

from histogram_specs.cache.revision_cache import BROKEN_FILE_REMEDY, RevisionCache
from histogram_specs.errors import BrokenSpecFile
from telemetry_server.diagnostics.finding import Finding
from telemetry_server.settings.settings import Settings


def definitions(settings: Settings) -> Iterator[Finding]:
    """Check that every file of the revision cache is readable and valid."""
    directory = settings.revision_cache_dir
    if not directory.is_dir():
        yield Finding(
            "definitions",
            True,
            f"{directory} does not exist yet; definitions are fetched when pings need them",
        )
        return
    cache = RevisionCache(directory)
    broken: list[tuple[Path, str]] = []
    count = 0
    for cached in cache.list():
        count += 1
        try:
            cache.load_listed(cached)
        except (BrokenSpecFile, OSError) as error:
            broken.append((cached.path, _one_line(cached.path, error)))
    if broken:
        path, detail = broken[0]
        yield Finding("definitions", False, detail, f"replace it, or remove it: rm {path}")
    else:
        yield Finding("definitions", True, f"{count:,} revision{'' if count == 1 else 's'} in {directory}")


def _one_line(path: Path, error: BrokenSpecFile | OSError) -> str:
    """Return the problem with the file *path*, without the remedy in the text of *error*."""
    if isinstance(error, OSError):
        return f"{path}: {error.strerror}"
    return str(error).removesuffix(f"; {BROKEN_FILE_REMEDY}")
