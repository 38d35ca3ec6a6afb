"""
A ping whose parts stay text until somebody asks for them.

Most of a ping is only copied, and its histograms become rows: neither needs objects made of it.
`open_ping` splits the text of a ping into parts, `pack_histograms` makes rows of the text of
histograms.  Both need the compiled walk, and both raise `NeedsFullParse` for whatever is out of the
ordinary: the plain way of conversion, which decodes everything, is then taken, and has the say.
"""

from array import array
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from telemetry_server.convert.histograms.measures import Measure, SpecDefinitions

try:
    from telemetry_server.convert.compiled import _text
except ImportError:  # built without a C compiler: everything is decoded
    IS_COMPILED = False
else:
    IS_COMPILED = True

_PACKABLE = {"histograms": None, "keyedHistograms": None}
_SECTION = {**_PACKABLE, "processes": {"*": _PACKABLE}}
# What to open of a ping, and (None) what is packed; "*" is any name that is not here.
_PLAN: dict[str, Any] = {**_SECTION, "payload": _SECTION, "environment": {"system": {"os": {}}}}


class NeedsFullParse(Exception):
    """Something that only the plain way knows what to make of."""


class OpenedObject(dict[str, Any]):
    """An object with parts that are still text, as bytes; whoever asks for one gets it decoded."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Any:
        part = super().__getitem__(name)
        return self._decoded(name, part) if part.__class__ is bytes else part

    def get(self, name: str, default: Any = None) -> Any:
        part = super().get(name, default)
        return self._decoded(name, part) if part.__class__ is bytes else part

    def _decoded(self, name: str, text: bytes) -> Any:
        value = self[name] = orjson.loads(text)
        return value


class HistogramsText(dict[str, Any]):
    """An object of histograms, not empty, as its text: a dict only to those who ask what it is."""

    __slots__ = ("text",)

    def __init__(self, text: bytes) -> None:
        self.text = text

    def __bool__(self) -> bool:
        return True


class PackedText(NamedTuple):
    """What `pack_histograms` made of a text."""

    chunks: list[bytes | tuple[str, int, int]]  # entries, and where a value is that needs a closer look
    kept: int
    numbers: int  # in the rows


class Layouts(dict[str, bytes | None]):
    """The definitions of one file as the compiled walk reads them, each laid out at its first use."""

    def __init__(self, definitions: SpecDefinitions, *, keyed: bool) -> None:
        super().__init__()
        self._definitions = definitions
        self._keyed = keyed

    def __missing__(self, name: str) -> bytes | None:
        measure = self._definitions.measure(name, None)
        if not isinstance(measure, Measure) or measure.keyed not in (None, self._keyed):
            return None
        layout = self[name] = _layout(measure)
        return layout


def _layout(measure: Measure) -> bytes:
    """*measure* and behind it its `others`, in the order in which they are tried."""
    numbers = array("q")
    measures = (measure, *measure.others)
    for following, one in zip(reversed(range(len(measures))), measures, strict=True):
        buckets = sorted((int(start), position) for start, position in one.positions.items())
        starts, positions = zip(*buckets, strict=True)
        low, high = one.client_range
        numbers.extend((one.client_type, one.bucket_count, low, high, len(buckets), following))
        numbers.extend((*starts, *positions))
    return numbers.tobytes()


def open_ping(text: bytes) -> OpenedObject:
    """
    The outermost object of *text*, which is a whole body.

    Raises:
        Surprise: It is no JSON, or not written in the shortest way.
    """
    split = _text.split(text, _PLAN, OpenedObject, HistogramsText)
    if split is None:
        raise NeedsFullParse
    parts, doubts = split
    _settle(doubts)
    assert isinstance(parts, OpenedObject)
    return parts


def pack_histograms(
    text: bytes, layouts: Mapping[str, bytes | None] | bytes | None, *, keyed: bool = False
) -> PackedText:
    """
    The entries of an object of histograms, those whose form is right as rows already.

    Args:
        layouts: By name; or one for all names, which are keys then.
        keyed: There is an object of histograms below each name.

    Raises:
        Surprise: A name comes twice.
    """
    packed = _text.pack(text, layouts, keyed)
    if packed is None:
        raise NeedsFullParse
    chunks, kept, numbers, doubts = packed
    _settle(doubts)
    return PackedText(chunks, kept, numbers)


def _settle(doubts: bytes) -> None:
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
    The JSON of *record*, parts that are text copied into it.

    Raises:
        Surprise: Histograms in it were not packed.
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
    raise TypeError
