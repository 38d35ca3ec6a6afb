"""Every probe that some revision in the cache, or an imported Glean application, defines."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.errors import BrokenSpecFile
from histogram_specs.spec import HistogramSpec
from histogram_specs.spec_file import SpecFile, UnusableDefinition, load_definitions
from telemetry_server.probes.definition import FileKind
from telemetry_server.probes.entries import Entry, glean_entry, other_entries
from telemetry_server.probes.glean_registry import FOLDER, GleanApplications
from telemetry_server.probes.registry import registry_of
from telemetry_server.reports.queries.errors import NothingFound
from telemetry_server.reports.queries.source import Source

_Item = dict[str, Any]


def probes_answer(source: Source, _arguments: dict[str, Any]) -> dict[str, Any]:
    """Return all items of ``/api/v1/probes``, by name."""
    found: dict[str, _Item] = {}
    cache = _cache_in(str(source.setup.specs))
    for cached in _revisions_of(cache):
        for item in _items_of(cache, cached):
            # Revisions come in order, so the last one that has it says what it is.
            _add(found, item, str(cached.revision))
    for application, entry in _glean_entries(source):
        _add(found, _item(FileKind.GLEAN, entry), f"{FOLDER}/{application}")
    return {"items": [found[name] for name in sorted(found)]}


def _add(found: dict[str, _Item], item: _Item, revision: str) -> None:
    known = found.get(item["name"])
    number = 1 if known is None else known["revisions"] + 1
    found[item["name"]] = {**item, "revisions": number, "last_revision": revision}


def probe_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Return the answer of ``/api/v1/probes/<name>``: each distinct definition with its revisions.

    Raises:
        NothingFound: No revision defines it.
    """
    name = arguments["name"]
    cache = _cache_in(str(source.setup.specs))
    definitions: dict[bytes, dict[str, Any]] = {}
    kind = FileKind.HISTOGRAM
    shown: dict[str, Any] | None
    for cached in _revisions_of(cache):
        kind_here, shown = _definition_in(cache, cached, name)
        if shown is not None:
            kind = kind_here
            _add_definition(definitions, shown, str(cached.revision))
    for application, entry in _glean_entries(source):
        if entry["name"] == name:
            kind = FileKind.GLEAN
            _add_definition(definitions, _shown(entry), f"{FOLDER}/{application}")
    if not definitions:
        raise NothingFound(f"No probe is named {name}.")
    return {"name": name, "kind": kind, "definitions": list(definitions.values())}


def _add_definition(definitions: dict[bytes, dict[str, Any]], shown: dict[str, Any], revision: str) -> None:
    key = orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)
    definitions.setdefault(key, {**shown, "revisions": []})["revisions"].append(revision)


@lru_cache(maxsize=8)
def _cache_in(folder: str) -> RevisionCache:
    return RevisionCache(Path(folder))


def _revisions_of(cache: RevisionCache) -> list[Any]:
    return sorted(cache.list(), key=lambda cached: str(cached.revision))


@lru_cache(maxsize=1024)
def _items_of(cache: RevisionCache, cached: Any) -> tuple[_Item, ...]:
    spec_file = _loaded(cache, cached)
    if spec_file is None:
        return ()
    rules = registry_of(spec_file).histograms
    items = []
    for name in spec_file.names:
        kind, keyed = _kind_of(spec_file.find(name))
        rule = rules.get(name)
        items.append(
            {
                "name": name,
                "kind": FileKind.HISTOGRAM,
                "histogram_kind": kind,
                "keyed": keyed,
                "expires": None if rule is None else rule.expires,
                "owners": list(rule.owners) if rule is not None else [],
                "stores": list(rule.stores) if rule is not None else [],
            }
        )
    return (*items, *(_item(kind, entry) for kind, entry in other_entries(spec_file)))


def _kind_of(spec: HistogramSpec | UnusableDefinition | None) -> tuple[str | None, bool | None]:
    """Return kind and keyed of a definition; None where it cannot be used."""
    return (str(spec.kind), spec.keyed) if isinstance(spec, HistogramSpec) else (None, None)


def _item(kind: FileKind, entry: Entry) -> _Item:
    return {
        "name": entry["name"],
        "kind": kind,
        "histogram_kind": "boolean" if kind is FileKind.USE_COUNTER else None,
        "keyed": entry["keyed"],
        "expires": entry.get("expires"),
        "owners": entry.get("owners", []),
        "stores": entry.get("stores", entry.get("send_in_pings", [])),
    }


def _loaded(cache: RevisionCache, cached: Any) -> SpecFile | None:
    try:
        return cache.load_listed(cached)
    except BrokenSpecFile:  # the cache has logged it
        return None


def _definition_in(cache: RevisionCache, cached: Any, name: str) -> tuple[FileKind, dict[str, Any] | None]:
    """Return the kind and the definition of *name* in one revision; None if that does not define it."""
    spec_file = _loaded(cache, cached)
    if spec_file is None:
        return FileKind.HISTOGRAM, None
    if name in spec_file.names:
        spec = spec_file.find(name)
        kind, keyed = _kind_of(spec)
        return FileKind.HISTOGRAM, {
            "kind": kind,
            "keyed": keyed,
            "bucket_starts": list(spec.bucket_starts) if isinstance(spec, HistogramSpec) else None,
            "definition": load_definitions(spec_file.text).get(name),
        }
    for file_kind, entry in other_entries(spec_file):
        if entry["name"] == name:
            return file_kind, _shown(entry)
    return FileKind.HISTOGRAM, None


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry["kind"],
        "keyed": entry["keyed"],
        "bucket_starts": entry.get("bucket_starts"),
        "definition": entry,
    }


def _glean_entries(source: Source) -> Iterator[tuple[str, Entry]]:
    for application, metric in GleanApplications(source.setup.specs / FOLDER).all_metrics():
        yield application, glean_entry(metric)
