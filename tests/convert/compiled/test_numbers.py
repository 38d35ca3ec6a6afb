"""Numbers and names in the compiled walk: it is sure only of numbers that the parser would write so."""

import math
import struct
from collections.abc import Iterator
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.convert.compiled import ping_text
from telemetry_server.convert.compiled.ping_text import Layouts, NeedsFullParse, open_ping, pack_histograms
from telemetry_server.convert.histograms.definitions import Definition

pytestmark = pytest.mark.skipif(not ping_text.IS_COMPILED, reason="built without a C compiler")

STACK = b"[[0,1],[12,16777215],[3,0]]"
DOUBLES = st.floats(min_value=1e-4, max_value=1e16) | st.floats(allow_nan=False, allow_infinity=False)


def is_sure(number: bytes) -> bool:
    """Whether the walk copies *number* without a second opinion."""
    split = ping_text._text.split(b'{"a":%b}' % number, {}, ping_text.OpenedObject, ping_text.HistogramsText)
    return split is not None and not split[1]


def is_written_so(text: bytes) -> bool:
    """Whether the parser reads *text* and writes the same."""
    try:
        return orjson.dumps(orjson.loads(text)) == text
    except ValueError:
        return False


def changed(chance: Random, number: bytes) -> bytes:
    """*number* with another digit somewhere, one more or one less."""
    at = chance.randrange(len(number))
    digit = b"%d" % chance.randrange(10)
    return chance.choice((number[:at] + digit + number[at + 1 :], number + digit, number[:-1] or b"0"))


def doubles_near_powers(chance: Random) -> Iterator[float]:
    """Where the distance between neighbours changes, or decimals end early."""
    for exponent in range(-12, 54):
        (bits,) = struct.unpack("<q", struct.pack("<d", math.ldexp(1, exponent)))
        for offset in range(-8, 9):
            yield struct.unpack("<d", struct.pack("<q", bits + offset))[0]
    for _ in range(20_000):
        yield math.log(1 + chance.randrange(100_000)) * chance.randrange(1, 400)


def test_fractions_of_which_the_walk_is_sure_are_written_as_they_came():
    """Doubles as clients write them, those beside powers of two, and both with a digit changed."""
    chance = Random(3)
    numbers = [repr(double).encode() for double in doubles_near_powers(chance)]
    sure = 0
    for number in numbers:
        sure += is_sure(number)
        for text in (number, changed(chance, number)):
            assert not is_sure(text) or is_written_so(text), text

    assert sure > 0.9 * len(numbers)


@given(DOUBLES, st.randoms(use_true_random=False))
def test_any_fraction_of_which_the_walk_is_sure_is_written_as_it_came(double: float, chance: Random):
    number = repr(double).encode()
    for text in (number, b"-" + number, changed(chance, number)):
        assert not is_sure(text) or is_written_so(text)


@pytest.mark.parametrize(
    "number",
    [b"1.50", b"1.", b".5", b"1.5e3", b"0.00001", b"0.0005", b"123456789012345678.5", b"1.5.5", b"01.5"],
)
def test_the_walk_is_not_sure_of_other_spellings(number: bytes):
    assert not is_sure(number)


def arrays(depth: int) -> st.SearchStrategy[Any]:
    numbers = st.integers(0, 10**17) | st.integers(0, 99)
    inner = numbers if depth == 0 else arrays(depth - 1)
    return st.lists(inner, max_size=40)


@given(arrays(2), st.integers(0, 200), st.data())
def test_arrays_of_numbers_are_copied_as_they_are_or_parsed(stacks: Any, before: int, data: st.DataObject):
    """At any distance from a block of 64 bytes, whole or with a piece replaced."""
    text = orjson.dumps({"x" * before: 1, "stacks": stacks, "rest": "y" * 70})
    start = data.draw(st.integers(0, len(text)))
    piece = data.draw(st.sampled_from([b"", b"[", b"]", b",", b"0", b"00", b"-1", b"1.5", b'"', b" ", b"[]"]))
    for sent in (text, text[:start] + piece + text[start + data.draw(st.integers(0, 3)) :]):
        try:
            parts = open_ping(sent)
        except NeedsFullParse:
            assert sent != text
            continue
        assert {name: parts[name] for name in parts} == orjson.loads(sent)
        assert ping_text.encode(open_ping(sent)) == orjson.dumps(orjson.loads(sent))


@pytest.mark.parametrize(
    "wrong",
    [
        *(b"01", b"1 ", b"-1", b"1.5", b'"1"', b"1,", b",1", b"[", b"]", b"[]]", b"1[", b"]1", b"1]["),
        *(b"1" * 19, b"[" * 70 + b"]" * 70, b"", b"{}", b"\x00"),
    ],
)
def test_one_wrong_value_in_long_stacks_is_seen(wrong: bytes):
    """The parser decides in each case, or writes the same."""
    for before in (0, 1, 5, 6, 7, 30):
        stacks = b",".join([STACK] * before + [b"[[0,%b]]" % wrong] + [STACK] * 30)
        text = b'{"stacks":[%b]}' % stacks
        try:
            written = ping_text.encode(open_ping(text))
        except NeedsFullParse:
            continue
        assert written == orjson.dumps(orjson.loads(text))


class AnyDefinition:
    """Defines every name."""

    def definition(self, name: str, histogram: Any) -> Definition:
        """The same definition for each."""
        return Definition({"0": 0, "1": 1, "2": 2}, 3, 3, [1, 2], keyed=False)


def test_more_names_than_the_walk_remembers_are_packed():
    """Again and again, in another order; a name that occurs twice is seen each time."""
    layouts = Layouts(AnyDefinition(), keyed=False)  # type: ignore[arg-type]
    names = [f"NAME_{number}" for number in range(5000)] + ["GRÖSSE"]
    for order in (names, names[::-1], names):
        packed = pack_histograms(orjson.dumps({name: {"values": {"1": 2}} for name in order}), layouts)
        assert packed.names == order
        assert packed.chunks[0] == orjson.dumps({name: [0, 2, 0, *[-1] * 5] for name in order})
    for name in ("NAME_7", "NAME_4999", "GRÖSSE"):
        entry = orjson.dumps({name: {"values": {}}})[1:-1]
        for text in (b"{%b,%b}" % (entry, entry), b'{%b,"B":{"values":{}},%b}' % (entry, entry)):
            with pytest.raises(NeedsFullParse):
                pack_histograms(text, layouts)
