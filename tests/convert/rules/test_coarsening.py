"""Rules that store the time of arrival and versions less exactly than they came."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from telemetry_server.convert.pipeline import convert
from telemetry_server.convert.rules.rules_file import BadRules, parse_rules
from telemetry_server.outcomes.outcome import QuarantineReason
from tests.convert.payloads.samples import a_context, a_submission, classic, record_of, refused

ARRIVED = datetime(2026, 11, 22, 13, 47, 11, 123456, tzinfo=UTC)


def coarsening(more: str, when: str = 'namespace = "telemetry"') -> str:
    return f'[[rule]]\nname = "coarse"\naction = "coarsen"\n{more}\n[rule.when]\n{when}\n'


def converted(tmp_path, rules: str, ping=None):
    submission = replace(
        a_submission(classic() if ping is None else ping),
        received_at=ARRIVED,
        headers={"date": "Sun, 22 Nov 2026 13:47:00 GMT", "dnt": "1"},
    )
    return convert(submission, a_context(tmp_path, rules=parse_rules(rules)))


@pytest.mark.parametrize(
    ("arrival", "stored"),
    [("hour", "2026-11-22T13:00:00.000000Z"), ("day", "2026-11-22T00:00:00.000000Z")],
)
def test_the_time_of_arrival_is_cut(tmp_path, arrival, stored):
    """The client's own time goes, too; other headers stay."""
    metadata = record_of(converted(tmp_path, coarsening(f'arrival = "{arrival}"')))["metadata"]

    assert metadata["submission_timestamp"] == stored
    assert metadata["header"] == {"dnt": "1"}


def test_versions_end_before_their_first_dot(tmp_path):
    """In the record, in its folder, and in the path of the submission; the definitions are found before."""
    outcome = converted(tmp_path, coarsening('version = "major"'))
    record, plain = record_of(outcome), record_of(converted(tmp_path / "plain", ""))
    version = plain["info"]["appVersion"]

    assert "." in version
    assert record["info"]["appVersion"] == version.partition(".")[0]
    assert version.partition(".")[0] in outcome.dimensions
    assert version not in outcome.dimensions
    assert f"/{version}/" not in record["metadata"]["uri"]
    assert record["histograms"] == plain["histograms"]
    assert record["metadata"]["submission_timestamp"] == plain["metadata"]["submission_timestamp"]


def test_the_coarsest_of_several_rules_counts(tmp_path):
    rules = coarsening('arrival = "day"') + coarsening('arrival = "hour"\nversion = "major"').replace(
        '"coarse"', '"other"'
    )
    outcome = converted(tmp_path, rules)

    assert record_of(outcome)["metadata"]["submission_timestamp"] == "2026-11-22T00:00:00.000000Z"
    assert outcome.notes["rule_coarsen"] == 2


def test_other_doctypes_are_stored_as_they_came(tmp_path):
    outcome = converted(tmp_path, coarsening('arrival = "day"', 'doctype = "event"'))

    assert record_of(outcome)["metadata"]["submission_timestamp"] == "2026-11-22T13:47:11.123456Z"


def test_a_refused_ping_is_written_with_the_coarse_time(tmp_path):
    """A rule behind it refuses the ping."""
    refusing = '[[rule]]\nname = "no"\naction = "unwanted"\n[rule.when]\nnamespace = "telemetry"\n'
    outcome = converted(tmp_path, coarsening('arrival = "day"') + refusing)

    assert refused(outcome) is QuarantineReason.UNWANTED
    assert outcome.submission.received_at == ARRIVED.replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("", "coarsen needs arrival, version or both"),
        ('arrival = "week"', "arrival must be one of hour, day"),
        ('version = "minor"', "version must be major"),
        ('arrival = "day"\nfields = ["info"]', "coarsen takes no fields"),
    ],
)
def test_a_wrong_rule_is_named(more, message):
    with pytest.raises(BadRules, match=message):
        parse_rules(coarsening(more))


def test_keys_of_coarsening_are_for_no_other_action():
    with pytest.raises(BadRules, match="arrival is for coarsen only"):
        parse_rules(coarsening('arrival = "day"').replace('"coarsen"', '"unwanted"'))
