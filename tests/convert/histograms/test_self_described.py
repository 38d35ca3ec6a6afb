"""Self-described pings: their records, and which revisions lead to them."""

import pytest

from histogram_specs.history.resolver import Awaiting, NotFound
from telemetry_server.convert.conversion import ConversionContext
from telemetry_server.convert.histograms.self_description import buckets_of, description_of, descriptions
from telemetry_server.convert.pipeline import convert
from telemetry_server.outcomes.outcome import QuarantineReason, Refused
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

EXP, COUNT, FLAG = [0, 1, 3000, 10], [4, 1, 2, 3], [3, 1, 2, 3]
LINEAR_SENT = {"range": [1, 100], "bucket_count": 5, "histogram_type": 1, "values": {"34": 2}, "sum": 70}
LINEAR = [1, 1, 100, 5]
UNKNOWN = "https://hg.mozilla.org/mozilla-central/rev/0000000000ff"


@pytest.fixture
def context(tmp_path):
    return a_context(tmp_path, unresolved_revision="self_described")


def classic(revision=UNKNOWN, **parts):
    return {"ver": 1, "info": INFO | {"revision": revision}, "histograms": {}, **parts}


def described(context: ConversionContext, ping) -> dict:
    metadata = record_of(convert(a_submission(ping), context))["metadata"]
    return metadata.get("self_described", {})


PLACES = {
    "plain": (classic(histograms={"A": EXP_SENT, "B": FLAG_SENT}), {"A": EXP, "B": FLAG}),
    "keyed, once for its keys": (
        classic(keyedHistograms={"K": {"a": COUNT_SENT, "b": COUNT_SENT}}),
        {"K": COUNT},
    ),
    "the same in a process": (
        classic(histograms={"A": EXP_SENT}, processes={"gpu": {"histograms": {"A": EXP_SENT}}}),
        {"A": EXP},
    ),
    "another in a process": (
        classic(
            histograms={"A": EXP_SENT},
            processes={"gpu": {"histograms": {"A": LINEAR_SENT}}, "rdd": {"histograms": {"A": EXP_SENT}}},
        ),
        {"A": EXP, "processes": {"gpu": {"A": LINEAR}}},
    ),
    "in processes only": (
        classic(
            processes={
                "gpu": {"keyedHistograms": {"A": {"k": LINEAR_SENT}}},
                "rdd": {"histograms": {"A": EXP_SENT}},
            }
        ),
        {"A": LINEAR, "processes": {"rdd": {"A": EXP}}},
    ),
    "another in a child": (
        classic(
            histograms={"A": EXP_SENT},
            childPayloads=[{"histograms": {"A": EXP_SENT}}, {"histograms": {"A": FLAG_SENT, "B": FLAG_SENT}}],
        ),
        {"A": EXP, "B": FLAG, "childPayloads": {"1": {"A": FLAG}}},
    ),
    "what is dropped is not described": (
        classic(histograms={"A": EXP_SENT, "BARE": {"values": {}}, "WRONG": EXP_SENT | {"values": {"2": 1}}}),
        {"A": EXP},
    ),
    "no histograms": (classic(), {}),
}


@pytest.mark.parametrize(("ping", "expected"), PLACES.values(), ids=PLACES.keys())
def test_a_record_describes_its_self_described_histograms(context, ping, expected):
    assert described(context, ping) == expected


def test_a_flattened_session_is_described_from_where_its_histograms_end_up(context):
    """``payload.processes`` becomes ``processes``; the description needs no change for that."""
    ping = {
        "version": 4,
        "type": "saved-session",
        "application": {"name": "Firefox"},
        "environment": {},
        "payload": {
            "info": {"revision": UNKNOWN},
            "histograms": {"A": EXP_SENT},
            "processes": {"gpu": {"histograms": {"A": LINEAR_SENT}}},
        },
    }

    record = record_of(convert(a_submission(ping), context))

    assert record["processes"]["gpu"]["histograms"]["A"][2] == 2
    assert record["metadata"]["self_described"] == {"A": EXP, "processes": {"gpu": {"A": LINEAR}}}


