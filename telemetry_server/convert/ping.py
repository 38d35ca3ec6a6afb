"""
A ping as the pipeline sees it, and the choice between the two ways of parsing one.

The compiled walk leaves as text what is only copied; the full parse decodes everything.  The full parse
is the reference: the walk is used only where it stores the ping, and then its record is the same, byte
for byte.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from telemetry_server.convert.anomalies import note_parsing
from telemetry_server.convert.compiled.compiled_ping import CompiledPing
from telemetry_server.convert.compiled.ping_text import IS_COMPILED, NeedsFullParse
from telemetry_server.convert.histograms.definitions import Definitions
from telemetry_server.convert.histograms.histogram_packer import Packer, SelfDescribedPacker
from telemetry_server.convert.histograms.self_description import SelfDescription
from telemetry_server.convert.payloads.parsed_payload import JsonObject
from telemetry_server.outcomes.outcome import Outcome, Stored
from telemetry_server.pings.json_text import json_of, parse_object


class Ping(Protocol):
    """
    The JSON object of one submission, parsed in one of two ways.

    Any method of a ping that the compiled walk read may raise `NeedsFullParse`; `convert_ping` catches it.
    """

    @property
    def root(self) -> JsonObject:
        """The outermost object; the steps of the pipeline change it."""

    @property
    def text(self) -> bytes:
        """The JSON text that was read."""

    def decoded(self) -> JsonObject:
        """The outermost object with every value in it decoded, for code that may look anywhere."""

    def packer(self, definitions: Definitions, *, notes_cells: bool) -> Packer:
        """
        An object that packs the histograms of this ping by *definitions*.

        Args:
            notes_cells: Note what rows put into the tables, where that takes less time than to read it later.
        """

    def encode(self, record: JsonObject) -> bytes:
        """The JSON of *record*, which was made from `root`: one line."""

    def opened(self, record: JsonObject) -> JsonObject | None:
        """*record*, if it reads like its JSON does; None where only the JSON may be read."""


class FullyParsedPing:
    """A ping with every value decoded."""

    def __init__(self, text: bytes, notes: Counter[str]) -> None:
        """
        Parse *text*, the inflated body; *notes* counts what had to be mended.

        Raises:
            InvalidJson: *text* is not the JSON of one object, within the limits.
        """
        parsed = parse_object(text)
        note_parsing(parsed, notes)
        self.root = parsed.value
        self.text = parsed.text
        self._reads_as_written = not parsed.may_have_long_integers

    def decoded(self) -> JsonObject:
        """The outermost object itself."""
        return self.root

    def packer(self, definitions: Definitions, *, notes_cells: bool) -> Packer:
        """An object that packs decoded histograms; their rows are read later in any case."""
        del notes_cells
        if isinstance(definitions, SelfDescription):
            return SelfDescribedPacker(definitions)
        return Packer(definitions)

    def encode(self, record: dict[str, Any]) -> bytes:
        """The JSON of *record*, integers past 64 bits included."""
        return json_of(record)

    def opened(self, record: dict[str, Any]) -> dict[str, Any] | None:
        """Return *record*; None where a reader of the JSON may see other numbers than are in it."""
        return record if self._reads_as_written else None


Parse = Callable[[bytes, Counter[str]], Ping]


def first_parser(*, fully: bool) -> Parse:
    """
    Return the parser to try first: the compiled walk, or the full parser.

    What the walk does not store is parsed in full afterwards.
    """
    return CompiledPing if IS_COMPILED and not fully else FullyParsedPing


def convert_ping(convert_with: Callable[[Parse], Outcome], *, fully: bool) -> Outcome:
    """
    The outcome of *convert_with* by the compiled walk where that stores the ping, else by the full parse.

    Args:
        convert_with: Converts one submission with the parser that it is given; may be called twice.
        fully: Use the full parse only.
    """
    parse = first_parser(fully=fully)
    if parse is not FullyParsedPing:
        try:
            outcome = convert_with(parse)
        except NeedsFullParse:
            pass
        else:
            if isinstance(outcome, Stored):
                return outcome
    return convert_with(FullyParsedPing)
