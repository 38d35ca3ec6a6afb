"""A ping that the compiled walk has split; see `telemetry_server.convert.ping.Ping`."""

from collections import Counter
from typing import Any

from telemetry_server.convert.compiled.ping_text import NeedsFullParse, encode, open_ping
from telemetry_server.convert.compiled.text_packer import NothingToPack, TextPacker
from telemetry_server.convert.histograms.definitions import Definitions, SpecDefinitions
from telemetry_server.convert.histograms.histogram_packer import Packer


class CompiledPing:
    """A ping whose parts stay text until they are asked for; its methods raise `NeedsFullParse`."""

    def __init__(self, text: bytes, notes: Counter[str]) -> None:
        """Split *text*, the inflated body; the walk mends nothing, so *notes* stays as it is."""
        del notes
        self.root: dict[str, Any] = open_ping(text)
        self.text = text

    def decoded(self) -> dict[str, Any]:
        """Always raises `NeedsFullParse`: to decode every part is the full parse."""
        raise NeedsFullParse

    def packer(self, definitions: Definitions, *, notes_cells: bool) -> Packer:
        """An object that packs the text of histograms; only a spec file's definitions are laid out for it."""
        if isinstance(definitions, SpecDefinitions):
            return TextPacker(definitions, notes_cells=notes_cells)
        return NothingToPack(definitions)

    def encode(self, record: dict[str, Any]) -> bytes:
        """The JSON of *record*, with the text of its parts copied."""
        return encode(record)

    def opened(self, record: dict[str, Any]) -> dict[str, Any]:
        """*record* itself: its parts are the text that was copied, or were decoded from it."""
        return record
