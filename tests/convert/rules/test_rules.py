"""Operators' rules: what they refuse, what they remove, and the messages for an invalid file."""

import pickle
import re
from pathlib import Path

import pytest

from telemetry_server.convert.histograms.key_rewriting import added
from telemetry_server.convert.pipeline import convert
from telemetry_server.convert.rules.rules import Facts
from telemetry_server.convert.rules.rules_file import BadRules, parse_rules, read_rules
from telemetry_server.outcomes.outcome import QuarantineReason
from tests.convert.payloads.samples import a_context, a_submission, classic, record_of, refused

FACTS = Facts("telemetry", "main", "4", "Firefox", "45.0", "release", "20160301000000")
SAMPLES = Path(__file__).resolve().parents[3] / "docs/rules.sample.toml"


def a_rule(conditions: str = "", more: str = 'action = "unwanted"') -> str:
    return f'[[rule]]\nname = "r"\n{more}\n[rule.when]\nnamespace = "telemetry"\n{conditions}\n'


def refusal(text: str, ping=None, headers=None, **facts: str) -> str | None:
    """The refusal of a ping by the rules of *text*."""
    expected = FACTS.__class__(**({name: getattr(FACTS, name) for name in FACTS.__slots__} | facts))
    return parse_rules(text).apply(expected, {} if ping is None else ping, headers or {}).refusal


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ('doctype = "main"', True),
        ('doctype = ["event", "ma*"]', True),
        ('doctype = "Main"', False),
        ('app = "Fire?ox"', True),
        ('app = "Fire[f]ox"', False),
        ('version = "<42"', False),
        ('version = "<46"', True),
        ('version = [">=45", "<45.1"]', True),
        ('version = ">45.0"', False),
        ('version = "45.*"', True),
        ('build = "<20160401000000"', True),
        ('channel = "*"', True),
        ('client_id = "c0ffeec0-ffee-c0ff-eec0-ffeec0ffeec0"', True),
        ('header.X-Telemetry-Agent = "Glean*"', True),
        ('header.x-debug-id = "*"', False),
        ('json."payload.reason" = "shutdown"', True),
        ('json."payload.count" = "7"', True),
        ('json."payload" = "*"', False),
        ('json."payload.reason.more" = "*"', False),
        ('[rule.unless]\nchannel = "release"', False),
        ('[rule.unless]\nchannel = "release"\ndoctype = "event"', True),
    ],
)
def test_a_rule_applies_to_pings_that_meet_its_conditions(conditions, holds):
    """All conditions must hold; a missing value meets none."""
    ping = {
        "clientId": "{C0FFEEC0-FFEE-C0FF-EEC0-FFEEC0FFEEC0}",
        "payload": {"reason": "shutdown", "count": 7},
    }
    found = refusal(a_rule(conditions), ping, {"x_telemetry_agent": "Glean/67.3.2 (Rust on Linux)"})

    assert (found is not None) == holds


def test_a_refusal_names_the_rule_and_the_reason():
    """The detail is one line, and names a bug as the reason."""
    unwanted = a_rule(more='action = "unwanted"\nreason = "no such app"')

    assert refusal(unwanted) == "rule r: no such app"
    assert refusal(a_rule(more='action = "affected_by_bug"')) == "affected by a bug, rule r"


def test_fields_are_dropped_or_redacted_where_they_are():
    """A missing field is not changed, and not counted."""
    text = a_rule(more='action = "drop"\nfields = ["payload.slowSQL", "payload.none.x"]')
    text += a_rule(more='action = "redact"\nfields = ["environment.profile"]').replace('"r"', '"s"')
    ping = {"payload": {"slowSQL": {"SELECT": 1}, "info": {}}, "environment": {"profile": {"a": 1}}}
    applied = parse_rules(text).apply(FACTS, ping, {})

    assert ping == {"payload": {"info": {}}, "environment": {"profile": "[redacted]"}}
    assert applied.notes == {"rule_drop": 1, "rule_redact": 1}
    assert parse_rules(text).apply(FACTS, {"payload": 7}, {}).notes == {}


def test_keys_off_the_list_become_one_and_their_numbers_are_added():
    """The numbers of a definition are not added."""
    more = 'action = "rewrite_keys"\nfields = ["searches"]\nkeep = ["*:none"]\nreplacement = "other.scrubbed"'
    text = a_rule(more=more)
    histogram = {"range": [1, 2], "bucket_count": 3, "histogram_type": 4, "values": {"0": 2}, "sum": 2}
    ping = {
        "searches": {
            "google.in-content:sap:none": histogram,
            "google.in-content:sap:typed": histogram,
            "google.in-content:sap:else": histogram,
            "bing.in-content:sap:x": {"sum": 1},
        }
    }
    applied = parse_rules(text).apply(FACTS, ping, {})

    assert ping["searches"] == {
        "google.in-content:sap:none": histogram,
        "google.in-content:sap:other.scrubbed": {**histogram, "values": {"0": 4}, "sum": 4},
        "bing.in-content:sap:other.scrubbed": {"sum": 1},
    }
    assert applied.notes == {"rule_rewrite_keys": 1}
    assert parse_rules(text).apply(FACTS, ping, {}).notes == {}


