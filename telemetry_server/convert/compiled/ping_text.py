"""
A ping whose parts stay text until they are read: the Python side of the compiled walk.

Most of a ping is only copied, and its histograms become rows; neither needs Python objects.
`open_ping` splits the text of a ping into parts, and `pack_histograms` turns the text of histograms
into rows.  Both need the compiled walk, and both raise `NeedsFullParse` for unusual input, which the
full parse then handles.
"""

from array import array
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from telemetry_server.convert.histograms.definitions import UNDEFINED, Definition, SpecDefinitions, Unusable
from telemetry_server.convert.histograms.histogram_check import (
    REASONS_OF_VALUES,
    RefusedName,
    RefusedText,
    reason_by_name,
)

try:
    from telemetry_server.convert.compiled import _text
except ImportError:  # built without a C compiler: every ping is fully parsed
    IS_COMPILED = False
else:
    IS_COMPILED = True

_PACKABLE = {"histograms": None, "keyedHistograms": None}
_SECTION = {**_PACKABLE, "processes": {"*": _PACKABLE}}
# The objects of a ping to open; None marks objects that are packed, "*" any name that is not listed.
_PLAN: dict[str, Any] = {**_SECTION, "payload": _SECTION, "environment": {"system": {"os": {}}}}


class NeedsFullParse(Exception):
    """The compiled walk cannot convert this ping; the full parse can."""


# A ping takes two dozen of these calls, and `super()` half of the time of each.
_item, _get = dict.__getitem__, dict.get


