"""Holds a new definition file against stored raw pings, and changes nothing."""

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from histogram_specs.definition_files import DEPRECATED_OPERATIONS, EVENTS, SCALARS, USE_COUNTERS
from histogram_specs.errors import SpecError
from histogram_specs.history.resolver import Resolution, Resolved, Resolver, RevisionSource
from histogram_specs.revision import Revision
from histogram_specs.spec_file import SpecFile, parse_spec_file
from storage.data_root import DataRoot
from telemetry_server.convert.anomalies import ANOMALIES
from telemetry_server.convert.conversion import ConversionContext
from telemetry_server.convert.pipeline import convert
from telemetry_server.coordinator.conversion_setup import ConversionSetup
from telemetry_server.inspection.submission_listing import raw_submissions
from telemetry_server.outcomes.outcome import Stored
from telemetry_server.probes.definition import FileKind
from telemetry_server.probes.entries import text_of
from telemetry_server.probes.glean_file import parse_glean
from telemetry_server.probes.probe_checks import ProbeChecks, checked_record

MAX_CHANGED_FILES = 64


class TrialResolver:
    """
    Finds definitions as *resolver* does, with one file of each revision replaced.

    Args:
        histograms: The new Histograms.json; None where another file is tried.
        companions: The other new files by name.
    """

    def __init__(self, resolver: Resolver, histograms: SpecFile | None, companions: dict[str, bytes]) -> None:
        self._resolver = resolver
        self._histograms = histograms
        self._companions = companions
        self._changed: dict[str, SpecFile] = {}

    def resolve(
        self,
        revision: Revision | None,
        *,
        channel: str | None,
        build_id: str | None,
        version: str | None,
        platform_version: str | None = None,
        histograms: bool = True,
    ) -> Resolution:
        """Find definitions; a ping without histograms needs none but those that are tried."""
        found = self._resolver.resolve(
            revision,
            channel=channel,
            build_id=build_id,
            version=version,
            platform_version=platform_version,
            histograms=histograms,
        )
        if isinstance(found, Resolved):
            return replace(found, spec_file=self._replaced(found.spec_file))
        if not histograms and revision is not None:
            return Resolved(self._replaced(SpecFile(b"", {})), revision, RevisionSource.PING)
        return found

    def _replaced(self, spec_file: SpecFile) -> SpecFile:
        known = self._changed.get(spec_file.digest)
        if known is None:
            if len(self._changed) >= MAX_CHANGED_FILES:
                self._changed.clear()
            known = self._histograms or spec_file.with_companions(self._companions)
            self._changed[spec_file.digest] = known
        return known


@dataclass(slots=True)
class TrialCounts:
    """The outcomes of pings with one set of definitions."""

    stored: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    anomalies: Counter[str] = field(default_factory=Counter)
    metrics: Counter[tuple[str, str]] = field(default_factory=Counter)  # (metric, reason or mark) → pings

    def as_json(self) -> dict[str, Any]:
        """Return the counts as an object."""
        return {
            "stored": self.stored,
            "dropped": dict(sorted(self.dropped.items())),
            "anomalies": dict(sorted(self.anomalies.items())),
        }


_FILE_OF_KIND = {FileKind.SCALAR: SCALARS, FileKind.EVENT: EVENTS}


def trial_context(path: Path, kind: FileKind, setup: ConversionSetup) -> ConversionContext:
    """
    Return today's context with the definitions of the file at *path* in place of today's.

    Raises:
        SpecError, NotADefinitionFile: It cannot be read as a file of that kind.
    """
    context = setup.context()
    histograms, companions = None, {}
    if kind is FileKind.GLEAN:
        return replace(context, applications=context.applications.with_trial(parse_glean([path])))
    if kind is FileKind.HISTOGRAM:
        try:
            histograms = parse_spec_file(text_of(path), dict(setup.constants))
        except SpecError as error:
            raise SpecError(f"{path} is not a spec file: {error}") from error
    elif kind is FileKind.USE_COUNTER:
        name = DEPRECATED_OPERATIONS if path.name.endswith(".h") else USE_COUNTERS
        companions = {name: text_of(path)}
    else:
        companions = {_FILE_OF_KIND[kind]: text_of(path)}
    return replace(context, resolver=TrialResolver(setup.resolver(), histograms, companions))


def try_definitions(
    root: DataRoot, context: ConversionContext, tried: ConversionContext, day: str | None
) -> dict[str, Any]:
    """
    Convert the pings in raw/ with today's definitions and with those that are tried.

    Returns:
        The counts of both, and each metric that is dropped or marked in more pings than today.
    """
    today, new = TrialCounts(), TrialCounts()
    pings = 0
    for submission in raw_submissions(root.raw, day=day):
        pings += 1
        for counts, its_context in ((today, context), (new, tried)):
            outcome = convert(submission, its_context)
            if isinstance(outcome, Stored):
                _count(counts, outcome, its_context)
    worse = {
        key: count - today.metrics[key] for key, count in new.metrics.items() if count > today.metrics[key]
    }
    return {
        "pings": pings,
        **new.as_json(),
        "today": today.as_json(),
        "metrics": [
            {"metric": metric, "reason": reason, "pings": count}
            for (metric, reason), count in sorted(worse.items(), key=lambda item: (-item[1], item[0]))
        ],
    }


def _count(counts: TrialCounts, outcome: Stored, context: ConversionContext) -> None:
    counts.stored += 1
    counts.dropped.update(histogram.reason.value for histogram in outcome.dropped)
    counts.anomalies.update({name: count for name, count in outcome.notes.items() if name in ANOMALIES})
    found = {(histogram.name, histogram.reason.value) for histogram in outcome.dropped}
    checks = ProbeChecks(context.resolver, context.stores, context.applications)
    checked = checked_record(orjson.loads(outcome.record), checks)
    for mark in checked.marks() if checked is not None else ():
        if mark.metric is not None:
            found.add((mark.metric, mark.name.value))
    counts.metrics.update(found)
