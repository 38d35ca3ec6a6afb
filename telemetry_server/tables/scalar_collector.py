"""Appends scalars to their columns."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from storage.tables.rows import BOOLEAN, NUMBER, TEXT, ScalarColumns
from telemetry_server.records.scalars import Scalar, scalars_of
from telemetry_server.records.sections import ROOT_PLACES, Section
from telemetry_server.tables.column_collectors import Numbers

try:
    from telemetry_server.tables import _scalars
except ImportError:  # built without a C compiler
    IS_COMPILED = False
else:
    IS_COMPILED = True

KIND_OF = {int: NUMBER, float: NUMBER, str: TEXT, bool: BOOLEAN}


class ScalarRows(NamedTuple):
    """Columns that compiled code appends scalars to, as in `storage.tables.rows.ScalarColumns`."""

    known_keys: dict[Any, int]  # numbers the keys that it is asked for
    words: dict[Any, int]  # numbers the texts that it is asked for
    pings: bytearray
    keys: bytearray
    kinds: bytearray
    values: bytearray


class ScalarCollector:
    """
    Appends scalars to *columns*.

    Those of Firefox records are read in C, where that is compiled.
    """

    def __init__(self, columns: ScalarColumns) -> None:
        self._columns = columns
        self._keys = Numbers(columns.scalar_keys)
        self._words = Numbers(columns.words)
        self.rows = ScalarRows(self._keys, self._words, bytearray(), bytearray(), bytearray(), bytearray())
        """Rows that `join` appends to the columns."""

    def add_sections(self, ping: int, sections: list[Section]) -> None:
        """Append the scalars and simple measurements of *sections*, of the ping with this number."""
        if IS_COMPILED:
            _scalars.scalars(ping, sections, ROOT_PLACES, self.rows)
        else:
            self.add(ping, scalars_of(sections))

    def add(self, ping: int, scalars: Sequence[Scalar]) -> None:
        """Append *scalars* of the ping with this number."""
        self.join()
        columns, words = self._columns, self._words
        values: list[Any] = [value for _, value in scalars]
        columns.pings.extend([ping] * len(values))
        columns.keys.extend(map(self._keys.__getitem__, [key for key, _ in scalars]))
        columns.kinds += bytes(map(KIND_OF.__getitem__, map(type, values)))
        columns.values.extend([words[value] if value.__class__ is str else value for value in values])

    def join(self) -> None:
        """Append `rows` to the columns."""
        _, _, pings, keys, kinds, values = self.rows
        if not pings:
            return
        held = self._columns
        held.pings.frombytes(pings)
        held.keys.frombytes(keys)
        held.kinds += kinds
        held.values.frombytes(values)
        for column in (pings, keys, kinds, values):
            column.clear()
