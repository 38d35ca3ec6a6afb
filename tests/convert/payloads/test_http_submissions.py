"""Submissions that other decoders are tested with: the same bytes, our outcomes."""

import base64
import json
from pathlib import Path

import pytest

from storage.raw.submission import Submission
from telemetry_server.convert.pipeline import convert
from telemetry_server.doctypes.catalogue import Catalogue
from telemetry_server.outcomes.outcome import Refused
from tests.convert.payloads.samples import RECEIVED_AT, a_context
from tests.support.shared_data import shared_data

# As their own test configures it: one doctype, of one text.
FOO_BAR = {
    "type": "object",
    "properties": {"exampleString": {"type": "string"}},
    "required": ["exampleString"],
}


@pytest.fixture
def context(tmp_path):
    schema = tmp_path / "schemas/foo/bar/bar.1.schema.json"
    schema.parent.mkdir(parents=True)
    schema.write_text(json.dumps(FOO_BAR))
    return a_context(
        tmp_path,
        doctypes=Catalogue(tmp_path / "schemas"),
        require_registration=True,
        unresolved_revision="self_described",
    )


def outcomes(file: Path, context) -> list[str]:
    """The outcome of each submission in a file of the old decoder's tests."""
    found = []
    for message in json.loads(file.read_text()):
        fields = message["fields"]
        body = fields.get("content", "").encode()
        outcome = convert(Submission(RECEIVED_AT, fields.get("uri", ""), body), context)
        found.append(outcome.reason.value if isinstance(outcome, Refused) else type(outcome).__name__)
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "lua_sandbox-decoder_common.json",
            # No path, a path outside, no body (4 times), good, no body, breaks its schema, not registered.
            ["invalid_path"] * 2
            + ["empty_body"] * 4
            + ["Stored", "empty_body", "schema_violation", "unknown_doctype"],
        ),
        (
            "lua_sandbox-decoder_json.json",
            ["Stored", "empty_body", "schema_violation", "unknown_doctype"],
        ),
        (
            "lua_sandbox-decoder_telemetry.json",
            # A saved session, its id again with no body, another with none, a Fennec `core` with only a `v`.
            ["Stored", "empty_body", "empty_body", "unknown_version"],
        ),
    ],
)  # fmt: skip
def test_each_of_the_old_decoders_submissions_has_its_outcome(context, name, expected):
    """In their order; a repeated id is the commit's to see, not the converter's."""
    assert outcomes(shared_data("pings", "http-submissions", name), context) == expected


def test_the_current_pipelines_inputs_have_an_outcome_each(context):
    """Messages with a path and a payload; nothing raises, and what is refused says why."""
    folder = shared_data("pings", "http-submissions", "gcp-ingestion")
    seen = 0
    for file in sorted(folder.rglob("*.ndjson")):
        for line in file.read_text().splitlines():
            try:
                message = json.loads(line)
                attributes = message["attributeMap"] or {}
                body = base64.b64decode(message.get("payload") or "")
            except (ValueError, KeyError, TypeError):
                continue
            outcome = convert(Submission(RECEIVED_AT, attributes.get("uri") or "", body), context)
            seen += 1
            if isinstance(outcome, Refused):
                assert outcome.detail
                assert outcome.detail.isprintable()

    assert seen > 20
