"""The compiled walk and the full parse give the same outcome, byte for byte."""

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.convert import conversion
from telemetry_server.convert.compiled import compiled_ping, ping_text
from telemetry_server.convert.compiled.ping_text import Layouts, NeedsFullParse, open_ping
from telemetry_server.convert.compiled.text_packer import TextPacker
from telemetry_server.convert.conversion import ConversionContext
from telemetry_server.convert.histograms.definitions import SpecDefinitions
from telemetry_server.convert.histograms.histogram_packer import places_of
from telemetry_server.convert.pipeline import convert
from telemetry_server.generator.definitions import shipped_definitions
from telemetry_server.generator.payloads import Layout
from telemetry_server.generator.stream import Recipe
from telemetry_server.outcomes.outcome import Outcome, Stored
from telemetry_server.outcomes.quarantine_line import histograms_line
from tests.convert.payloads.samples import (
    COUNT_SENT,
    EXP_SENT,
    FLAG_SENT,
    INFO,
    REVISION,
    TELEMETRY_PATH,
    a_context,
    a_submission,
    classic,
    unified,
)
from tests.support.shared_data import shared_data

pytestmark = pytest.mark.skipif(not ping_text.IS_COMPILED, reason="built without a C compiler")

GENERIC_PATH = "/submit/glean/baseline/1/17caa68c-25f5-450a-9cce-7d31318846d8"
GECKO_56 = ("probes", "gecko-56.0a1-33ce52b7c7ea", "Histograms.json")

HISTOGRAMS = {
    "FLAG": FLAG_SENT,
    "EXP": EXP_SENT,
    "STARTUP_EXP": EXP_SENT | {"sum": 1.5, "sum_squares_lo": 2**40},
    "LINEAR": {"values": {"1": 4, "12": 1}},
    "COUNT": COUNT_SENT,
    "UNDEFINED": FLAG_SENT,
    "BOOL": {"range": [1, 3], "values": {}},
    "ENUM4": {"values": {"7": 1}},
    "CATEGORIES": {"range": [1, 3], "bucket_count": 4, "values": {"0": 1, "3": 2}, "sum": 7},
    "EVENTS": {"values": {"0": 1, "13": 2, "14": 0}, "log_sum": 1.50},
    "REASONS": {"range": [1, 101], "bucket_count": 102, "values": {"0": 1}},
    "BROKEN": {"values": {}},
    "KEYED_COUNT": COUNT_SENT,
}
KEYED = {
    "KEYED_COUNT": {"größe@example.org": COUNT_SENT, "b": COUNT_SENT | {"sum": None}, "": COUNT_SENT},
    "FLAG": {"a": FLAG_SENT},
    "KEYED_CATEGORIES": {
        "old": {"range": [1, 4], "bucket_count": 5, "histogram_type": 5, "values": {"0": 1, "4": 2}},
        "new": {"range": [1, 50], "bucket_count": 51, "histogram_type": 5, "values": {"0": 1, "4": 2}},
        "neither": {"bucket_count": 20, "values": {"0": 1}},
    },
    "EMPTY": {},
    "NONE": 5,
}
PROCESS = {"histograms": HISTOGRAMS, "keyedHistograms": KEYED}
REST = {
    "simpleMeasurements": {"uptime": 5, "js": {"a": 0.1, "b": -7, "c": 1e-7}},
    "slowSQL": {"mainThread": {'SELECT "x" \\ FROM y\n': [1, 2]}, "otherThreads": {}},
    "log": [["a", 1, None, True, False], []],
    "os": "Linux",
}
PINGS: dict[str, dict[str, Any]] = {
    "classic": classic(HISTOGRAMS, keyedHistograms=KEYED, **REST),
    "converted": {"ver": 2, "info": INFO, "histograms": {"FLAG": [1, 0, 0]}, "clientID": "x"},
    "first use": {"ver": 3, "pingID": "x", "deviceinfo.platform_version": "1.0", "histograms": HISTOGRAMS},
    "crash": unified("crash", payload={"histograms": HISTOGRAMS, "processes": {"x": PROCESS}}),
    "generic": {"client_info": {"client_id": INFO["revision"], "os": "Linux"}, "ping_info": {}, **PROCESS},
} | {
    doctype: unified(
        doctype,
        environment={
            "system": {"os": {"name": "Windows_NT", "version": 10}, "cpu": {"count": 4}},
            "build": 5,
        },
        payload=PROCESS
        | REST
        | {
            "info": {"revision": REVISION, "reason": "x"},
            "processes": {"content": PROCESS, "gpu": {"histograms": {}}, "x": None},
            "childPayloads": [PROCESS, 5],
        },
    )
    for doctype in ("main", "saved-session")
}
# Replacements for parts of a text; clients would not write most of them.
PIECES = [
    *(b"0", b"-0", b"01", b"1.50", b"1.5", b"-1.0", b"1e5", b"1E400", b"1.", b".5", b"-", b"1e-7", b"1e16"),
    *(b"123456789012345680.0", b"0.00001", b"NaN", b"Infinity", b"true", b"null", b"nul", b"tru e"),
    *(b"999999999999999999", b"9223372036854775807", b"9223372036854775808", b"18446744073709551615"),
    *(b"18446744073709551616", b"-9223372036854775809", b"1" * 400),
    *(rb'"\u0041"', rb'"\/"', rb'"\ud800"', rb'"\ud83d\ude00"', rb'"\n\t\b\f\r\"\\"', rb'"\u001f"', rb'"\x"'),
    *(b'"\xff"', b'"\xc3\xa9"', b'"\xed\xa0\x80"', b'"\x01"', b'"\x7f"', '"\u2028"'.encode(), b'"', b"\\"),
    *(b"\x00", b" ", b"\n", b",", b":", b"{", b"}", b"[", b"]", b"{}", b"[]", b"\xef\xbb\xbf"),
    *(b"[" * 60 + b"]" * 60, b"[" * 64 + b"]" * 64, b'{"a":' * 58 + b"{}" + b"}" * 58),
    *(b'"a":1,"a":2', b'"sum":1,', b'"values":{},', b'"values":{"0":1,"0":2},', b'"values":{"0":1},'),
    *(b'"histograms":{},', b'"info":{},', b'"FLAG":{"values":{}},', b'"sum":[{"a":1,"a":{"b":"\\ud800"}}],'),
    *(
        b'"}":1,',
        b'"}":1,"{":2,',
        b'"}":1,"a":' + b"[" * 62 + b"]" * 62 + b',"{":2,',
        b'"\xf0\x9f\x98\x80\\\xc3\xa9"',
    ),
    *(b'"metadata":{},', b'"sample_id":[1.50],', b'"processes":{"a":{"histograms":{"FLAG":1}}},'),
]
SEPARATORS = ((",", ":"), (", ", ": "))


