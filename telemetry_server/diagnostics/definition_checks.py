"""Check of the cached histogram definitions."""

from collections.abc import Iterator
from pathlib import Path

from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.errors import BrokenSpecFile
from telemetry_server.diagnostics.finding import Finding
from telemetry_server.settings.settings import Settings


def definitions(settings: Settings) -> Iterator[Finding]:
    """Is every file of the revision cache readable and valid?"""
    directory = settings.revision_cache_dir
    if not directory.is_dir():
        yield Finding("definitions", True, f"none in {directory} yet; they are fetched when pings need them")
        return
    cache = RevisionCache(directory)
    broken: list[tuple[Path, str]] = []
    count = 0
    for cached in cache.list():
        count += 1
        try:
            cache.load(cached.revision)
        except (BrokenSpecFile, OSError) as error:
            broken.append((cached.path, str(error)))
    if broken:
        path, detail = broken[0]
        yield Finding("definitions", False, f"{path}: {detail}", f"replace it, or remove it: rm {path}")
    else:
        yield Finding("definitions", True, f"{count:,} revision{'' if count == 1 else 's'} in {directory}")
