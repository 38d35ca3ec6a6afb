"""Packing the histograms of a ping whose parts are still text."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from storage.partitions.histogram_row import Row
from telemetry_server.convert.compiled.ping_text import (
    HistogramsText,
    Layouts,
    NeedsFullParse,
    PackedText,
    RowsText,
    pack_histograms,
)
from telemetry_server.convert.histograms.definitions import SpecDefinitions
from telemetry_server.convert.histograms.histogram_check import RefusedText
from telemetry_server.convert.histograms.histogram_packer import (
    KEYED,
    MAX_DROPPED,
    MAX_DROPPED_CHARACTERS,
    MAX_NUMBERS,
    PackedPlace,
    Packer,
    Place,
    place_in,
)
from telemetry_server.pings.json_text import MAX_NESTING, may_have_long_integers, nesting_of

# The deepest place of a histogram: payload, processes, a process, keyedHistograms, a name, and the outermost.
MAX_NESTING_THERE = MAX_NESTING - 6

_EMPTY = b"{}"


class NothingToPack(Packer):
    """The packer of a ping without histograms; for any other ping its methods raise `NeedsFullParse`."""

    def pack(self, place: Place) -> None:
        """Raise `NeedsFullParse`."""
        raise NeedsFullParse


class TextPacker(Packer):
    """
    Replaces the text of histograms by the text of rows.

    Histograms that the compiled walk leaves are decoded and checked as in any `Packer`.  Its methods
    raise `NeedsFullParse` where the result might differ from a full parse.
    """

    def __init__(self, definitions: SpecDefinitions, *, notes_cells: bool = False) -> None:
        super().__init__(definitions)
        self._notes_cells = notes_cells
        layouts = definitions.laid_out
        if layouts is None:
            layouts = Layouts(definitions, keyed=False), Layouts(definitions, keyed=True)
            definitions.laid_out = layouts
        self._plain: Layouts
        self._keyed: Layouts
        self._plain, self._keyed = layouts

    def pack(self, place: Place) -> None:
        """Pack all histograms of *place*."""
        histograms = place.parent[place.key]
        if histograms.__class__ is not HistogramsText:
            super().pack(place)
            return
        text = histograms.text
        is_keyed = place.key == KEYED
        layouts = self._keyed if is_keyed else self._plain
        packed = pack_histograms(text, layouts, place.where, keyed=is_keyed, notes_cells=self._notes_cells)
        by_walk = len(packed.names)
        rows = (
            self._keyed_rows(packed, text, place.where)
            if is_keyed
            else self._rows(packed, None, text, place.where)
        )
        cells = packed.cells if len(packed.names) == by_walk else None
        place.parent[place.key] = RowsText(rows, cells) if rows != _EMPTY else {}
        self.packed.append(PackedPlace(place, packed.names, rows))

    def _rows(self, packed: PackedText, keyed: str | None, text: bytes, where: str) -> bytes:
        """The rows of *packed* as an object; *keyed* is the histogram whose keys these are."""
        self._count_all(packed)
        objects = []
        left = [chunk for chunk in packed.chunks if not isinstance(chunk, bytes) and len(chunk) == 3]
        values = _values_of([text[start:end] for _, start, end in left])
        for chunk in packed.chunks:
            if isinstance(chunk, bytes):
                objects.append(chunk)
                continue
            if len(chunk) == 2:
                self._drop_text(chunk)
                continue
            entry = chunk[0]
            name, key = (entry, None) if keyed is None else (keyed, entry)
            row = self._row(name, key, next(values), where)
            if row is not None:
                packed.names.append(entry)
                objects.append(b"{%b:%b}" % (orjson.dumps(entry), orjson.dumps(row)))
        return _joined(objects)

    def _keyed_rows(self, packed: PackedText, text: bytes, where: str) -> bytes:
        self._count_all(packed)
        objects = []
        for chunk in packed.chunks:
            if isinstance(chunk, bytes):
                objects.append(chunk)
                continue
            assert len(chunk) == 3  # a name with a refused key is checked key by key
            name, start, end = chunk
            by_key = text[start:end]
            if by_key.startswith(b"{") and by_key != b"{}":
                of_keys = pack_histograms(by_key, self._keyed[name], place_in(where, name), name)
                kept = self._rows(of_keys, name, by_key, where)
                # A name stays only while a key of it does.
                if kept != _EMPTY:
                    packed.names.append(name)
                    objects.append(b"{%b:%b}" % (orjson.dumps(name), kept))
            else:
                self._pack_keyed({name: _value_of(by_key)}, where)
        return _joined(objects)

    def _count_all(self, packed: PackedText) -> None:
        self.kept += packed.kept
        self._numbers += packed.numbers
        if self._numbers > MAX_NUMBERS:
            raise NeedsFullParse

    def _drop_text(self, refused: RefusedText) -> None:
        reason, text = refused
        self.refused += 1
        # The text has more characters than are limited; near the limit the full parse counts them.
        self._refused_characters += len(text)
        if self.refused > MAX_DROPPED or self._refused_characters > MAX_DROPPED_CHARACTERS:
            raise NeedsFullParse
        self.dropped.add(reason, text)

    def _lose_too_much(self) -> None:
        raise NeedsFullParse

    def _row(self, name: str, key: str | None, histogram: Any, where: str) -> Row | None:
        row = self._checked_row(name, key, histogram, where)
        if row is not None:
            self._keep(name, histogram, row)
        return row


def _joined(objects: list[bytes]) -> bytes:
    """One object of the entries of *objects*, none of which is empty."""
    if len(objects) == 1:
        return objects[0]
    return b"{%b}" % b",".join([each[1:-1] for each in objects])


def _value_of(text: bytes) -> Any:
    return next(_values_of([text]))


def _values_of(texts: Sequence[bytes]) -> Iterator[Any]:
    """
    Yield the decoded value of each of *texts*.

    Raises:
        NeedsFullParse: The walk may have misread one, or a number in it is too long for this parser.
    """
    # The parser used here turns integers past 64 bits into floats.
    if texts and may_have_long_integers(b" %b " % b" ".join(texts)):
        raise NeedsFullParse
    for text in texts:
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise NeedsFullParse from None
        # The walk counted only brackets, those in strings included.
        if text.count(b"{") + text.count(b"[") > MAX_NESTING_THERE and nesting_of(text) > MAX_NESTING_THERE:
            raise NeedsFullParse
        yield value