class OpenedObject(dict[str, Any]):
    """An object whose values may still be text, as bytes; reading a value decodes it."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Any:
        part = _item(self, name)
        return self._decoded(name, part) if part.__class__ is bytes else part

    def get(self, name: str, default: Any = None) -> Any:
        """Return the decoded value of *name*, or *default*."""
        part = _get(self, name, default)
        return self._decoded(name, part) if part.__class__ is bytes else part

    def _decoded(self, name: str, text: bytes) -> Any:
        value = self[name] = orjson.loads(text)
        return value


class HistogramsText(dict[str, Any]):
    """A non-empty object of histograms as text; it is a dict only for `isinstance`."""

    __slots__ = ("text",)

    def __init__(self, text: bytes) -> None:
        self.text = text

    def __bool__(self) -> bool:
        return True


class Cells(NamedTuple):
    """What rows put into the tables, as the compiled walk noted it when it packed them."""

    numbers: bytes  # int32: for each name how many rows, and what these hold
    names: list[str]
    labels: list[str] | None  # one a row; None where rows have no keys


class RowsText(HistogramsText):
    """A non-empty object of rows as text: histograms that are packed."""

    __slots__ = ("cells",)

    def __init__(self, text: bytes, cells: Cells | None) -> None:
        super().__init__(text)
        self.cells = cells  # None where only *text* says what the rows are


ToCheck = tuple[str, int, int]
"""The name of a histogram that must be decoded, and the start and end of its value in the text."""


class PackedText(NamedTuple):
    """The result of `pack_histograms`."""

    chunks: list[bytes | ToCheck | RefusedText]  # bytes: an object of rows
    names: list[str]  # of the entries that are rows
    kept: int
    numbers: int  # in the rows
    cells: Cells | None  # of the entries that are rows


def _refused(definition: Definition | Unusable) -> RefusedName:
    reason, detail = reason_by_name(definition)
    return reason, orjson.dumps(detail)


_UNDEFINED = _refused(UNDEFINED)


class Layouts(dict[str, bytes | RefusedName]):
    """The definitions of one file in the form of the compiled walk, each laid out at its first use."""

    def __init__(self, definitions: SpecDefinitions, *, keyed: bool) -> None:
        super().__init__()
        self._definitions = definitions
        self._keyed = keyed
        self.known_names = _text.known_names()  # so that the walk finds what is here by the names' text

    def __missing__(self, name: str) -> bytes | RefusedName:
        definition = self._definitions.definition(name, None)
        if definition is UNDEFINED:
            return _UNDEFINED  # not kept: clients choose these names
        if isinstance(definition, Definition) and definition.keyed in (None, self._keyed):
            found: bytes | RefusedName = _layout(definition)
        else:
            found = _refused(definition)
        self[name] = found
        return found


def _layout(definition: Definition) -> bytes:
    """*definition*, followed by its `others` in the order in which they are tried."""
    numbers = array("q")
    candidates = (definition, *definition.others)
    for following, one in zip(reversed(range(len(candidates))), candidates, strict=True):
        buckets = sorted((int(start), position) for start, position in one.positions.items())
        starts, positions = zip(*buckets, strict=True)
        low, high = one.client_range
        head = _head(one)
        numbers.extend((one.client_type, one.bucket_count, low, high, len(buckets), following, len(head)))
        numbers.extend((*starts, *positions))
        numbers.frombytes(head + bytes(-len(head) % numbers.itemsize))
    return numbers.tobytes()


def _head(definition: Definition) -> bytes:
    """How clients begin a histogram that agrees with *definition*."""
    low, high = definition.client_range
    return b'{"range":[%d,%d],"bucket_count":%d,"histogram_type":%d,' % (
        low,
        high,
        definition.bucket_count,
        definition.client_type,
    )


def open_ping(text: bytes) -> OpenedObject:
    """
    The outermost object of *text*, which is a whole body.

    Raises:
        NeedsFullParse: The text is not JSON, or not in its shortest form.
    """
    split = _text.split(text, _PLAN, OpenedObject, HistogramsText)
    if split is None:
        raise NeedsFullParse
    parts, doubts = split
    settle(doubts)
    assert isinstance(parts, OpenedObject)
    return parts


def pack_histograms(
    text: bytes,
    layouts: Layouts | bytes | RefusedName,
    where: str = "",
    name: str | None = None,
    *,
    keyed: bool = False,
    notes_cells: bool = False,
) -> PackedText:
    """
    The entries of an object of histograms; those in the expected form are rows already.

    Args:
        layouts: Layouts by name, or one layout for all names, which are then keys.
        where: The place of the object, for what is refused.
        name: The histogram whose keys these are.
        keyed: Each name holds an object of histograms by key.
        notes_cells: Also note what the rows put into the tables.

    Raises:
        NeedsFullParse: A name occurs twice.
    """
    known = layouts.known_names if isinstance(layouts, Layouts) else None
    packed = _text.pack(text, layouts, known, keyed, notes_cells, REASONS_OF_VALUES, where, name)
    if packed is None:
        raise NeedsFullParse
    chunks, names, kept, numbers, doubts, cells, labels = packed
    settle(doubts)
    noted = None if cells is None else Cells(cells, names, labels if keyed else None)
    return PackedText(chunks, names, kept, numbers, noted)


def settle(doubts: bytes) -> None:
    """Raise `NeedsFullParse` unless the parser would write the array of scalars *doubts* unchanged."""
    if not doubts:
        return
    try:
        is_same = orjson.dumps(orjson.loads(doubts)) == doubts
    except ValueError:
        is_same = False
    if not is_same:
        raise NeedsFullParse


def encode(record: Mapping[str, Any]) -> bytes:
    """
    The JSON of *record*; parts that are text are copied into it.

    Raises:
        NeedsFullParse: Histograms in it were not packed.
    """
    try:
        return orjson.dumps(record, default=_plain, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    except orjson.JSONEncodeError:
        raise NeedsFullParse from None


def _plain(value: Any) -> Any:
    if value.__class__ is bytes:
        return orjson.Fragment(value)
    if value.__class__ is OpenedObject:
        return dict(value)
    if value.__class__ is RowsText:
        return orjson.Fragment(value.text)
    raise TypeError