def outcomes(body: bytes, context: ConversionContext, path: str = TELEMETRY_PATH) -> tuple[Outcome, Outcome]:
    submission = a_submission(body, path)
    return convert(submission, context), convert(submission, context, fully=True)


def assert_same(body: bytes, context: ConversionContext, path: str = TELEMETRY_PATH) -> None:
    quick, plain = outcomes(body, context, path)

    assert quick == plain
    # 1, 1.0 and true are equal.
    assert repr(quick) == repr(plain)
    assert lines_of_dropped(quick) == lines_of_dropped(plain)


def lines_of_dropped(outcome: Outcome) -> bytes:
    """Return the lines of quarantine that hold the dropped histograms of *outcome*; empty without any."""
    if not isinstance(outcome, Stored):
        return b""
    submission, document_id = a_submission(b"{}"), outcome.document_id
    return b"".join(
        histograms_line(
            submission, reason, dropped, document_id=document_id, namespace="telemetry", doctype="main"
        )
        for reason, dropped in outcome.dropped.by_reason.items()
    )


def packed_by_walk(text: bytes, definitions: SpecDefinitions) -> int:
    """Return how many histograms of a verbose ping the walk keeps; `NeedsFullParse` if it gives up."""
    ping = open_ping(text)
    packer = TextPacker(definitions)
    for place in places_of(ping.get("payload") or ping, ""):
        packer.pack(place)
    ping_text.encode(ping)
    return packer.kept


def definitions_of(context: ConversionContext, url: str = REVISION) -> SpecDefinitions:
    from histogram_specs.history.resolver import Resolved
    from histogram_specs.revision import parse_revision_url

    found = context.resolver.resolve(parse_revision_url(url), channel=None, build_id=None, version=None)
    assert isinstance(found, Resolved)
    return SpecDefinitions(found.spec_file)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ConversionContext:
    return a_context(tmp_path_factory.mktemp("specs"))


def path_of(name: str) -> str:
    return GENERIC_PATH if name == "generic" else TELEMETRY_PATH


