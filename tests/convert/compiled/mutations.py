"""
Runs mutated pings through the compiled walk of the named library.

``python -m tests.convert.compiled.mutations LIBRARY SECONDS`` prints how many texts it read, and
fails at the first text for which the library of the package gives another result.
"""

import sys
import time
from contextlib import suppress
from random import Random
from types import ModuleType
from typing import Any

import orjson

from histogram_specs.spec_file import SpecFile, parse_spec_file
from telemetry_server.convert.compiled import ping_text
from telemetry_server.convert.compiled.ping_text import Layouts, RowsText, open_ping
from telemetry_server.convert.compiled.text_packer import TextPacker
from telemetry_server.convert.histograms.definitions import SpecDefinitions
from telemetry_server.convert.histograms.histogram_packer import KEYED, places_of
from telemetry_server.records.definitions import FileLayouts
from telemetry_server.records.record_text import HistogramRows, LayoutKeys
from telemetry_server.tables.column_collectors import Numbers
from tests.convert.compiled.test_two_ways import HISTOGRAMS, PIECES, PINGS, packed_by_walk
from tests.convert.payloads.samples import SPECS
from tests.support.compiled_modules import loaded

MODULE = "telemetry_server.convert.compiled._text"
BYTES = b'{}[],:"\\0123456789-+.eE truefalsn\x00\x1f\x7f\x80\xc3\xa9\xf0\xff'


def mutated(chance: Random, text: bytes) -> bytes:
    """*text* with a byte changed, a stretch taken out, a piece put in, or its end cut off."""
    start = chance.randrange(len(text))
    end = min(len(text), start + chance.randrange(40))
    return chance.choice(
        (
            text[:start] + bytes([chance.choice(BYTES)]) + text[start + 1 :],
            text[:start] + text[end:],
            text[:start] + chance.choice(PIECES) + text[start:],
            text[:start],
        )
    )


def result_of(walk: ModuleType, text: bytes, definitions: SpecDefinitions, layouts: FileLayouts) -> Any:
    """The result of *walk* for *text*; None where the full parse is needed."""
    ping_text._text = walk  # type: ignore[attr-defined]
    try:
        return packed_by_walk(text, definitions), noted_by_walk(walk, text, definitions, layouts)
    except (ping_text.NeedsFullParse, AttributeError):  # the latter: a value is not an object
        return None


def noted_by_walk(
    walk: ModuleType, text: bytes, definitions: SpecDefinitions, layouts: FileLayouts
) -> list[tuple]:
    """The columns of each object of rows that *walk* packs; what it noted must be what it reads."""
    packer, found = TextPacker(definitions, notes_cells=True), []
    ping = open_ping(text)
    for place in places_of(ping.get("payload") or ping, ""):
        packer.pack(place)
        rows = place.parent.get(place.key)
        if not isinstance(rows, RowsText):
            continue
        read = columns_of(walk, rows.text, layouts, place.key == KEYED)
        if rows.cells is not None:
            keys, into = LayoutKeys(lambda number: number), empty_columns()
            keys.rows = walk.known_rows()
            noted = (
                walk.spread(*rows.cells, layouts, keys.rows, keys.known, keys.find, 3, "gpu", into),
                into,
            )
            if noted != read:
                sys.exit(f"other rows than noted: {text!r}")
        found.append(read)
    return found


def pack_cut_off(definitions: SpecDefinitions) -> None:
    """Pack an object of histograms that ends anywhere; a walk past its end is noticed."""
    text = orjson.dumps(HISTOGRAMS)
    for end in range(len(text)):
        with suppress(ping_text.NeedsFullParse):
            ping_text.pack_histograms(text[:end], Layouts(definitions, keyed=False))
            sys.exit(f"half of a text was packed: {text[:end]!r}")


def row_texts(spec_file: SpecFile, chance: Random) -> list[bytes]:
    """Objects of the rows that stored records have for *spec_file*: plain, and by key."""
    rows = {
        name: [chance.choice((0, 0, 0, 1, 7, 10**17)) for _ in shapes[0].starts] + [9, -1, 0, 1.5, -1]
        for name in SPECS
        if (shapes := FileLayouts(spec_file)._find(name))
    }
    return [orjson.dumps(rows), orjson.dumps({name: {"key": row, "ö": row} for name, row in rows.items()})]


def columns_of(walk, text: bytes, layouts, is_keyed: bool) -> tuple:
    """Return whether the rows in *text* were appended, and the columns then."""
    keys, into = LayoutKeys(lambda number: number), empty_columns()
    return walk.columns(text, is_keyed, layouts, keys.known, keys.find, 3, "gpu", into), into


def empty_columns() -> HistogramRows:
    """Return columns with no rows."""
    return HistogramRows(Numbers([]), [], *(bytearray() for _ in range(8)))


def main(library: str, seconds: float) -> None:
    """Compare *library* with the library of the package for *seconds*."""
    built = ping_text._text
    walk = loaded(MODULE, library)
    spec_file = parse_spec_file(orjson.dumps(SPECS))
    definitions, layouts = SpecDefinitions(spec_file), FileLayouts(spec_file)
    texts = [orjson.dumps(ping) for ping in PINGS.values()]
    chance = Random(1)
    rows = row_texts(spec_file, chance)
    assert columns_of(built, rows[0], layouts, False)[0]
    assert columns_of(built, rows[1], layouts, True)[0]
    ping_text._text = walk  # type: ignore[attr-defined]
    pack_cut_off(definitions)
    count = 0
    end = time.process_time() + seconds
    while time.process_time() < end:
        text = chance.choice(texts)
        for _ in range(chance.choice((1, 1, 2, 3))):
            text = mutated(chance, text) or b"{"
        if result_of(walk, text, definitions, layouts) != result_of(built, text, definitions, layouts):
            sys.exit(f"another result: {text!r}")
        is_keyed = chance.random() < 0.5
        text = mutated(chance, rows[is_keyed])
        if columns_of(walk, text, layouts, is_keyed) != columns_of(built, text, layouts, is_keyed):
            sys.exit(f"other columns: {text!r}")
        count += 1
    print(count)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
