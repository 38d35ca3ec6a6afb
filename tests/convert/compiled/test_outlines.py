"""A histogram that breaks its definition is refused without being decoded, for the same reason."""

import json
from typing import Any

import orjson
import pytest

from telemetry_server.convert.compiled import text_packer
from telemetry_server.convert.compiled.ping_text import IS_COMPILED
from telemetry_server.convert.pipeline import convert
from telemetry_server.outcomes.outcome import Stored
from tests.convert.compiled.test_two_ways import lines_of_dropped
from tests.convert.payloads.samples import COUNT_SENT, EXP_SENT, FLAG_SENT, a_context, a_submission, classic

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="built without a C compiler")

# By reason: the name of a histogram, and the value that is sent.
REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "unknown_histogram": ("UNKNOWN", EXP_SENT),
    "unusable_spec": ("BROKEN", FLAG_SENT),
    "type_mismatch": ("EXP", EXP_SENT | {"histogram_type": 1}),
    "bucket_count_mismatch": ("EXP", EXP_SENT | {"bucket_count": 11}),
    "range_mismatch": ("EXP", EXP_SENT | {"range": [1, 3001]}),
    "invalid_bucket": ("EXP", EXP_SENT | {"values": {"0": 1, "2": 3, "x": 4}}),
    "invalid_count": ("EXP", EXP_SENT | {"values": {"0": 1, "1": -3, "3": -4}}),
    "malformed": ("KEYED_COUNT", COUNT_SENT),
}


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return a_context(tmp_path_factory.mktemp("specs"))


@pytest.mark.parametrize("is_keyed", [False, True], ids=["plain", "keyed"])
@pytest.mark.parametrize("reason", REFUSED)
def test_a_refused_histogram_is_not_decoded(context, monkeypatch, reason, is_keyed):
    """Its line in quarantine has the same bytes as after a full parse."""
    name, sent = REFUSED[reason]
    if is_keyed and name == "KEYED_COUNT":
        name = "COUNT"
    kept = {"FLAG": FLAG_SENT}
    ping = classic(kept, keyedHistograms={name: {"a": sent}}) if is_keyed else classic(kept | {name: sent})
    submission = a_submission(orjson.dumps(ping))
    plain = convert(submission, context, fully=True)
    decoded: list[bytes] = []
    monkeypatch.setattr(text_packer, "_values_of", lambda texts: iter(decoded.extend(texts) or ()))
    quick = convert(submission, context)

    assert isinstance(quick, Stored) and isinstance(plain, Stored)
    assert decoded == []
    (dropped,) = quick.dropped
    assert (dropped, quick.record) == (*plain.dropped, plain.record)
    if not (is_keyed and name == "EXP"):
        assert dropped.reason == reason
    assert lines_of_dropped(quick) == lines_of_dropped(plain)


@pytest.mark.parametrize(
    "sent",
    [
        b'{"values":{"0":1},"sum":1.50}',
        b'{"values":{"0":1,"0":2}}',
        b'{"values":{"0":1},"other":1}',
        b'{"values":{"0":1},"sum":null}',
        b'{"values":{"0":1},"sum":1,"sum":2}',
        b'{"values":{"\\u0030":1}}',
        b'{"values":{"0":18446744073709551616}}',
        b'{"values":{"0":-1,"1":1.50}}',
        b'{"values":{"0":1.50,"1":-1}}',
        b'{"values":{"0":-0}}',
        b'{"values":[]}',
        b'{"sum":1}',
        b"{}",
        b"5",
    ],
)
def test_an_unusual_histogram_is_decoded(context, sent):
    """Its text would differ from what a parser writes, so it is not copied."""
    body = (
        json.dumps(classic({"UNKNOWN": 0}), separators=(",", ":"))
        .encode()
        .replace(b'"UNKNOWN":0', b'"UNKNOWN":' + sent)
    )
    quick, plain = (convert(a_submission(body), context, fully=fully) for fully in (False, True))

    assert quick == plain
    assert lines_of_dropped(quick) == lines_of_dropped(plain) != b""