def test_the_first_kept_histogram_of_a_section_defines_its_name(context):
    """What the first kept key says; keys that describe another histogram are dropped."""
    broken = LINEAR_SENT | {"values": {"2": 1}}
    other_range = EXP_SENT | {"range": [1, 3001]}
    keys = {
        "a": broken,
        "b": EXP_SENT,
        "c": other_range,
        "d": LINEAR_SENT,
        "e": {"values": {}},
        "f": EXP_SENT,
    }

    outcome = convert(a_submission(classic(keyedHistograms={"K": keys})), context)

    record = record_of(outcome)
    assert record["keyedHistograms"] == {"K": {"b": EXP_ROW, "f": EXP_ROW}}
    assert record["metadata"]["self_described"] == {"K": EXP}
    assert dropped(outcome) == {
        "invalid_bucket": 1,
        "range_mismatch": 1,
        "type_mismatch": 1,
        "unknown_histogram": 1,
    }


def test_a_histogram_named_like_a_section_is_dropped(context):
    """Its description would be taken for those of a process."""
    ping = classic(histograms={"processes": EXP_SENT, "childPayloads": EXP_SENT, "A": EXP_SENT})

    outcome = convert(a_submission(ping), context)

    assert dropped(outcome) == {"unknown_histogram": 2}
    assert record_of(outcome)["metadata"]["self_described"] == {"A": EXP}


def test_descriptions_are_found_by_name_and_section(context):
    """The differing place goes before the top; what was not packed is not described."""
    ping = classic(
        histograms={"A": EXP_SENT, "B": FLAG_SENT}, processes={"gpu": {"histograms": {"A": LINEAR_SENT}}}
    )
    found = described(context, ping)
    gpu = ("processes", "gpu")

    assert description_of(found, "A") == tuple(EXP)
    assert description_of(found, "A", gpu) == tuple(LINEAR)
    assert description_of(found, "B", gpu) == tuple(FLAG)
    assert description_of(found, "A", ("childPayloads", "0")) == tuple(EXP)
    assert description_of(found, "C") is None
    assert description_of(found, "processes") is None
    assert [(section, name) for section, name, _ in descriptions(found)] == [
        ((), "A"),
        ((), "B"),
        (gpu, "A"),
    ]
    assert buckets_of((1, 1, 100, 5)).starts == (0, 1, 34, 67, 100)


# Revisions


class FindsNothing:
    """A resolver that finds nothing, and remembers what it was asked for."""

    def __init__(self, answer=None) -> None:
        self.asked: list[object] = []
        self._answer = answer or NotFound("missing_revision", "nothing is known")

    def resolve(self, revision, *, channel, build_id, version, platform_version):
        self.asked.append(revision)
        return self._answer if revision is None else Awaiting(revision)


NOT_MERCURIAL = {
    "a git URL": "https://github.com/example/browser/commit/0123456789abcdef0123456789abcdef01234567",
    "a git clone's URL": "git@github.com:example/browser.git",
    "a tag": "FIREFOX_60_0_RELEASE",
    "tip": "https://hg.mozilla.org/mozilla-central/rev/tip",
    "a word": "unknown",
    "a bare hash": "a55c55edf302",
    "capitals": "https://hg.mozilla.org/mozilla-central/rev/A55C55EDF302",
    "a file": "file:///etc/passwd",
    "another host's path": "https://example.org/../../rev/a55c55edf302",
    "a long text": "x" * 10_000,
    "a number": 12,
    "an object": {"url": UNKNOWN},
}


@pytest.mark.parametrize("revision", NOT_MERCURIAL.values(), ids=NOT_MERCURIAL.keys())
def test_a_revision_that_is_not_mercurials_is_like_an_unknown_one(tmp_path, revision):
    """It is stored as it was sent, by its own word, and nothing is fetched for it."""
    resolver = FindsNothing()
    context = ConversionContext(resolver, a_context(tmp_path).schema, unresolved_revision="self_described")

    record = record_of(convert(a_submission(classic(revision, histograms={"A": EXP_SENT})), context))

    assert set(resolver.asked) == {None}
    assert record["info"]["revision"] == revision
    assert record["histograms"]["A"] == EXP_ROW
    assert record["metadata"]["revision_source"] == "self_described"
    assert record["metadata"]["self_described"] == {"A": EXP}


@pytest.mark.parametrize("revision", NOT_MERCURIAL.values(), ids=NOT_MERCURIAL.keys())
def test_under_quarantine_a_revision_that_is_not_mercurials_is_invalid(tmp_path, revision):
    outcome = convert(a_submission(classic(revision, histograms={"A": EXP_SENT})), a_context(tmp_path))

    assert refused(outcome) is QuarantineReason.INVALID_REVISION
    assert isinstance(outcome, Refused)
    assert outcome.detail.startswith("info.revision is ")
