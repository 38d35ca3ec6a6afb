"""Every probe that some revision in the cache, or an imported Glean application, defines."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.errors import BrokenSpecFile
from histogram_specs.spec import HistogramSpec
from histogram_specs.spec_file import SpecFile, UnusableDefinition, load_definitions
from telemetry_server.aggregates.buckets import SCALAR_PREFIX
from telemetry_server.aggregates.definitions import shape_ids_of
from telemetry_server.probes.definition import FileKind
from telemetry_server.probes.entries import Entry, glean_entry, other_entries
from telemetry_server.probes.glean_registry import FOLDER, GleanApplications
from telemetry_server.probes.registry import registry_of
from telemetry_server.reports.queries.definition_sources import source_of, yaml_text
from telemetry_server.reports.queries.errors import NothingFound
from telemetry_server.reports.queries.source import Source

MAX_NEAREST = 3
_Item = dict[str, Any]


def all_items(source: Source) -> Mapping[str, _Item]:
    """Return an item for each probe that is defined, by name."""
    cache = cache_in(str(source.setup.specs))
    revisions = tuple(revisions_of(cache))
    applications = tuple((application, _frozen(entry)) for application, entry in _glean_entries(source))
    return _merged(cache, revisions, applications)


@lru_cache(maxsize=2)
def _merged(
    cache: RevisionCache, revisions: tuple[Any, ...], applications: tuple[tuple[str, bytes], ...]
) -> Mapping[str, _Item]:
    found: dict[str, _Item] = {}
    for cached in revisions:
        for item in _items_of(cache, cached):
            # Revisions come in order, so the last one that has it says what it is.
            _add(found, item, str(cached.revision))
    for application, entry in applications:
        _add(found, _item(FileKind.GLEAN, orjson.loads(entry)), f"{FOLDER}/{application}")
    return {name: found[name] for name in sorted(found)}


def _add(found: dict[str, _Item], item: _Item, revision: str) -> None:
    known = found.get(item["name"])
    number = 1 if known is None else known["revisions"] + 1
    found[item["name"]] = {**item, "revisions": number, "last_revision": revision}


def _frozen(entry: Entry) -> bytes:
    return orjson.dumps(entry)


def probe_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Return the answer of ``/api/v1/probes/<name>``: each distinct definition with its revisions.

    Raises:
        NothingFound: No revision defines it.
    """
    name = arguments["name"]
    cache = cache_in(str(source.setup.specs))
    definitions: dict[bytes, dict[str, Any]] = {}
    kind = FileKind.HISTOGRAM
    shown: dict[str, Any] | None
    for cached in revisions_of(cache):
        kind_here, shown, place = _definition_in(cache, cached, name)
        if shown is not None:
            kind = kind_here
            _add_definition(definitions, shown, str(cached.revision), place)
    for application, entry in _glean_entries(source):
        if entry["name"] == name:
            kind = FileKind.GLEAN
            revision = f"{FOLDER}/{application}"
            place = _glean_source(source, application, name, revision)
            _add_definition(definitions, _shown(entry), revision, place)
    if not definitions:
        raise NothingFound(_no_probe(source, name))
    return {
        "name": name,
        "kind": kind,
        "metric": metric_of(kind, name),
        "definitions": list(definitions.values()),
    }


def metric_of(kind: str, name: str) -> str:
    """Return the name under which a probe is summed up; empty where it is not."""
    if kind == FileKind.EVENT:
        return ""
    return SCALAR_PREFIX + name.upper() if kind == FileKind.SCALAR else name


def _no_probe(source: Source, name: str) -> str:
    nearest = get_close_matches(name, list(all_items(source)), MAX_NEAREST)
    hint = f" The nearest names: {', '.join(nearest)}." if nearest else ""
    return f"No probe is named {name}.{hint}"


