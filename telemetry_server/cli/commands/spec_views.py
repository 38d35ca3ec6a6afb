"""The actions ``telemetry-server specs show`` and ``specs diff``."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from histogram_specs.aliases import parse_aliases
from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.diff import diff_spec_files
from histogram_specs.errors import SpecError
from histogram_specs.history.history import History
from histogram_specs.history.resolver import Awaiting, Resolved, Resolver
from histogram_specs.history.timeline import Definition, Era, eras
from histogram_specs.revision import Revision, parse_revision_url
from histogram_specs.spec import HistogramSpec
from histogram_specs.spec_file import SpecFile, UnusableDefinition, parse_spec_file
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.composition.conversion import constants_of
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import print_json, print_table, print_text, say


class DefinitionsNotFound(Exception):
    """The requested definitions are not available; *status* is the exit status."""

    def __init__(self, text: str, status: ExitStatus = ExitStatus.FINDINGS) -> None:
        super().__init__(text)
        self.status = status


class SpecFinder:
    """Finds spec files by path, by the URL of a revision, or the newest one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        directory = settings.revision_cache_dir.resolve()
        self.cache = RevisionCache(directory, constants=constants_of(settings))
        self.history = History(directory)

    def of_file(self, path: Path) -> SpecFile:
        """
        Return the specs of a file.

        Raises:
            DefinitionsNotFound: If it cannot be read.
            SpecError: If it is not a spec file; the text names it.
        """
        try:
            return parse_spec_file(path.read_bytes(), self.cache.constants)
        except OSError as error:
            raise DefinitionsNotFound(f"{path}: {error.strerror}", ExitStatus.BAD_INPUT) from None
        except SpecError as error:
            raise SpecError(f"{path} is not a spec file: {error}") from error

    def of_revision(self, revision: Revision, *, histograms: bool = True) -> SpecFile:
        """
        Return the specs of a revision; it is fetched if necessary and allowed.

        Without *histograms* its other files will do.

        Raises:
            DefinitionsNotFound: If cache, history and server do not have it.
        """
        resolver = Resolver(
            self.cache,
            self.history,
            offline=self._settings.revision_offline,
            aliases=parse_aliases(self._settings.repository_aliases),
        )
        answer = resolver.resolve(revision, channel=None, build_id=None, version=None, histograms=histograms)
        if isinstance(answer, Awaiting):
            self._fetch(revision)
            answer = resolver.resolve(
                revision, channel=None, build_id=None, version=None, histograms=histograms
            )
        if isinstance(answer, Resolved):
            return answer.spec_file
        raise DefinitionsNotFound(
            getattr(answer, "detail", f"{revision} was removed from the cache just now")
        )

    def newest(self, *, histograms: bool = True) -> SpecFile:
        """
        Return the newest specs of mozilla-central in the history, or else the last cached ones.

        Without *histograms* a revision without Histograms.json will do.

        Raises:
            DefinitionsNotFound: If history and cache are empty.
        """
        versions = self.history.versions("mozilla-central")
        if versions:
            say(f"{versions[-1].revision}, in force since {versions[-1].since:%Y-%m-%d}")
            in_force = self.history.at_revision(versions[-1].revision)
            companions = {} if in_force is None else dict(in_force.companions)
            return self.cache.shared(versions[-1].digest, self.history.spec_text, companions)
        cached = [entry for entry in self.cache.list() if entry.has_histograms or not histograms]
        if not cached:
            raise DefinitionsNotFound(
                "the revision cache is empty: use --file or --revision, or run specs prefetch"
            )
        newest = max(cached, key=lambda entry: entry.path.stat().st_mtime_ns)
        say(str(newest.revision))
        found = self.cache.load_listed(newest)
        return self.of_file(newest.path) if found is None else found

    def of_digest(self, digest: str) -> SpecFile:
        """Return the specs of the history's text with this digest."""
        return self.cache.shared(digest, self.history.spec_text)

    def named(self, text: str) -> SpecFile:
        """Return the specs of *text*, a path or a URL."""
        if text.startswith(("http://", "https://")):
            return self.of_revision(parse_revision_url(text))
        return self.of_file(Path(text))

    def _fetch(self, revision: Revision) -> None:
        import asyncio

        from histogram_specs.cache.fetcher import FetchResult, SpecFetcher
        from histogram_specs.sources.source import source_of

        async def fetch() -> tuple[FetchResult, str]:
            async with SpecFetcher(self.cache, source_of(self._settings.revision_server)) as fetcher:
                return await fetcher.fetch(revision), fetcher.detail_of(revision)

        result, detail = asyncio.run(fetch())
        if result is FetchResult.UNREACHABLE:
            raise DefinitionsNotFound(detail, ExitStatus.TRY_AGAIN)
        if result is FetchResult.MISSING:
            raise DefinitionsNotFound(f"the revision server has no Histograms.json at {revision}")


