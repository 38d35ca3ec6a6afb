"""A fault inside a body has the same outcome wherever it stands in the ping, and takes little time."""

import gzip
import json
import struct
import time
import zlib

import orjson
import pytest

from telemetry_server.convert.pipeline import convert
from telemetry_server.outcomes.outcome import Stored
from tests.convert.payloads.samples import (
    COUNT_SENT,
    EXP_ROW,
    EXP_SENT,
    FLAG_SENT,
    INFO,
    a_context,
    a_submission,
    dropped,
    record_of,
    refused,
)

MIB = 1 << 20
MAX_SECONDS = 2.0  # of one core, for one body, on a slow machine
PING = {
    "ver": 1,
    "info": INFO,
    "other": {"deep": [{"number": "@"}]},
    "simpleMeasurements": {"uptime": "@"},
    "histograms": {"EXP": {**EXP_SENT, "sum": "@"}, "FLAG": FLAG_SENT, "NOT_THERE": {"values": {"0": "@"}}},
    "keyedHistograms": {"KEYED_COUNT": {"a": {**COUNT_SENT, "sum": "@"}}},
}
PLACES = {
    "beside": ("other", "deep", 0, "number"),
    "measurement": ("simpleMeasurements", "uptime"),
    "sum": ("histograms", "EXP", "sum"),
    "keyed": ("keyedHistograms", "KEYED_COUNT", "a", "sum"),
    "unknown histogram": ("histograms", "NOT_THERE", "values", "0"),
}
PADDING = {"small": "", "large": "x" * 100_000}
INVALID_JSON = {
    "NaN": b"NaN",
    "infinity": b"Infinity",
    "minus infinity": b"-Infinity",
    "past a double": b"1e400",
    "400 digits": b"9" * 400,
    "leading zero": b"01",
    "plus": b"+1",
    "hex": b"0x10",
    "surrogate as bytes": b'"\xed\xa0\x80"',
    "no UTF-8": b'"\xff"',
    "overlong slash": b'"\xc0\xaf"',
    "past Unicode": b'"\xf4\x90\x80\x80"',
    "control character": b'"\x01"',
    "NUL": b'"\x00"',
    "bad escape": rb'"\x41"',
    "comment": b"1/**/",
    "nothing": b"",
    "trailing comma": b"[1,]",
    "65 levels of lists": b"[" * 65 + b"]" * 65,
    "unclosed": b"[" * 50,
    "a hundred thousand levels": b"[" * 100_000 + b"]" * 100_000,
}
PAST_64_BITS = {
    "2^64": b"18446744073709551616",
    "below -2^63": b"-9223372036854775809",
    "300 digits": b"9" * 300,
    "308 digits and a sign": b"-" + b"9" * 308,
}
UNUSUAL_JSON = {
    "2^64-1": b"18446744073709551615",
    "-2^63": b"-9223372036854775808",
    "5,000 digits of a fraction": b"0." + b"1" * 5000,
    "a pair of surrogates": rb'"\ud83d\ude00"',
    "an escaped backslash before what looks like a surrogate": rb'"\\ud83d"',
    "escaped NUL": rb'"\u0000"',
    "a long string": b'"' + b"y" * 300_000 + b'"',
}


@pytest.fixture(scope="module", autouse=True)
def has_fast_lane() -> None:
    """Replace the fixture that runs each test twice: the edge does not read bodies."""


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return a_context(tmp_path_factory.mktemp("context"))


def text_with(value: bytes, place: tuple[str | int, ...], padding: str = "") -> bytes:
    """Return the text of a ping with *value* in one place and 1 in the others."""
    ping = json.loads(json.dumps(PING).replace('"@"', "1"))
    holder = ping
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = "@"
    ping["padding"] = padding
    return orjson.dumps(ping).replace(b'"@"', value)