@pytest.mark.parametrize("name", PINGS)
@pytest.mark.parametrize("write", [orjson.dumps, json.dumps, lambda ping: json.dumps(ping, indent=1)])
def test_both_ways_agree_on_partly_invalid_pings(context, name: str, write: Callable[[Any], Any]):
    """In the shortest form, with spaces, and with escapes for other than ASCII characters."""
    text = write(PINGS[name])

    assert_same(text if isinstance(text, bytes) else text.encode(), context, path_of(name))


@pytest.fixture(autouse=True)
def every_ping_is_walked(monkeypatch):
    """Short ones of the generic route, too."""
    monkeypatch.setattr(conversion, "MIN_WALKED_BYTES", 0)


@pytest.mark.parametrize("route", [GENERIC_PATH, TELEMETRY_PATH])
@pytest.mark.parametrize("is_long", [False, True])
def test_pings_without_histograms_are_converted_by_the_compiled_walk(context, monkeypatch, route, is_long):
    """They need no definitions; short ones of the generic route are parsed whole."""
    monkeypatch.undo()
    ping = PINGS["generic"] if route == GENERIC_PATH else unified("crash", payload=REST)
    body = orjson.dumps(ping | ({"log": ["x" * 8192]} if is_long else {}))
    opened = []
    monkeypatch.setattr(compiled_ping, "open_ping", lambda text: opened.append(text) or open_ping(text))

    assert_same(body, context, route)
    assert bool(opened) is (is_long or route == TELEMETRY_PATH)
    assert isinstance(convert(a_submission(body, route), context), Stored)


@pytest.mark.parametrize("name", ["classic", "main", "saved-session"])
def test_ordinary_pings_are_converted_by_the_compiled_walk(context, name: str):
    """Otherwise the comparison would compare the full parse with itself."""
    text = orjson.dumps(PINGS[name])
    quick, plain = outcomes(text, context)

    assert isinstance(plain, Stored)
    assert quick == plain
    if name == "classic":
        assert packed_by_walk(text, definitions_of(context)) == plain.histograms_kept > 5


@pytest.mark.parametrize(
    ("name", "count"),
    [("CATEGORIES", 4), ("CATEGORIES", 51), ("KEYED_CATEGORIES", 5), ("KEYED_CATEGORIES", 51)],
)
def test_definitions_of_every_release_are_packed_by_the_compiled_walk(context, name: str, count: int):
    """The compiled walk knows every set of buckets itself."""
    histogram = {"range": [1, count - 1], "bucket_count": count, "histogram_type": 5, "values": {"2": 7}}
    keyed = name.startswith("KEYED")
    text = orjson.dumps({name: {"a": histogram, "b": histogram} if keyed else histogram})
    packed = ping_text.pack_histograms(text, Layouts(definitions_of(context), keyed=keyed), keyed=keyed)

    assert packed.kept == 1 + keyed
    assert all(isinstance(chunk, bytes) for chunk in packed.chunks)


@pytest.mark.parametrize("layout", Layout)
def test_both_ways_agree_on_generated_pings(tmp_path: Path, layout: Layout):
    definitions = shipped_definitions()
    revision = f"{definitions.revision.repository}/{definitions.revision.changeset}"
    context = a_context(tmp_path, definitions.text, revision=revision)
    kept = 0
    for ping in Recipe(definitions, layout=layout, malformed_rate=0.5).pings(40):
        assert_same(ping.body, context, ping.path)
    for ping in Recipe(definitions, layout=layout).pings(5):
        text = zlib.decompress(ping.body, 31)
        kept += packed_by_walk(text, definitions_of(context, definitions.revision_url))

    assert kept > 500


def test_both_ways_agree_on_published_pings(tmp_path: Path):
    """As published and in the shortest form, against definitions that differ a little."""
    folder = shared_data("pings")
    context = a_context(
        tmp_path, shared_data(*GECKO_56).read_bytes(), revision="mozilla-central/33ce52b7c7ea"
    )
    stored = 0
    for file in sorted(folder.rglob("*.json*")):
        text = file.read_bytes()
        text = gzip.decompress(text) if text.startswith(b"\x1f\x8b") else text
        for path in (TELEMETRY_PATH, GENERIC_PATH):
            assert_same(text, context, path)
        try:
            ping = json.loads(text)
        except ValueError:
            continue
        for place in (ping, ping.get("payload")) if isinstance(ping, dict) else ():
            if isinstance(place, dict) and isinstance(place.get("info"), dict):
                place["info"]["revision"] = "https://hg.mozilla.org/mozilla-central/rev/33ce52b7c7ea"
        for separators in SEPARATORS:
            written = json.dumps(ping, separators=separators, ensure_ascii=False).encode()
            assert_same(written, context)
            stored += isinstance(outcomes(written, context)[0], Stored)

    assert stored >= 8


