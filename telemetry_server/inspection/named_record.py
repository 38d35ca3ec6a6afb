"""Reads a stored record with only the names of its histograms, which is faster than a full parse."""

import re
from typing import Any

import orjson

from telemetry_server.convert.compiled.ping_text import HistogramsText
from telemetry_server.pings.json_text import may_have_long_integers, stored_object
from telemetry_server.records.record_text import open_record

NAME_OF_ROW = re.compile(rb'"([^"\\]*)":\[')
PLAIN, KEYED = "histograms", "keyedHistograms"


def named_record(text: bytes) -> dict[str, Any]:
    """
    Return the record in *text*, whose histograms are packed; the rows of plain histograms may be empty.

    Raises:
        ValueError: *text* is not JSON.
    """
    if may_have_long_integers(text):
        return stored_object(text)
    try:
        return _split(text)
    except ValueError:  # brackets in names misled the walk
        return stored_object(text)


def _split(text: bytes) -> dict[str, Any]:
    record: Any = open_record(text)
    _name(record)
    payload = dict.get(record, "payload")
    if isinstance(payload, dict):
        _name(payload)
        processes = dict.get(payload, "processes")
        for section in processes.values() if isinstance(processes, dict) else ():
            if isinstance(section, dict):
                _name(section)
    found: dict[str, Any] = record
    return found


def _name(section: dict[str, Any]) -> None:
    """Replace the texts of histograms by their names."""
    for name in (PLAIN, KEYED):
        value = dict.get(section, name)
        if isinstance(value, HistogramsText):
            section[name] = _names(value.text) if name == PLAIN else orjson.loads(value.text)


def _names(text: bytes) -> dict[str, Any]:
    names = NAME_OF_ROW.findall(text)
    # If the counts differ, a name has an escape or a bracket, or a value is not a row.
    if (text.count(b'"'), text.count(b"["), text.count(b"{")) != (2 * len(names), len(names), 1):
        found: dict[str, Any] = orjson.loads(text)
        return found
    return {name.decode(): () for name in names}
