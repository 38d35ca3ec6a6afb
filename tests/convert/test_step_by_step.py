"""Submissions that are converted together have the outcomes that they have alone."""

import gzip
from collections.abc import Iterator
from random import Random

import orjson
import pytest

from storage.raw.submission import Submission
from telemetry_server.convert import ping
from telemetry_server.convert.pipeline import convert
from telemetry_server.convert.step_by_step import GROUP_BYTES, GROUP_PINGS, convert_each
from telemetry_server.outcomes.outcome import AwaitingSpecs, Outcome, Refused, Stored
from telemetry_server.probes.stores import parse_stores
from tests.convert.payloads.samples import (
    COUNT_SENT,
    FLAG_SENT,
    a_context,
    a_submission,
    classic,
    unified,
)

GENERIC_PATH = "/submit/acme/kettle/1/17caa68c-25f5-450a-9cce-7d31318846d8"
UNKNOWN = "https://hg.mozilla.org/releases/mozilla-release/rev/0123456789ab"
STORES = parse_stores(b'[custom]\nstore = "side-store"\nclient_id = "forbidden"\n')


def with_revision(revision: str) -> Submission:
    ping = classic({"FLAG": FLAG_SENT})
    return a_submission(ping | {"info": ping["info"] | {"revision": revision}})


SUBMISSIONS = (
    a_submission(classic({"FLAG": FLAG_SENT})),
    a_submission(classic({"FLAG": FLAG_SENT, "COUNT": COUNT_SENT, "NOBODY_KNOWS": FLAG_SENT})),
    a_submission(unified("main")),
    a_submission(unified("saved-session")),
    a_submission({"litres": 2}, GENERIC_PATH),
    # Too long to be parsed whole at once.
    a_submission({"litres": [2] * 10_000}, GENERIC_PATH),
    with_revision(UNKNOWN),
    with_revision("not a URL"),
    a_submission(b"{"),
    a_submission(b'{"ver": 2}'),
    a_submission(b"\x1f\x8bnot gzip"),
    a_submission(b""),
    a_submission(b"{}", "/elsewhere"),
    # The compiled walk leaves these to the full parse.
    a_submission(orjson.dumps(classic({"FLAG": FLAG_SENT})).replace(b'"info"', b'"x": 1.50, "info"')),
    a_submission(orjson.dumps(classic({"FLAG": FLAG_SENT})).replace(b'"info"', b'"x": "\\ud800", "info"')),
    a_submission(
        b'{"version": 4, "type": "custom", "application": {}, "payload": {}, "clientId": "somebody"}'
    ),
)


def converted(tmp_path, submissions: list[Submission], *, together: bool) -> list[Outcome]:
    context = a_context(tmp_path / f"specs-{together}", offline=False, stores=STORES)
    if together:
        return list(convert_each(submissions, context))
    return [convert(each, context) for each in submissions]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("is_compiled", [True, False])
def test_the_outcomes_are_those_of_each_submission_alone(tmp_path, monkeypatch, seed, is_compiled):
    """Refused, waiting and stored pings stand side by side, in every order."""
    if not is_compiled:
        monkeypatch.setattr(ping, "IS_COMPILED", False)
    submissions = list(SUBMISSIONS) * 3
    Random(seed).shuffle(submissions)
    assert len(submissions) > 2 * GROUP_PINGS

    together = converted(tmp_path, submissions, together=True)

    assert together == converted(tmp_path, submissions, together=False)
    assert {type(outcome) for outcome in together} == {Stored, Refused, AwaitingSpecs}


def test_long_pings_do_not_wait_for_many_others(tmp_path):
    """The text of a group is held in memory, so its length is bounded."""
    text = orjson.dumps({"words": "x" * (GROUP_BYTES // 2)})
    taken = 0

    def submissions() -> Iterator[Submission]:
        nonlocal taken
        for _ in range(GROUP_PINGS):
            taken += 1
            yield a_submission(gzip.compress(text), GENERIC_PATH)

    outcomes = convert_each(submissions(), a_context(tmp_path))

    assert isinstance(next(outcomes), Stored)
    assert taken == 2
    assert len(list(outcomes)) == GROUP_PINGS - 1


def test_no_submissions_have_no_outcomes(tmp_path):
    assert list(convert_each([], a_context(tmp_path))) == []


def test_each_ping_has_notes_of_its_own(tmp_path):
    """The note of one ping must not be counted for its neighbours."""
    odd = a_submission({"metadata": 1}, GENERIC_PATH)
    plain = a_submission({"litres": 2}, GENERIC_PATH)
    found = [dict(each.notes) for each in convert_each([plain, odd, plain], a_context(tmp_path))]

    assert found[0] == found[2] != found[1]