def _add_definition(
    definitions: dict[bytes, dict[str, Any]],
    shown: dict[str, Any],
    revision: str,
    place: dict[str, Any] | None,
) -> None:
    """Add a definition of *revision*; equal ones are one, with the place in the last revision."""
    without_line = {name: value for name, value in shown["definition"].items() if name != "line"}
    key = orjson.dumps({**shown, "definition": without_line}, option=orjson.OPT_SORT_KEYS)
    known = definitions.setdefault(key, {**shown, "revisions": [], "source": None})
    known["revisions"].append(revision)
    known["source"] = place or known["source"]


@lru_cache(maxsize=8)
def cache_in(folder: str) -> RevisionCache:
    """Return the revision cache in *folder*, with the memory of this process."""
    return RevisionCache(Path(folder))


def revisions_of(cache: RevisionCache) -> list[Any]:
    """Return what is cached, in order of revisions."""
    return sorted(cache.list(), key=lambda cached: str(cached.revision))


@lru_cache(maxsize=1024)
def _items_of(cache: RevisionCache, cached: Any) -> tuple[_Item, ...]:
    spec_file = loaded(cache, cached)
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


def loaded(cache: RevisionCache, cached: Any) -> SpecFile | None:
    """Return the file of a cached revision; None where it cannot be read."""
    try:
        return cache.load_listed(cached)
    except BrokenSpecFile:  # the cache has logged it
        return None


def _definition_in(
    cache: RevisionCache, cached: Any, name: str
) -> tuple[FileKind, dict[str, Any] | None, dict[str, Any] | None]:
    """Return kind, definition and place of *name* in one revision; no definition if that lacks it."""
    spec_file = loaded(cache, cached)
    if spec_file is None:
        return FileKind.HISTOGRAM, None, None
    if name in spec_file.names:
        spec = spec_file.find(name)
        kind, keyed = _kind_of(spec)
        place = source_of(spec_file, cached.revision, FileKind.HISTOGRAM, name, {})
        return (
            FileKind.HISTOGRAM,
            {
                "kind": kind,
                "keyed": keyed,
                "bucket_starts": list(spec.bucket_starts) if isinstance(spec, HistogramSpec) else None,
                "shapes": sorted(shape_ids_of(spec)),
                "definition": _json_definition(spec_file, name, place),
            },
            place,
        )
    for file_kind, entry in other_entries(spec_file):
        if entry["name"] == name:
            return file_kind, _shown(entry), source_of(spec_file, cached.revision, file_kind, name, entry)
    return FileKind.HISTOGRAM, None, None


def _json_definition(spec_file: SpecFile, name: str, place: dict[str, Any] | None) -> dict[str, Any]:
    """Return the members of a histogram's definition, from its own text if that can be read by itself."""
    try:
        found = orjson.loads(f"{{{place['text']}}}") if place else {}
    except ValueError:
        found = {}
    definition = found.get(name) or load_definitions(spec_file.text).get(name)
    return definition if isinstance(definition, dict) else {}


def _glean_source(source: Source, application: str, name: str, revision: str) -> dict[str, Any] | None:
    """Return the place of a Glean metric in the imported files."""
    for found, metric in GleanApplications(source.setup.specs / FOLDER).all_metrics():
        if (found, metric.name) != (application, name):
            continue
        for path in sorted((source.setup.specs / FOLDER / application).glob(f"*/{metric.file}")):
            text = yaml_text(path.read_text("utf-8", "replace"), metric.line)
            if text.strip().startswith(name.rpartition(".")[2]):
                file = f"{path.parent.name}/{path.name}"
                return {"revision": revision, "file": file, "line": metric.line, "text": text, "url": None}
    return None


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry["kind"],
        "keyed": entry["keyed"],
        "bucket_starts": entry.get("bucket_starts"),
        "shapes": [],
        "definition": entry,
    }


def _glean_entries(source: Source) -> Iterator[tuple[str, Entry]]:
    for application, metric in GleanApplications(source.setup.specs / FOLDER).all_metrics():
        yield application, glean_entry(metric)
