"""Which records the reports on stores and drift parse."""

import orjson
import pytest

from telemetry_server.inspection.probe_days import UNKNOWN, policy_of
from telemetry_server.probes.probe_checks import ProbeChecks

CASES = [
    ("telemetry", "main", True),
    ("telemetry", "saved-session", False),
    ("org-example-garden", "watering", False),
    ("telemetry", 'ma"in', True),  # an escaped text: the parsed record says what it is
    ("telemetry", "ma\\in", True),
]


@pytest.mark.parametrize(("namespace", "doctype", "expected"), CASES)
def test_a_ping_without_a_store_is_not_parsed(namespace, doctype, expected, tmp_path):
    """Its kind is read from the end of its line, whatever its own texts say."""
    text = '"metadata":{"submission_timestamp":"x","document_id":"x","namespace":"a","doctype":"b"'
    metadata = {
        "submission_timestamp": "2026-11-28T12:00:00.000000Z",
        "document_id": "0f9d3c1e-0000-4000-8000-000000000001",
        "namespace": namespace,
        "doctype": doctype,
        "uri": "/submit/x",
    }
    line = b"0f9d\t" + orjson.dumps({"text": text, "metadata": metadata})

    assert (policy_of(line, ProbeChecks(lambda _: None)) is not None) is expected
    assert policy_of(b'0f9d\t{"metadata":{}}', ProbeChecks(lambda _: None)) is UNKNOWN