def test_values_that_cannot_be_added_keep_the_first():
    """Numbers are added, objects merged, other values stay."""
    assert added({"a": 1, "b": "x", "c": True}, {"a": 2, "b": 3, "c": True, "d": None}) == {
        "a": 3,
        "b": "x",
        "c": True,
        "d": None,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[rule]", "not valid TOML"),
        ("[rule]\nname = 1", "write rules as [[rule]] tables"),
        ("[[rules]]\nname = 1", "'rules' is not a known key"),
        ('[[rule]]\naction = "unwanted"', "rule 1: it needs a name"),
        (a_rule(more='action = "delete"'), "rule 'r': action must be one of"),
        ('[[rule]]\nname = "r"\naction = "unwanted"', "needs a [rule.when]"),
        ('[[rule]]\nname = "r"\naction = "unwanted"\n[rule.when]', "needs a [rule.when]"),
        (a_rule('appname = "x"'), "rule 'r', when: 'appname' is not a condition"),
        (a_rule("version = 42"), "rule 'r', when.version: must be a text"),
        (a_rule("version = []"), "rule 'r', when.version: needs a value"),
        (a_rule('version = ["<42", "43"]'), "either bounds"),
        (a_rule('header = "x"'), "must be a table"),
        (a_rule(more='action = "drop"'), "drop needs fields"),
        (a_rule(more='action = "unwanted"\nfields = ["a"]'), "unwanted takes no fields"),
        (a_rule(more='action = "drop"\nfields = ["a"]\nkeep = ["b"]'), "keep is for rewrite_keys only"),
        (a_rule(more='action = "rewrite_keys"\nfields = ["a"]'), "needs a replacement"),
        (a_rule(more='action = "unwanted"\nreason = "a\\nb"'), "one line"),
        (a_rule(more='action = "unwanted"\nwhy = "x"'), "'why' is not a key of a rule"),
        (a_rule() + a_rule(), "two rules are named 'r'"),
    ],
)
def test_an_invalid_rules_file_gives_one_line_that_names_the_rule(text, expected):
    """None of its rules applies."""
    with pytest.raises(BadRules, match=re.escape(expected)) as wrong:
        parse_rules(text)

    assert "\n" not in str(wrong.value)


def test_an_invalid_rules_file_stops_every_command_with_78(tmp_path, command):
    """The message names the setting and the file."""
    (tmp_path / "rules.toml").write_text(a_rule('appname = "x"'))
    (tmp_path / "config.toml").write_text(f'rules_file = "{tmp_path}/rules.toml"')
    _, talk = command(
        "convert", "--data", str(tmp_path / "data"), "--config", str(tmp_path / "config.toml"), status=78
    )

    assert "rules_file" in talk
    assert "rules.toml: rule 'r', when: 'appname'" in talk
    assert talk.count("\n") == 1


def test_rules_can_be_pickled():
    """Conversion processes receive them pickled."""
    rules = read_rules(SAMPLES)

    assert pickle.loads(pickle.dumps(rules)) == rules


def test_a_refused_ping_is_unwanted_and_a_changed_one_is_stored(tmp_path):
    """The whole conversion applies the rules before the schemas."""
    unwanted = a_rule('app = "Firefox"\nchannel = "aurora"')
    dropped = a_rule(more='action = "drop"\nfields = ["slowSQL"]').replace('"r"', '"s"')
    context = a_context(tmp_path, rules=parse_rules(unwanted + dropped))
    ping = classic()
    aurora = classic(info=ping["info"] | {"appUpdateChannel": "aurora"})

    assert refused(convert(a_submission(aurora), context)) is QuarantineReason.UNWANTED
    outcome = convert(a_submission(ping | {"slowSQL": {"x": 1}}), context)
    assert "slowSQL" not in record_of(outcome)
    assert outcome.notes == {"rule_drop": 1}


@pytest.mark.parametrize(
    ("facts", "ping", "headers", "expected"),
    [
        ({"app": "Waterfox"}, {}, {}, "rule desktop-doctypes-of-other-apps"),
        ({}, {}, {}, None),
        ({"doctype": "saved-session"}, {}, {}, "rule saved-session"),
        (
            {"namespace": "firefox-desktop", "doctype": "baseline"},
            {},
            {},
            "rule firefox-desktop-without-glean",
        ),
        (
            {"namespace": "firefox-desktop", "doctype": "baseline"},
            {},
            {"x_telemetry_agent": "Glean/67.3.2 (Rust on Linux)"},
            None,
        ),
        (
            {},
            {"clientId": "c0ffeec0-ffee-c0ff-eec0-ffeec0ffeec0"},
            {},
            "affected by a bug, rule canary-client",
        ),
    ],
)
def test_the_samples_of_the_docs_do_what_they_say(facts, ping, headers, expected):
    """Acceptance cases 31 and 48, and the others of that list."""
    refused_by = refusal(SAMPLES.read_text(), ping, headers, **facts)

    assert (refused_by or "").split(":")[0] == (expected or "")


def test_the_sample_that_drops_slow_sql_is_for_old_versions_only():
    """Below 42."""
    for version, is_left in (("41.0.2", False), ("42.0", True)):
        ping = {"payload": {"slowSQL": {}}}
        facts = Facts("telemetry", "main", "4", "Firefox", version, "release", None)
        read_rules(SAMPLES).apply(facts, ping, {})

        assert ("slowSQL" in ping["payload"]) == is_left


def test_the_page_shows_the_sample_file():
    """docs/clients.md names it."""
    assert "rules.sample.toml" in (SAMPLES.parent / "clients.md").read_text()
