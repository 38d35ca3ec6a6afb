"""Finds the histograms of a ping and replaces them by rows."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from storage.partitions.histogram_row import Row
from telemetry_server.convert.histograms.definitions import Definition, Definitions
from telemetry_server.convert.histograms.histogram_check import Dropped, checked_row, row_of
from telemetry_server.convert.histograms.self_description import CHILDREN, PROCESSES, Section, SelfDescription
from telemetry_server.convert.payloads.parsed_payload import JsonObject
from telemetry_server.outcomes.outcome import (
    DroppedHistogram,
    DroppedHistograms,
    HistogramReason,
    QuarantineReason,
)
from telemetry_server.outcomes.refusal import Refusal
from telemetry_server.pings.json_place import json_type, key_text

PLAIN = "histograms"
KEYED = "keyedHistograms"
# Numbers in the rows of one ping: a few bytes can require a row of thousands.
MAX_NUMBERS = 4_000_000
# Dropped histograms of a ping that is still stored: a build of Firefox has some 2,000 definitions.
MAX_DROPPED = 10_000
# Characters of their names, places and details: a keyed name is repeated for each of its keys.
MAX_DROPPED_CHARACTERS = 8 << 20


class Place(NamedTuple):
    """An object of histograms: ``<parent>[key]``."""

    parent: JsonObject
    key: str  # `PLAIN` or `KEYED`
    where: str  # its path in the payload
    section: Section = ()


def places_of(packable: JsonObject, where: str) -> Iterator[Place]:
    """
    Every object of histograms in *packable*: its own, those of its processes and of its child payloads.

    Empty objects are skipped.  Places are yielded one by one, since a ping may have 100,000s.
    """
    yield from _places_in(packable, where)
    processes = packable.get(PROCESSES)
    if isinstance(processes, dict):
        for name, process in processes.items():
            yield from _places_in(process, f"{where}processes.{key_text(name)}.", (PROCESSES, name))
    children = packable.get(CHILDREN)
    if isinstance(children, list):
        for position, child in enumerate(children):
            yield from _places_in(child, f"{where}childPayloads[{position}].", (CHILDREN, str(position)))


def _places_in(parent: Any, where: str, section: Section = ()) -> Iterator[Place]:
    if isinstance(parent, dict):
        for key in (PLAIN, KEYED):
            histograms = parent.get(key)
            if histograms is not None and not (histograms.__class__ is dict and not histograms):
                yield Place(parent, key, where + key, section)


def place_in(where: str, name: str, key: str | None = None) -> str:
    """The path of the histogram *name*, or of its *key*, in the object at *where*."""
    return f"{where}.{key_text(name)}" if key is None else f"{where}.{key_text(name)}.{key_text(key)}"


def has_histograms(packable: JsonObject) -> bool:
    """Whether packing *packable* requires definitions."""
    histograms = packable.get(PLAIN)  # most pings that have any have these
    if isinstance(histograms, dict) and histograms:
        return True
    for parent, key, _, _ in places_of(packable, ""):
        histograms = parent[key]
        if isinstance(histograms, dict) and histograms:
            return True
    return False


class PackedPlace(NamedTuple):
    """The rows that replaced the histograms of a place."""

    place: Place
    names: Collection[str]
    rows: Mapping[str, Any] | bytes  # bytes: as JSON text


class Packer:
    """Replaces the histograms of one ping by rows, and removes those that are dropped."""

    def __init__(self, definitions: Definitions) -> None:
        self.kept = 0
        self.packed: list[PackedPlace] = []
        self.dropped = DroppedHistograms()
        self.refused = 0  # may exceed `len(dropped)`: past a limit dropped histograms are only counted
        self._refused_characters = 0
        self._definitions = definitions
        self._numbers = 0

    def pack(self, place: Place) -> None:
        """
        Pack all histograms of *place*.

        Raises:
            Refusal: The ping's rows would hold more than `MAX_NUMBERS` (`too_large`).
        """
        histograms = place.parent[place.key]
        if not isinstance(histograms, dict):
            del place.parent[place.key]
            detail = f"it is {json_type(histograms)}, not an object of histograms"
            self._drop(place.key, place.where, histograms, HistogramReason.MALFORMED, detail)
        elif place.key == KEYED:
            rows: dict[str, Any] = self._pack_keyed(histograms, place.where)
            place.parent[KEYED] = rows
            self.packed.append(PackedPlace(place, rows.keys(), rows))
        else:
            rows = self._pack_plain(histograms, place.where)
            place.parent[PLAIN] = rows
            self.packed.append(PackedPlace(place, rows.keys(), rows))

    def _pack_plain(self, histograms: JsonObject, where: str) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        definition_of = self._definitions.definition
        for name, histogram in histograms.items():
            row = None
            if histogram.__class__ is dict:
                definition = definition_of(name, histogram)
                if isinstance(definition, Definition) and definition.keyed is not True:
                    row = row_of(histogram, definition)
            if row is None:
                row = self._checked_row(name, None, histogram, where)
                if row is None:
                    continue
            rows[name] = row
            self._keep(name, histogram, row)
        return rows

    def _pack_keyed(self, histograms: JsonObject, where: str) -> dict[str, dict[str, Row]]:
        kept: dict[str, dict[str, Row]] = {}
        for name, by_key in histograms.items():
            if isinstance(by_key, dict):
                rows = self._pack_keys(name, by_key, where)
                # A name stays only while a key of it does.
                if rows:
                    kept[name] = rows
            else:
                detail = f"it is {json_type(by_key)}, not an object of histograms by key"
                self._drop(name, place_in(where, name), by_key, HistogramReason.MALFORMED, detail)
        return kept

    def _pack_keys(self, name: str, by_key: JsonObject, where: str) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        for key, histogram in by_key.items():
            row = None
            if histogram.__class__ is dict:
                definition = self._definitions.definition(name, histogram)
                if isinstance(definition, Definition) and definition.keyed is not False:
                    row = row_of(histogram, definition)
            if row is None:
                row = self._checked_row(name, key, histogram, where)
                if row is None:
                    continue
            rows[key] = row
            self._keep(name, histogram, row)
        return rows

    def self_described(self) -> JsonObject:
        """The descriptions sent with the packed histograms; empty where definitions were used."""
        return {}

    def _checked_row(self, name: str, key: str | None, histogram: Any, where: str) -> Row | None:
        try:
            return checked_row(name, histogram, key is not None, self._definitions)
        except Dropped as dropped:
            if self.refused > MAX_DROPPED:
                self.refused += 1  # past the limit only the count is used
            else:
                self._drop(name, place_in(where, name, key), histogram, dropped.reason, dropped.detail)
            return None

    def _drop(self, name: str, where: str, value: Any, reason: HistogramReason, detail: str) -> None:
        """Note the dropped histogram *name*, the *value* at *where*."""
        self.refused += 1
        self._refused_characters += len(name) + len(where) + len(detail)
        if self.refused > MAX_DROPPED or self._refused_characters > MAX_DROPPED_CHARACTERS:
            self._lose_too_much()
        else:
            self.dropped.add(reason, DroppedHistogram(name, reason, detail, where, value))

    def _lose_too_much(self) -> None:
        """Only count dropped histograms from here on."""
        self.dropped.by_reason.clear()

    def check_losses(self) -> None:
        """
        Refuse a ping with too many dropped histograms; call it after the last place.

        Raises:
            Refusal: More than `MAX_DROPPED`, or `MAX_DROPPED_CHARACTERS` of names and details (`too_large`).
        """
        if self.refused > MAX_DROPPED:
            raise Refusal(
                QuarantineReason.TOO_LARGE,
                f"{self.refused} of its histograms are refused, and at most {MAX_DROPPED} are allowed",
            )
        if self._refused_characters > MAX_DROPPED_CHARACTERS:
            raise Refusal(
                QuarantineReason.TOO_LARGE,
                f"{self.refused} of its histograms are refused, and their names, places and details are"
                f" {self._refused_characters} characters, more than {MAX_DROPPED_CHARACTERS}",
            )

    def _keep(self, name: str, histogram: JsonObject, row: Row) -> None:
        self.kept += 1
        self._numbers += len(row)
        if self._numbers > MAX_NUMBERS:
            raise Refusal(
                QuarantineReason.TOO_LARGE,
                f"its histograms would fill rows of more than {MAX_NUMBERS} numbers",
            )


class SelfDescribedPacker(Packer):
    """Packs histograms by their own descriptions, and collects these for the record."""

    def __init__(self, description: SelfDescription) -> None:
        super().__init__(description)
        self._description = description

    def pack(self, place: Place) -> None:
        """Pack all histograms of *place*."""
        self._description.enter(place.section)
        super().pack(place)

    def _keep(self, name: str, histogram: JsonObject, row: Row) -> None:
        super()._keep(name, histogram, row)
        self._description.keep(name, histogram)

    def self_described(self) -> JsonObject:
        """The descriptions of what was packed, as ``metadata.self_described``."""
        return self._description.as_metadata()