def show(args: argparse.Namespace, settings: Settings) -> int:
    """Print one definition, or all; 1 if the name is not defined."""
    definitions = SpecFinder(settings)
    if args.history:
        return _show_history(args, definitions)
    if args.file:
        spec_file = definitions.of_file(Path(args.file))
    elif args.revision:
        spec_file = definitions.of_revision(parse_revision_url(args.revision))
    else:
        spec_file = definitions.newest()
    if args.name:
        return _show_one(spec_file, args.name, json=args.json)
    for unusable in spec_file.unusable:
        say(f"{unusable.name} is unusable: {unusable.detail}")
    if args.json:
        print_json([as_json(spec) for spec in spec_file])
        return ExitStatus.DONE
    rows = [(s.name, s.kind.value, s.keyed, _counts(s), *s.range) for s in spec_file]
    print_table(("name", "kind", "keyed", "buckets", "second", "last"), rows)
    return ExitStatus.DONE


def as_json(spec: HistogramSpec) -> dict[str, Any]:
    """
    Return a definition as ``specs show --json`` prints it.

    `labels` (in bucket order) and `other_bucket_starts` are omitted if they are empty.
    """
    printed: dict[str, Any] = {
        "name": spec.name,
        "kind": spec.kind.value,
        "keyed": spec.keyed,
        "bucket_starts": list(spec.bucket_starts),
    }
    if spec.other_buckets:
        printed["other_bucket_starts"] = [list(buckets.starts) for buckets in spec.other_buckets]
    if spec.labels:
        printed["labels"] = list(spec.labels)
    return printed


def _counts(spec: HistogramSpec) -> str:
    return " or ".join(str(len(buckets.starts)) for buckets in spec.all_buckets)


def _show_one(spec_file: SpecFile, name: str, *, json: bool) -> int:
    found = spec_file.find(name)
    if not isinstance(found, HistogramSpec):
        say(f"{name} is {'not defined' if found is None else f'unusable: {found.detail}'}")
        if json:
            print_json([])
        return ExitStatus.FINDINGS
    if json:
        print_json([as_json(found)])
        return ExitStatus.DONE
    print_text(f"{found.name} (line {spec_file.line_of(name)})")
    for title, value in _facts(found):
        print_text(f"  {title:<12}{value}")
    return ExitStatus.DONE


def _facts(spec: HistogramSpec) -> list[tuple[str, str]]:
    facts = [
        ("kind", spec.kind.value),
        ("keyed", "yes" if spec.keyed else "no"),
        ("expires", spec.expires),
        ("processes", ", ".join(spec.record_in_processes)),
        ("stores", ", ".join(spec.record_into_store)),
        ("labels", ", ".join(spec.labels)),
        ("keys", ", ".join(spec.keys)),
        *(
            (title, f"{len(buckets.starts)}, starting at {' '.join(map(str, buckets.starts))}")
            for title, buckets in zip(
                ("buckets", *("or" for _ in spec.other_buckets)), spec.all_buckets, strict=True
            )
        ),
    ]
    return [(title, value) for title, value in facts if value]


def _show_history(args: argparse.Namespace, definitions: SpecFinder) -> int:
    if not args.name:
        say("telemetry-server specs show: --history needs a NAME")
        return ExitStatus.USAGE
    versions = definitions.history.versions(args.repo)
    if not versions:
        raise DefinitionsNotFound(
            f"the history of {args.repo} was not downloaded yet:"
            f" run telemetry-server specs prefetch --repo {args.repo}"
        )
    found = list(eras(args.name, versions, definitions.of_digest))
    if args.json:
        print_json([_era_as_json(era) for era in found])
    else:
        rows = [
            (
                f"{era.since:%Y-%m-%d}",
                f"{era.until:%Y-%m-%d}" if era.until else "now",
                era.revision.changeset[:12],
                _in_a_line(era.definition),
            )
            for era in found
        ]
        print_table(("since", "until", "revision", "definition"), rows)
    defined = any(era.definition is not None for era in found)
    return ExitStatus.DONE if defined else ExitStatus.FINDINGS


def _era_as_json(era: Era) -> dict[str, Any]:
    definition = era.definition
    return {
        "since": era.since,
        "until": era.until,
        "revision": str(era.revision),
        "definition": as_json(definition) if isinstance(definition, HistogramSpec) else None,
        "unusable": definition.detail if isinstance(definition, UnusableDefinition) else None,
    }


def _in_a_line(definition: Definition) -> str:
    if definition is None:
        return "not defined"
    if isinstance(definition, UnusableDefinition):
        return f"unusable: {definition.detail}"
    low, high = definition.range
    keyed = "keyed " if definition.keyed else ""
    return (
        f"{keyed}{definition.kind}, {_counts(definition)} buckets, {low} to {high}, "
        f"expires {definition.expires}"
    )


def diff(args: argparse.Namespace, settings: Settings) -> int:
    """Print what was added, removed and changed."""
    definitions = SpecFinder(settings)
    difference = diff_spec_files(
        definitions.named(args.old), definitions.named(args.new), definitions.cache.constants
    )
    if args.json:
        print_json(asdict(difference))
        return ExitStatus.DONE
    for name in difference.added:
        print_text(f"added    {name}")
    for name in difference.removed:
        print_text(f"removed  {name}")
    for change in difference.changed:
        print_text(f"changed  {change.name}{' (buckets changed)' if change.buckets_changed else ''}")
        for field in change.fields:
            print_text(f"           {field.field}: {_shown(field.old)} -> {_shown(field.new)}")
    print_text(
        f"{len(difference.added):,} added, {len(difference.removed):,} removed, "
        f"{len(difference.changed):,} changed"
    )
    return ExitStatus.DONE


def _shown(value: Any) -> str:
    return "-" if value is None else str(value)
