"""A body is one JSON object within limits; the parser does not enforce all of them."""

import json
import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.pings import json_text
from telemetry_server.pings.errors import InvalidJson
from telemetry_server.pings.json_text import MAX_NESTING, ParsedObject, json_of, nesting_of, parse_object

# Nesting of small and large texts is measured differently; spaces make a text large.
PADDINGS = (b"", b" " * 40_000)


def objects(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


def arrays(levels: int) -> bytes:
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


def with_brackets_in_strings(levels: int) -> bytes:
    decoys = rb'{"[":"]]]\"[","\\":"}","a":'
    return decoys + b'["[",' * (levels - 2) + b'{"b":"\\u005d]"}' + b"]" * (levels - 2) + b"}"


@pytest.mark.parametrize("padding", PADDINGS, ids=["small", "large"])
@pytest.mark.parametrize("shape", [objects, arrays, with_brackets_in_strings])
def test_64_levels_are_accepted_and_65_are_refused(shape, padding):
    """The outermost object is level 1."""
    assert parse_object(shape(MAX_NESTING) + padding)
    with pytest.raises(InvalidJson, match="nested past 64 levels"):
        parse_object(shape(MAX_NESTING + 1) + padding)


@pytest.mark.parametrize("padding", PADDINGS, ids=["small", "large"])
@pytest.mark.parametrize(
    "text",
    [
        b" ",
        b"null",
        b"[1]",
        b'"x"',
        b"3",
        b"{",
        b"{}}",
        b"{}{}",
        b"{}], [{}",
        b"]",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e400}',
        b'{"a":01}',
        b'{"a":1.}',
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        rb'{"a":"\ud800}',
        rb'{"a":"\ud800\x"}',
        rb'{"a":\ud800}',
        b'{"a":"\x01"}',
        b'{"a":"\n"}',
        b'{"a":1}\x00',
        b"\xff\xfe{\x00}\x00",
        b"[" * 100_000,
    ],
)
def test_a_text_that_is_not_one_json_object_is_refused(text, padding):
    with pytest.raises(InvalidJson) as caught:
        parse_object(text + padding)

    assert "\n" not in caught.value.detail


def test_a_byte_order_mark_is_skipped_and_reported():
    assert parse_object(b"\xef\xbb\xbf{}") == ParsedObject({}, b"{}", had_byte_order_mark=True)


def test_of_equal_keys_the_last_counts():
    assert parse_object(b'{"a":1,"a":2}').value == {"a": 2}


@pytest.mark.parametrize("padding", PADDINGS, ids=["small", "large"])
def test_integers_of_64_bits_are_accepted(padding):
    text = b'{"a":[18446744073709551615,-9223372036854775808,9223372036854775808]}'

    assert parse_object(text + padding).value == {"a": [2**64 - 1, -(2**63), 2**63]}


@pytest.mark.parametrize("padding", PADDINGS, ids=["small", "large"])
@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**40, -(10**307), 10**308])
def test_integers_above_64_bits_keep_their_digits(number, padding):
    """The parser alone would make floats of them; they are written as they were sent."""
    text = b'{"a":{"b":[1,%d,"\xc3\xa9"]}}' % number

    parsed = parse_object(text + padding).value
    assert parsed == {"a": {"b": [1, number, "é"]}}
    assert json_of(parsed) == text


@pytest.mark.parametrize("number", [b"1" + b"0" * 400, b"1e400", b"-1e400"])
def test_a_number_beyond_double_precision_range_is_refused(number):
    with pytest.raises(InvalidJson):
        parse_object(b'{"a":%b}' % number)


