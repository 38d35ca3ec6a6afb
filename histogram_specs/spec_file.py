"""Parses a Histograms.json."""

import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

import orjson

from histogram_specs.definition import resolve_definition
from histogram_specs.definition_files import DEPRECATED_OPERATIONS, USE_COUNTERS, digest_of
from histogram_specs.errors import NotASpecFile, SpecError
from histogram_specs.expressions import CONSTANTS, Constants
from histogram_specs.spec import HistogramSpec
from histogram_specs.use_counters import NO_USE_COUNTERS, PREFIX, UseCounters, parse_use_counters

Made = TypeVar("Made")

MAX_BYTES = 4 * 2**20
# Limits of memory per file: ten times the largest known files.
MAX_DEFINITIONS = 20_000
MAX_BUCKETS_IN_ALL = 500_000
STARTUP_PREFIX = "STARTUP_"

# The tokens that determine line and nesting level in JSON text: strings, brackets, newlines.
_LANDMARK = re.compile(r'"(?:[^"\\]|\\.)*"(?P<colon>\s*:)?|[{}\[\]\n]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class UnusableDefinition:
    """A definition whose buckets cannot be computed."""

    name: str
    detail: str  # one line


class SpecFile:
    """
    The definitions of one Histograms.json, each a spec or an unusable definition.

    Made by `parse_spec_file`.  It does not change, so it can be shared.

    Args:
        companions: The other files of the revision that define probes, by name.
    """

    def __init__(
        self,
        text: bytes,
        definitions: Mapping[str, HistogramSpec | UnusableDefinition],
        companions: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        self.digest = digest_of(text, companions)
        self._definitions = definitions
        # Stored compressed, a tenth of its size: only line numbers need the text again.
        self._packed_text = zlib.compress(text, 1)
        self._packed_companions = {name: zlib.compress(each, 1) for name, each in companions.items()}
        self._made: dict[Any, Any] = {}

    def __len__(self) -> int:
        return len(self._definitions)

    def __iter__(self) -> Iterator[HistogramSpec]:
        """Yield the usable specs in the order of the file."""
        return (found for found in self._definitions.values() if isinstance(found, HistogramSpec))

    @property
    def text(self) -> bytes:
        """The unmodified bytes of the file."""
        return zlib.decompress(self._packed_text)

    def once(self, make: "Callable[[SpecFile], Made]") -> Made:
        """Return what *make* makes of this file.  It is made once, and goes with the file."""
        made: Made | None = self._made.get(make)
        if made is None:
            made = self._made[make] = make(self)
        return made

    def companion(self, name: str) -> bytes | None:
        """The text of another file of the revision; None where the revision lacks it."""
        packed = self._packed_companions.get(name)
        return None if packed is None else zlib.decompress(packed)

    def with_companions(self, changed: Mapping[str, bytes]) -> "SpecFile":
        """A copy in which *changed* replaces other files of the revision."""
        companions = {name: zlib.decompress(packed) for name, packed in self._packed_companions.items()}
        return SpecFile(self.text, self._definitions, {**companions, **changed})

    @cached_property
    def use_counters(self) -> UseCounters:
        """The use counters of the revision."""
        files = [
            None if (text := self.companion(name)) is None else (name, text)
            for name in (USE_COUNTERS, DEPRECATED_OPERATIONS)
        ]
        return parse_use_counters(*files)[0] if any(files) else NO_USE_COUNTERS

    @property
    def names(self) -> tuple[str, ...]:
        """All defined names, usable or not, in the order of the file."""
        return tuple(self._definitions)

    @property
    def unusable(self) -> tuple[UnusableDefinition, ...]:
        """The unusable definitions, each with the reason."""
        return tuple(found for found in self._definitions.values() if isinstance(found, UnusableDefinition))

    def find(self, name: str) -> HistogramSpec | UnusableDefinition | None:
        """Return the definition of *name*, or of *name* without one ``STARTUP_`` prefix."""
        found = self._definitions.get(name)
        if found is None and name.startswith(STARTUP_PREFIX):
            found = self._definitions.get(name[len(STARTUP_PREFIX) :])
        if found is None and name.startswith(PREFIX):
            found = self.use_counters.find(name)
        return found

    def line_of(self, name: str) -> int | None:
        """Return the line number, from 1, of the definition that `find` returns for *name*."""
        line = self.lines.get(name)
        if line is None and name.startswith(STARTUP_PREFIX):
            line = self.lines.get(name[len(STARTUP_PREFIX) :])
        return line

    @cached_property
    def lines(self) -> Mapping[str, int]:
        """On which line, from 1, the definition of each name begins."""
        lines: dict[str, int] = {}
        line, depth = 1, 0
        for match in _LANDMARK.finditer(self.text.decode("utf-8", "replace")):
            landmark = match[0]
            if landmark == "\n":
                line += 1
            elif landmark in "{[":
                depth += 1
            elif landmark in "}]":
                depth -= 1
            elif depth == 1 and match["colon"]:
                lines[json.loads(landmark[: match.start("colon") - match.start()])] = line
                line += landmark.count("\n")
        return lines


def parse_spec_file(
    text: bytes, constants: Constants = CONSTANTS, companions: Mapping[str, bytes] = MappingProxyType({})
) -> SpecFile:
    """
    Parse the text of a Histograms.json; the *companions* of its revision are kept for their own parsers.

    A definition that cannot be resolved does not affect the others.  Of two definitions with
    the same name the last one counts.

    Raises:
        NotASpecFile: If it is not a JSON object of definitions, or has no usable definition.
    """
    resolved: dict[str, HistogramSpec | UnusableDefinition] = {}
    seen_buckets: set[int] = set()
    buckets_left = MAX_BUCKETS_IN_ALL
    definitions = load_definitions(text)
    has_spare_categories = _is_of_2017_or_later(definitions)
    for name, definition in definitions.items():
        try:
            spec = resolve_definition(name, definition, constants, has_spare_categories=has_spare_categories)
        except SpecError as error:
            resolved[name] = UnusableDefinition(name, str(error))
            continue
        for buckets in spec.all_buckets:
            if id(buckets) not in seen_buckets:
                seen_buckets.add(id(buckets))
                buckets_left -= len(buckets.starts)
        if buckets_left < 0:
            raise NotASpecFile(f"more than {MAX_BUCKETS_IN_ALL:,} different buckets in one file")
        resolved[name] = spec
    if all(isinstance(found, UnusableDefinition) for found in resolved.values()):
        raise NotASpecFile("it contains no usable histogram definition")
    return SpecFile(text, resolved, companions)


def _is_of_2017_or_later(definitions: Mapping[str, Any]) -> bool:
    """
    Return whether every definition names the processes in which it is recorded.

    Firefox has required that since the spring of 2017, shortly after Firefox 53.  Such a file is of a
    release whose categorical histograms have spare buckets; for other files this is unknown.
    """
    return all(
        isinstance(definition, dict) and "record_in_processes" in definition
        for definition in definitions.values()
    )


def load_definitions(text: bytes) -> dict[str, Any]:
    """
    Return the JSON of each definition by name, without checking it.

    Raises:
        NotASpecFile: If *text* is not a JSON object, or exceeds the limits.
    """
    if len(text) > MAX_BYTES:
        raise NotASpecFile(f"{len(text):,} bytes; at most {MAX_BYTES:,} are read")
    try:
        try:
            loaded = orjson.loads(text)
        except orjson.JSONDecodeError:
            # Old files contain stray Latin-1 in descriptions; some editors write a byte order mark.
            loaded = orjson.loads(text.decode("utf-8-sig", "replace"))
    except orjson.JSONDecodeError as error:
        raise NotASpecFile(f"not JSON: {error}") from None
    if not isinstance(loaded, dict):
        raise NotASpecFile("not a JSON object of definitions")
    if len(loaded) > MAX_DEFINITIONS:
        raise NotASpecFile(f"{len(loaded):,} definitions; at most {MAX_DEFINITIONS:,} are read")
    return loaded