def outcome_of(body: bytes, context):
    """Return the outcome of converting *body*; fails if conversion takes too long."""
    started = time.process_time()
    outcome = convert(a_submission(body), context)
    assert time.process_time() - started < MAX_SECONDS
    return outcome


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize(("fault", "place"), [(fault, place) for fault in INVALID_JSON for place in PLACES])
def test_invalid_json_is_refused_wherever_the_fault_is(context, fault, place, padding):
    """The reason is `invalid_json` in parts that conversion reads and skips, in small and large pings."""
    body = text_with(INVALID_JSON[fault], PLACES[place], PADDING[padding])

    assert refused(outcome_of(body, context)) == "invalid_json"
    assert refused(outcome_of(gzip.compress(body, 1), context)) == "invalid_json"


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("place", ["beside", "measurement", "sum", "keyed"])
@pytest.mark.parametrize("value", PAST_64_BITS)
def test_an_integer_past_64_bits_is_stored_with_all_its_digits(context, value, place, padding):
    """Such an integer is valid JSON; only a count may not be so large."""
    body = text_with(PAST_64_BITS[value], PLACES[place], PADDING[padding])
    outcome = outcome_of(body, context)

    assert isinstance(outcome, Stored)
    assert outcome.record.count(PAST_64_BITS[value]) == 1
    assert set(record_of(outcome)["histograms"]) == {"EXP", "FLAG"}
    assert dropped(outcome) == {"unknown_histogram": 1}


@pytest.mark.parametrize("place", ["beside", "measurement"])
@pytest.mark.parametrize("value", UNUSUAL_JSON)
def test_unusual_valid_json_is_stored_unchanged(context, value, place):
    """Numbers keep all the digits of a double."""
    record = record_of(outcome_of(text_with(UNUSUAL_JSON[value], PLACES[place]), context))
    for step in PLACES[place]:
        record = record[step]

    assert record == orjson.loads(UNUSUAL_JSON[value])


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize(
    "count", ["18446744073709551616", "9223372036854775808", "-1", "1.5", "1e3", "true", '"1"', "null"]
)
def test_an_invalid_count_drops_only_its_histogram(context, count, padding):
    """This includes a count past 64 bits."""
    body = text_with(b"1", PLACES["beside"], PADDING[padding])
    body = body.replace(b'"1":1232', b'"1":' + count.encode())
    outcome = outcome_of(body, context)

    assert dropped(outcome)["invalid_count"] == 1
    assert "EXP" not in record_of(outcome)["histograms"]
    assert "FLAG" in record_of(outcome)["histograms"]


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize(
    ("key", "again"),
    [
        (b'"simpleMeasurements":', b'"simpleMeasurements":{"uptime":7},'),
        (b'"uptime":', b'"uptime":[7],'),
        (b'"histograms":', b'"histograms":{"FLAG":7},'),
        (b'"EXP":', b'"EXP":null,'),
        (b'"values":', b'"values":{"0":7},'),
        (b'"1":1232', b'"1":-7,'),
        (b'"keyedHistograms":', b'"keyedHistograms":{"KEYED_COUNT":{"b":{}}},'),
        (b'"info":', b'"info":{"reason":"other"},'),
        (b'"reason":', b'"reason":"other",'),
        (b'"ver":', b'"ver":99,'),
        (b'"v\\u0065r":', b""),
    ],
)
def test_the_last_of_equal_keys_counts_in_every_place(context, key, again, padding):
    """The record equals the record of a ping without the repeated key."""
    once = text_with(b"1", PLACES["beside"], PADDING[padding])
    twice = once.replace(b'"ver":', key, 1) if not again else once.replace(key, again + key, 1)
    assert twice != once

    assert record_of(outcome_of(twice, context)) == record_of(outcome_of(once, context))
    assert record_of(outcome_of(once, context))["histograms"]["EXP"][:10] == EXP_ROW[:10]


def layers(data: bytes, count: int) -> bytes:
    for _ in range(count):
        data = gzip.compress(data, 1)
    return data


def bomb(mebibytes: int) -> bytes:
    """Return valid gzip of blanks, of which only the first mebibyte is compressed."""
    packer = zlib.compressobj(9, wbits=-15)
    blanks = b" " * MIB
    packed = packer.compress(blanks) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(mebibytes):
        checksum = zlib.crc32(blanks, checksum)
    end = struct.pack("<II", checksum, mebibytes * MIB)
    return gzip.compress(b"")[:10] + packed * mebibytes + packer.flush() + end


