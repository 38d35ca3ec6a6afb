"""Every probe that some revision in the cache defines."""

from functools import lru_cache
from typing import Any

import orjson

from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.errors import BrokenSpecFile
from histogram_specs.spec import HistogramSpec
from histogram_specs.spec_file import SpecFile, UnusableDefinition, load_definitions
from telemetry_server.reports.queries.errors import NothingFound
from telemetry_server.reports.queries.source import Source

_Listed = tuple[str, str | None, bool | None]  # name, kind of histogram, keyed


def probes_answer(source: Source, _arguments: dict[str, Any]) -> dict[str, Any]:
    """Return all items of ``/api/v1/probes``, by name."""
    found: dict[str, dict[str, Any]] = {}
    for revision, probes in _all(source):
        for name, kind, keyed in probes:
            # Revisions come in order, so the last one that has it says what it is.
            known = found.get(name)
            number = 1 if known is None else known["revisions"] + 1
            found[name] = {
                "name": name,
                "kind": "histogram",
                "histogram_kind": kind,
                "keyed": keyed,
                "revisions": number,
                "last_revision": revision,
            }
    return {"items": [found[name] for name in sorted(found)]}


@lru_cache(maxsize=8)
def _cache_in(folder: str) -> RevisionCache:
    from pathlib import Path

    return RevisionCache(Path(folder))


def _all(source: Source) -> list[tuple[str, tuple[_Listed, ...]]]:
    cache = _cache_in(str(source.setup.specs))
    listed = sorted(cache.list(), key=lambda cached: str(cached.revision))
    return [(str(cached.revision), _probes_of(cache, cached)) for cached in listed]


@lru_cache(maxsize=1024)
def _probes_of(cache: RevisionCache, cached: Any) -> tuple[_Listed, ...]:
    spec_file = _loaded(cache, cached)
    if spec_file is None:
        return ()
    return tuple((name, *_kind_of(spec_file.find(name))) for name in spec_file.names)


def _kind_of(spec: HistogramSpec | UnusableDefinition | None) -> tuple[str | None, bool | None]:
    """Return kind and keyed of a definition; None where it cannot be used."""
    return (str(spec.kind), spec.keyed) if isinstance(spec, HistogramSpec) else (None, None)


def _loaded(cache: RevisionCache, cached: Any) -> SpecFile | None:
    try:
        return cache.load(cached.revision)
    except BrokenSpecFile:  # the cache has logged it
        return None


def probe_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Return the answer of ``/api/v1/probes/<name>``: each distinct definition with its revisions.

    Raises:
        NothingFound: No revision defines it.
    """
    name = arguments["name"]
    cache = _cache_in(str(source.setup.specs))
    definitions: dict[bytes, dict[str, Any]] = {}
    for cached in sorted(cache.list(), key=lambda each: str(each.revision)):
        spec_file = _loaded(cache, cached)
        spec = None if spec_file is None else spec_file.find(name)
        if spec_file is None or spec is None:
            continue
        definition = load_definitions(spec_file.text).get(name)
        kind, keyed = _kind_of(spec)
        starts = list(spec.bucket_starts) if isinstance(spec, HistogramSpec) else None
        shown = {
            "kind": kind,
            "keyed": keyed,
            "bucket_starts": starts,
            "definition": definition,
        }
        entry = definitions.setdefault(
            orjson.dumps(shown, option=orjson.OPT_SORT_KEYS), {**shown, "revisions": []}
        )
        entry["revisions"].append(str(cached.revision))
    if not definitions:
        raise NothingFound(f"No probe is named {name}.")
    return {"name": name, "kind": "histogram", "definitions": list(definitions.values())}