@pytest.mark.parametrize("padding", PADDINGS, ids=["small", "large"])
@pytest.mark.parametrize(
    ("text", "value", "count"),
    [
        (rb'{"a":"x\ud83d"}', {"a": "x\ufffd"}, 1),
        (rb'{"a":"\uDE00x"}', {"a": "\ufffdx"}, 1),
        (rb'{"\ud83d":{"b\udc00":[1]}}', {"\ufffd": {"b\ufffd": [1]}}, 2),
        (rb'{"a":"\ud83d\ud83d\ude00\ude00"}', {"a": "\ufffd\N{GRINNING FACE}\ufffd"}, 2),
        (rb'{"a":"\ude00\ud83d"}', {"a": "\ufffd\ufffd"}, 2),
        (rb'{"a":"\\\\\ud83d\\ud83d\n\ud83d\u0041"}', {"a": "\\\\\ufffd\\ud83d\n\ufffdA"}, 2),
        # Keys that become equal are duplicates: the last one counts.
        (rb'{"a\ud83d":1,"a\ud83e":2}', {"a\ufffd": 2}, 2),
        # Together with other values that are parsed specially.
        (rb'{"a":"\ud83d","b":18446744073709551616}', {"a": "\ufffd", "b": 2**64}, 1),
        (b'\xef\xbb\xbf{"a":"\\ud83d"}', {"a": "\ufffd"}, 1),
        (rb'{"a":"\ud83d\ude00","b":"\\ud83d"}', {"a": "\N{GRINNING FACE}", "b": "\\ud83d"}, 0),
    ],
)
def test_a_lone_surrogate_is_replaced_and_counted(text, value, count, padding):
    parsed = parse_object(text + padding)

    assert (parsed.value, parsed.lone_surrogates) == (value, count)
    assert json.loads(parsed.text) == value


@given(st.dictionaries(st.text(st.characters(codec=None)), st.text(st.characters(codec=None))))
def test_any_text_keeps_its_valid_characters(texts):
    """Parsed as by Python, except for characters that UTF-8 cannot represent."""
    text = json.dumps(texts).encode()
    parsed = parse_object(text)
    expected = json.loads(
        re.sub("[\ud800-\udfff]", "\ufffd", json.dumps(json.loads(text), ensure_ascii=False))
    )

    assert parsed.value == expected
    said = "".join(key + value for key, value in json.loads(text, object_pairs_hook=list))
    assert parsed.lone_surrogates == len(re.findall("[\ud800-\udfff]", said))


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":"18446744073709551616","b":"[18446744073709551616,"}',
        b'{"a":0.18446744073709551616,"b":18446744073709551616.5,"c":1e18}',
        b'{"a":1485817596984554752}',
    ],
)
def test_long_runs_of_digits_that_are_not_integers_are_accepted(text):
    assert parse_object(text).value == json.loads(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text("[]{}\"\\,:a'"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("[]{}\"\\,:a'"), inner, max_size=3),
    max_leaves=30,
)


def depth(value: object) -> int:
    """Count the nesting recursively."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@given(JSON)
def test_the_fast_count_of_nesting_equals_the_recursive_count(value):
    for text in (orjson.dumps(value), json.dumps(value, indent=1).encode()):
        assert nesting_of(text) == depth(value)


@given(st.binary() | JSON.map(orjson.dumps), st.integers(55, 70))
def test_both_limits_of_nesting_agree(inner, levels):
    text = b'{"a":' * levels + inner + b"}" * levels
    answers = []
    for small_text_bytes in (0, 1 << 30):
        kept, json_text._SMALL_TEXT_BYTES = json_text._SMALL_TEXT_BYTES, small_text_bytes
        try:
            answers.append(parse_object(text).value)
        except InvalidJson as error:
            answers.append(error.detail)
        finally:
            json_text._SMALL_TEXT_BYTES = kept

    assert answers[0] == answers[1]


def test_the_parser_has_a_depth_limit():
    """Without it, large texts would use the slow count."""
    assert json_text._SPARE_LEVELS is not None


@given(st.binary())
def test_any_bytes_are_parsed_or_refused(text):
    for each in (text, b"{" + text + b"}", b'{"a":' + text + b"}"):
        try:
            assert isinstance(parse_object(each).value, dict)
        except InvalidJson as error:
            assert error.detail