GOOD = text_with(b"1", PLACES["beside"])
BOMB = bomb(300)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"", "empty_body", id="empty"),
        pytest.param(gzip.compress(b""), "empty_body", id="gzip of an empty body"),
        pytest.param(BOMB, "too_large", id="a bomb"),
        pytest.param(gzip.compress(GOOD + b" " * (2 * MIB)), "too_large", id="ratio"),
        pytest.param(gzip.compress(b" " * (3 * MIB)) * 4, "too_large", id="members together"),
        pytest.param(gzip.compress(b"") * 5, "corrupt_gzip", id="five empty members"),
        pytest.param(gzip.compress(b"x") * 5000, "corrupt_gzip", id="five thousand members"),
        pytest.param(layers(GOOD, 2), "invalid_json", id="two layers"),
        pytest.param(layers(BOMB, 1), "invalid_json", id="a bomb in a layer"),
        pytest.param(gzip.compress(GOOD)[:-1], "corrupt_gzip", id="without its last byte"),
        pytest.param(gzip.compress(GOOD)[:20], "corrupt_gzip", id="cut"),
        pytest.param(gzip.compress(GOOD)[:-8] + bytes(8), "corrupt_gzip", id="checksum"),
        pytest.param(
            b"\x1f\x8b\x08\x08\0\0\0\0\0\0" + b"n" * 100_000, "corrupt_gzip", id="a file name without an end"
        ),
        pytest.param(b"\x1f\x8b\x07" + bytes(100), "corrupt_gzip", id="another method"),
        pytest.param(b"\x1f\x8b", "corrupt_gzip", id="magic"),
        pytest.param(b"\x1f", "invalid_json", id="half the magic"),
        pytest.param(zlib.compress(GOOD), "invalid_json", id="zlib"),
        pytest.param(b"\x28\xb5\x2f\xfd" + GOOD, "invalid_json", id="zstd"),
        pytest.param(GOOD.decode().encode("utf-16"), "invalid_json", id="UTF-16"),
        pytest.param(b"[" + GOOD + b"]", "invalid_json", id="in a list"),
        pytest.param(GOOD + GOOD, "invalid_json", id="twice"),
        pytest.param(b"\x00" * MIB, "invalid_json", id="NULs"),
        pytest.param(b"{" * MIB, "invalid_json", id="braces"),
        pytest.param(b'{"a":' * 200_000, "invalid_json", id="objects in objects"),
        pytest.param(b'"' + b"\\" * MIB, "invalid_json", id="backslashes"),
        pytest.param(
            b'{"ver":1,"info":' + b"9" * (MIB - 20) + b"}", "invalid_json", id="a mebibyte of digits"
        ),
        pytest.param(b'{"a":"' + b"\\ud83d" * 100_000 + b'"}', "unknown_version", id="surrogates"),
        pytest.param(
            b'{"a":"' + b"\\ud83d" * 100_000 + b'"', "invalid_json", id="surrogates, then end of text"
        ),
    ],
)
def test_an_unreadable_body_is_refused_with_its_reason(context, body, reason):
    """Conversion takes little time, and the detail is printable."""
    assert refused(outcome_of(body, context)) == reason


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xef\xbb\xbf" + GOOD, id="byte order mark"),
        pytest.param(GOOD + b" " * 100_000, id="blanks"),
        pytest.param(gzip.compress(GOOD) + b"garbage", id="trailing bytes"),
        pytest.param(gzip.compress(GOOD[:100]) + gzip.compress(GOOD[100:]), id="two members"),
        pytest.param(
            GOOD[:-1] + b',"many":{' + b",".join(b'"k%d":0' % n for n in range(80_000)) + b"}}",
            id="80,000 keys",
        ),
        pytest.param(GOOD[:-1] + b',"' + b"k" * 900_000 + b'":0}', id="a key of 900,000 bytes"),
        pytest.param(GOOD[:-1] + b',"deep":' + b"[" * 63 + b"]" * 63 + b"}", id="64 levels"),
        pytest.param(GOOD[:-1] + b',"a":[' + b"0," * 400_000 + b"0]}", id="400,000 elements"),
        pytest.param(GOOD[:-1] + b',"a":"' + b"[" * 500_000 + b'"}', id="brackets in a string"),
        pytest.param(GOOD[:-1] + b',"a":"' + b'\\"' * 300_000 + b'"}', id="quotes in a string"),
        pytest.param(
            GOOD[:-1] + b',"a":[' + b'"18446744073709551616",' * 30_000 + b"0]}", id="numbers in strings"
        ),
    ],
)
def test_an_unusual_valid_body_is_stored(context, body):
    """Its histograms are stored too."""
    outcome = outcome_of(body, context)

    assert isinstance(outcome, Stored)
    assert record_of(outcome)["histograms"]["EXP"][:10] == EXP_ROW[:10]
