"""Use counters in a main ping: kept where the revision defines them."""

import json
from pathlib import Path

import orjson
import pytest

from telemetry_server.convert.pipeline import convert
from tests.convert.payloads.samples import a_context, a_submission, dropped, record_of
from tests.support.shared_data import shared_data

CONF = b"// a list\n\nproperty Fill\nmethod A.b\n"
DEPRECATED = b"DEPRECATED_OPERATION(GetPreventDefault)\n"
SENT = {"bucket_count": 3, "histogram_type": 2, "range": [1, 2], "sum": 1, "values": {"0": 0, "1": 1, "2": 0}}


def with_use_counters(directory: Path, context: object) -> object:
    (folder,) = (path.parent for path in directory.rglob("Histograms.json"))
    (folder / "UseCounters.conf").write_bytes(CONF)
    (folder / "nsDeprecatedOperationList.h").write_bytes(DEPRECATED)
    return context


def a_main_ping(**histograms: object) -> bytes:
    payload = {
        "info": {"revision": "https://hg.mozilla.org/releases/mozilla-release/rev/a55c55edf302"},
        "histograms": histograms,
    }
    application = {"name": "Firefox", "version": "54.0a1", "channel": "nightly", "buildId": "20170130030205"}
    return orjson.dumps({"type": "main", "version": 4, "application": application, "payload": payload})


@pytest.mark.parametrize("fully", [False, True])
def test_a_use_counter_is_kept_where_the_revision_defines_it(tmp_path, fully):
    """Without the files it is an unknown histogram; one with wrong buckets is dropped in any case."""
    ping = a_submission(
        a_main_ping(
            USE_COUNTER2_PROPERTY_FILL_PAGE=SENT,
            USE_COUNTER2_DEPRECATED_GetPreventDefault_DOCUMENT=SENT,
            USE_COUNTER2_A_B_PAGE={**SENT, "bucket_count": 4},
            USE_COUNTER2_C_D_PAGE=SENT,
        )
    )

    without = convert(ping, a_context(tmp_path / "without"), fully=fully)
    kept = convert(ping, with_use_counters(tmp_path / "kept", a_context(tmp_path / "kept")), fully=fully)

    assert dropped(without) == {"unknown_histogram": 4}
    assert dropped(kept) == {"unknown_histogram": 1, "bucket_count_mismatch": 1}
    assert record_of(kept)["payload"]["histograms"] == {
        "USE_COUNTER2_PROPERTY_FILL_PAGE": [0, 1, 0, 1, -1, -1, -1, -1],
        "USE_COUNTER2_DEPRECATED_GetPreventDefault_DOCUMENT": [0, 1, 0, 1, -1, -1, -1, -1],
    }


def test_the_use_counters_of_a_real_ping_are_all_kept(tmp_path):
    """Its five are defined by a list with one property and one deprecated operation."""
    ping = json.loads(shared_data("pings", "unified-v4", "main-54.0a1-shutdown.heka.json").read_bytes())
    del ping["meta"]
    specs = shared_data("probes", "gecko-56.0a1-33ce52b7c7ea", "Histograms.json").read_bytes()
    revision = ping["payload"]["info"]["revision"].partition("hg.mozilla.org/")[2].replace("/rev/", "/")
    context = with_use_counters(tmp_path, a_context(tmp_path, specs, revision=revision))

    outcome = convert(a_submission(ping), context)

    kept = record_of(outcome)["payload"]
    names = [*kept["histograms"], *kept["processes"]["content"]["histograms"]]
    assert sum(name.startswith("USE_COUNTER2_") for name in names) == 5
    assert not any(histogram.name.startswith("USE_COUNTER2_") for histogram in outcome.dropped)
