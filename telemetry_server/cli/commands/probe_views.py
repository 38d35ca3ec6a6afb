"""``specs show`` and ``specs diff`` for definitions that are not histograms."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from histogram_specs.revision import parse_revision_url
from telemetry_server.cli.commands.spec_views import DefinitionsNotFound, SpecFinder
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.composition.data_root import revision_cache_path
from telemetry_server.probes.definition import FileKind
from telemetry_server.probes.entries import (
    Entries,
    Entry,
    entries_of_file,
    entries_of_revision,
    glean_entries,
    kind_of_file,
)
from telemetry_server.probes.fields import Mode
from telemetry_server.probes.glean_file import parse_glean
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import print_json, print_table, print_text, say

# Fields that say where a definition is, and nothing of what it means.
_PLACE = frozenset({"line", "file"})


def kind_of(args: argparse.Namespace, *files: str | None) -> FileKind:
    """Return the kind that the arguments name: ``--kind``, or that of the first file, or histograms."""
    if args.kind is not None:
        return FileKind(args.kind)
    first = next((name for name in files if name and not name.startswith(("http://", "https://"))), None)
    return FileKind.HISTOGRAM if first is None else kind_of_file(Path(first))


def show(args: argparse.Namespace, settings: Settings, kind: FileKind) -> int:
    """Print one definition or all; 1 if it is not defined, or has a problem in strict mode."""
    mode = Mode.STRICT if args.strict else Mode.HISTORICAL
    if args.file:
        found = entries_of_file(Path(args.file), kind, mode)
    elif kind is FileKind.GLEAN:
        found = glean_entries(parse_glean(imported_files(settings)))
    else:
        found = _of_revision(SpecFinder(settings), args.revision, kind, mode)
    for problem in found.problems:
        say(problem)
    entries = [entry for entry in found.entries.values() if args.name in (None, entry["name"])]
    if args.json:
        print_json([dict(entry) for entry in entries])
    elif args.name:
        for entry in entries:
            _print(entry)
    else:
        rows = [
            (e["name"], e["kind"], e["keyed"], e.get("expires", "never"), _joined(e.get("owners")))
            for e in entries
        ]
        print_table(("name", "kind", "keyed", "expires", "owners"), rows)
    if args.name and not entries:
        say(f"{args.name} is not defined")
    if found.problems and not found.entries and not args.strict:
        return ExitStatus.BAD_INPUT
    is_good = bool(entries or not args.name) and not (args.strict and found.problems)
    return ExitStatus.DONE if is_good else ExitStatus.FINDINGS


def diff(args: argparse.Namespace, settings: Settings, kind: FileKind) -> int:
    """Print what was added, removed and changed."""
    definitions = SpecFinder(settings)
    old, new = (_named(definitions, text, kind).entries for text in (args.old, args.new))
    added, removed = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    changed: list[dict[str, Any]] = [
        {"name": name, "fields": fields}
        for name in sorted(old.keys() & new.keys())
        if (fields := list(_changes(old[name], new[name])))
    ]
    if args.json:
        print_json({"added": added, "removed": removed, "changed": changed})
        return ExitStatus.DONE
    for name in added:
        print_text(f"added    {name}")
    for name in removed:
        print_text(f"removed  {name}")
    for change in changed:
        print_text(f"changed  {change['name']}")
        for field in change["fields"]:
            print_text(f"           {field['field']}: {_joined(field['old'])} -> {_joined(field['new'])}")
    print_text(f"{len(added):,} added, {len(removed):,} removed, {len(changed):,} changed")
    return ExitStatus.DONE


def imported_files(settings: Settings) -> list[Path]:
    """Return the definition files of Glean applications that were imported."""
    folder = revision_cache_path(settings) / "glean"
    return sorted(path for path in folder.glob("*/*/*.yaml") if path.is_file())


def _named(definitions: SpecFinder, text: str, kind: FileKind) -> Entries:
    if text.startswith(("http://", "https://")):
        return _of_revision(definitions, text, kind, Mode.HISTORICAL)
    return entries_of_file(Path(text), kind, Mode.HISTORICAL)


def _of_revision(definitions: SpecFinder, url: str | None, kind: FileKind, mode: Mode) -> Entries:
    spec_file = (
        definitions.newest(histograms=False)
        if url is None
        else definitions.of_revision(parse_revision_url(url), histograms=False)
    )
    found = entries_of_revision(spec_file, kind, mode)
    if found is None:
        raise DefinitionsNotFound(f"the revision has no definitions of kind {kind}")
    return found


def _changes(old: Entry, new: Entry) -> Iterator[dict[str, Any]]:
    for field in sorted((old.keys() | new.keys()) - _PLACE):
        if old.get(field) != new.get(field):
            yield {"field": field, "old": old.get(field), "new": new.get(field)}


def _print(entry: Entry) -> None:
    print_text(f"{entry['name']} (line {entry['line']})")
    for name, value in entry.items():
        if name not in ("name", *_PLACE) and value not in ([], None):
            print_text(f"  {name.replace('_', ' '):<28}{_joined(value)}")


def _joined(value: Any) -> str:
    if value is None:
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
