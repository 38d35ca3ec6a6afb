"""Pings of an application whose own repository is not gecko's."""

import json

import pytest

from histogram_specs.history.history import History
from telemetry_server.convert.pipeline import convert
from tests.convert.payloads.samples import (
    FLAG_ROW,
    FLAG_SENT,
    INFO,
    SPECS,
    a_context,
    a_submission,
    classic,
    record_of,
    refused,
    unified,
)
from tests.histogram_specs.history.test_history import node_of, write_history

COMM = "https://hg.mozilla.org/comm-central/rev/0123456789ab"
GECKO = f"https://hg.mozilla.org/mozilla-central/rev/{node_of(2).hex()}"


@pytest.fixture
def context(tmp_path):
    write_history(tmp_path / "specs", [json.dumps(SPECS).encode()])
    return a_context(tmp_path, history=History(tmp_path / "specs"), offline=False)


def test_a_ping_of_thunderbird_is_stored_with_the_definitions_of_its_gecko(context):
    """It keeps its own revision, and the record names the revision of the definitions."""
    info = INFO | {"appName": "Thunderbird", "appVersion": "23.0", "revision": COMM}
    outcome = convert(a_submission(classic({"FLAG": FLAG_SENT}, info=info)), context)

    record = record_of(outcome)
    assert record["histograms"] == {"FLAG": FLAG_ROW}
    assert record["info"] == info
    assert record["metadata"]["revision_source"] == "alias_build_date"
    assert record["metadata"]["revision"] == GECKO


@pytest.mark.parametrize("layout", ["main", "saved-session"])
def test_a_unified_ping_of_thunderbird_is_stored_with_the_definitions_of_its_gecko(context, layout):
    ping = unified(layout)
    ping["application"] |= {"name": "Thunderbird", "version": "52.0", "buildId": "20130902030220"}
    ping["payload"]["info"]["revision"] = COMM

    record = record_of(convert(a_submission(ping), context))
    assert record["metadata"]["revision_source"] == "alias_build_date"
    assert record["metadata"]["revision"] == GECKO


def test_an_unknown_revision_names_where_it_was_searched(context):
    info = INFO | {"appBuildID": "20200101000000", "appVersion": "99.0", "revision": COMM}
    outcome = convert(a_submission(classic(info=info)), context)

    assert refused(outcome) == "unknown_revision"
    assert "mozilla-central" in outcome.detail
