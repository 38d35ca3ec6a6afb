"""A stored record from its text: parts that few readers need stay text until they are asked for."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from telemetry_server.convert.compiled.ping_text import IS_COMPILED, HistogramsText, OpenedObject, RowsText
from telemetry_server.records.fields import Record

if IS_COMPILED:
    from telemetry_server.convert.compiled import _text

MIN_SPLIT_BYTES = 8 << 10
"""Parsing a shorter record whole is quicker than finding its parts."""

_SECTION: dict[str, Any] = {"histograms": None, "keyedHistograms": None, "processes": {"*": {}}}
_SECTION["processes"] = {"*": {"histograms": None, "keyedHistograms": None}}
_PLAN: dict[str, Any] = {
    **_SECTION,
    "payload": {**_SECTION, "info": {}},
    "environment": {"system": {"os": {}}},
    "metadata": {},
}


def open_record(text: bytes) -> Record:
    """
    Return the record in *text*.

    Its histograms may be `HistogramsText`, for `append_rows`; everything else reads like a dict.

    Raises:
        ValueError: *text* is not a JSON object.
    """
    if IS_COMPILED and len(text) >= MIN_SPLIT_BYTES:
        split = _text.split(text, _PLAN, OpenedObject, HistogramsText)
        if split is not None:
            return split[0]
    record = orjson.loads(text)
    if record.__class__ is not dict:
        raise ValueError("a record must be a JSON object")
    found: Record = record
    return found


class LayoutKeys:
    """
    The keys of layouts by their number.

    Args:
        find: Gives a number its key; called once for each.
    """

    def __init__(self, find: Callable[[int], int]) -> None:
        self.find = find
        self.known = bytearray()  # int32: keys by number, or -1
        self.rows = _text.known_rows()  # keys of rows that conversion noted


class HistogramRows(NamedTuple):
    """Columns that rows are appended to, as in `storage.tables.rows.HistogramColumns`."""

    words: dict[Any, int]  # numbers the texts that it is asked for
    large: list[int]  # numbers that do not fit in 32 bits
    pings: bytearray
    processes: bytearray
    labels: bytearray
    keys: bytearray
    lengths: bytearray
    sums: bytearray
    starts: bytearray
    counts: bytearray


def append_rows(
    histograms: HistogramsText,
    layouts: dict[str, bytes | None],
    keys: LayoutKeys,
    into: HistogramRows,
    *,
    ping: int,
    process: str,
    keyed: bool,
) -> bool:
    """
    Append the rows of *histograms* to *into*; return whether it did.

    It appends none where only a full parse can read them.

    Args:
        layouts: By name, for each set of buckets that a row may have: their count, a number of your
            choice, then their starts, as int64.
        keys: Rows get the key of their layout's number.
    """
    if isinstance(histograms, RowsText) and histograms.cells is not None:
        return _text.spread(*histograms.cells, layouts, keys.rows, keys.known, keys.find, ping, process, into)
    return _text.columns(histograms.text, keyed, layouts, keys.known, keys.find, ping, process, into)


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return histograms as a dict, whatever form they are in."""
    if isinstance(value, HistogramsText):
        value = orjson.loads(value.text)
    return value if isinstance(value, dict) else {}
