"""Generates the n-th ping of a seed: always the same bytes, independent of earlier pings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from random import Random

from telemetry_server.generator.definitions import Definitions
from telemetry_server.generator.faults import (
    PAYLOAD_FAULTS,
    TRANSPORT_FAULTS,
    histogram_fault_names,
    packed,
    put_fault_into_histograms,
    text_of,
)
from telemetry_server.generator.payloads import Draft, Layout, draft

GOOD, REPEAT, CONFLICT = "good", "repeat", "conflict"
MIN_BEFORE_REPEATS = 4


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected outcome of a ping."""

    outcome: str  # stored, duplicate or quarantined
    reason: str | None = None  # for quarantine
    histograms_kept: int = 0
    histograms_dropped: Mapping[str, int] = field(default_factory=dict)
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class GeneratedPing:
    """One ping as it is sent, and its expected outcome."""

    index: int
    kind: str  # "good", "repeat", "conflict", or the reason that its fault causes
    document_id: str
    path: str
    body: bytes  # gzipped, unless a fault changed that
    expected: Expected


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parameters of a stream of pings; equal recipes make equal streams."""

    definitions: Definitions
    seed: int = 0
    malformed_rate: float = 0.0
    repeat_rate: float = 0.0
    layout: Layout = Layout.CLASSIC
    lines_only: bool = False  # without faults that a line format cannot express
    newest_build: date | None = None  # None for those of the layout's time

    def kinds(self) -> tuple[str, ...]:
        """The kinds of faults in this recipe."""
        whole = (*PAYLOAD_FAULTS, *(() if self.lines_only else TRANSPORT_FAULTS))
        return (*whole, *histogram_fault_names(self.definitions))

    def kind_at(self, index: int) -> str:
        """Return the kind of the ping at *index*."""
        chance = Random(f"{self.seed}/{index}/kind")
        if chance.random() < self.malformed_rate:
            return chance.choice(self.kinds())
        if index >= MIN_BEFORE_REPEATS and chance.random() < self.repeat_rate:
            return chance.choice((REPEAT, REPEAT, CONFLICT))
        return GOOD

    def _draft_at(self, index: int) -> Draft:
        return draft(Random(f"{self.seed}/{index}"), self.definitions, self.layout, self.newest_build)

    def _earlier_good(self, index: int) -> int | None:
        return next((n for n in range(index - 1, -1, -1) if self.kind_at(n) == GOOD), None)

    def ping_at(self, index: int) -> GeneratedPing:
        """Return the ping at *index*, counted from 0."""
        kind = self.kind_at(index)
        if kind in (REPEAT, CONFLICT):
            earlier = self._earlier_good(index)
            if earlier is not None:
                return self._again(index, earlier, kind)
            kind = GOOD
        made = self._draft_at(index)
        if kind == GOOD:
            expected = Expected("stored", histograms_kept=made.histogram_count())
            return GeneratedPing(index, kind, made.document_id, made.path, packed(text_of(made)), expected)
        return self._with_fault(index, kind, made)

    def _with_fault(self, index: int, kind: str, made: Draft) -> GeneratedPing:
        chance = Random(f"{self.seed}/{index}/fault")
        whole = PAYLOAD_FAULTS.get(kind) or TRANSPORT_FAULTS.get(kind)
        if whole is not None:
            faulty = whole(chance, made, self.definitions)
            expected = Expected("quarantined", kind)
        else:
            faulty = put_fault_into_histograms(chance, made, self.definitions, kind)
            kept = made.histogram_count() - faulty.dropped
            expected = Expected("stored", None, kept, {kind: faulty.dropped})
        return GeneratedPing(index, kind, made.document_id, faulty.path, faulty.body, expected)

    def _again(self, index: int, earlier: int, kind: str) -> GeneratedPing:
        made = self._draft_at(earlier)
        if kind == CONFLICT:
            made.section["simpleMeasurements"]["uptime"] += 1
        expected = Expected("duplicate", conflict=kind == CONFLICT)
        return GeneratedPing(index, kind, made.document_id, made.path, packed(text_of(made)), expected)

    def pings(self, count: int) -> Iterator[GeneratedPing]:
        """Yield the first *count* pings."""
        return (self.ping_at(index) for index in range(count))