@given(data=st.data())
def test_both_ways_agree_on_mutated_pings(context, data: st.DataObject):
    """A piece of the text is replaced, taken out, or said twice; once or a few times."""
    name = data.draw(st.sampled_from(sorted(PINGS)))
    text = orjson.dumps(PINGS[name])
    for _ in range(data.draw(st.integers(1, 3))):
        edges = [at for at in range(len(text) + 1) if text[at : at + 1] in b'{}[],:"' or at == len(text)]
        first = data.draw(st.integers(0, len(edges) - 1))
        start = edges[first] + data.draw(st.integers(0, 1))
        end = edges[min(first + data.draw(st.integers(0, 4)), len(edges) - 1)]
        replaced = text[start : max(start, end)]
        piece = data.draw(st.sampled_from(PIECES) | st.just(b"") | st.just(replaced + b"," + replaced))
        text = text[:start] + piece + text[start + len(replaced) :]

    assert_same(text, context, path_of(name))


# Of the definitions that have several sets of buckets: their sizes, and where their last begins.
SEVERAL = [4, 51, 12, 15, 17, [1, 3], [1, 50], [1, 11], [1, 14], [1, 16]]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.text(st.characters(categories=["Cs", "Lu"]))
)


@given(
    rest=st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)),
    ascii_only=st.booleans(),
)
def test_both_ways_agree_on_any_other_values(context, rest: Any, ascii_only: bool):
    """Numbers and strings in each of the ways that JSON has for them."""
    text = json.dumps(PINGS["classic"] | {"rest": rest}, separators=SEPARATORS[0], ensure_ascii=ascii_only)

    assert_same(text.encode("utf-8", "surrogatepass"), context)


@given(
    st.dictionaries(
        st.sampled_from(
            ["FLAG", "EXP", "EXP50", "KEYED_COUNT", "STARTUP_BOOL", "CATEGORIES", "EVENTS", "é", "\\"]
        ),
        st.fixed_dictionaries(
            {
                "values": st.dictionaries(
                    st.sampled_from(["0", "1", "2", "3", "8", "12", "16", "50", "01", "-1"]),
                    SCALARS | st.integers(0, 9),
                )
            },
            optional=dict.fromkeys(
                ("sum", "log_sum", "sum_squares_hi", "range", "bucket_count", "histogram_type", "x"),
                SCALARS | st.sampled_from([[1, 2], [1, 3000], 3, 10, 0, 5, *SEVERAL]),
            ),
        ),
    )
)
def test_both_ways_agree_on_any_histograms(context, histograms: Any):
    keyed = {name: {"a": value, "b": value} for name, value in histograms.items()}
    text = json.dumps(
        classic(histograms, keyedHistograms=keyed), separators=SEPARATORS[0], ensure_ascii=False
    )

    assert_same(text.encode("utf-8", "surrogatepass"), context)


def test_colliding_keys_require_the_full_parse():
    """More keys than slots as well; neither takes long."""
    many = orjson.dumps({"ver": 1, "x": {str(number): number for number in range(20_000)}})

    with pytest.raises(NeedsFullParse):
        open_ping(many)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"a',
        b'{"a"',
        b'{"a":',
        b'{"a":1',
        b'{"a":"\\',
        b'{"a":t',
        b'{"a":1}}',
        b'{"a":1}\x00',
        b'{"a":1} ',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":1,"a":1}',
        b'{"a":1,}',
        b'{"a":[1,]}',
        b'{"a":[1}',
        b'{"a":1.50}',
        b'{"a":1e400}',
        b'{"a":-0}',
        b'{"a":"\xff"}',
        b'{"a":"\n"}',
        b'{"a":' + b"[" * 64 + b"]" * 64 + b"}",
        b'{"histograms":' + b"[" * 64 + b"]" * 64 + b"}",
        b"[" * 100_000,
    ],
)
def test_texts_that_require_the_full_parse(text: bytes):
    with pytest.raises(NeedsFullParse):
        open_ping(text)
