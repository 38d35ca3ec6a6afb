"""The steps of the conversion, their checks and their reasons agree."""

import zlib
from collections.abc import Callable

import pytest

from storage.raw.submission import Submission
from telemetry_server.convert import pipeline
from telemetry_server.convert.conversion import Conversion, ConversionContext
from telemetry_server.convert.pipeline import STEPS_ON_BYTES, STEPS_ON_PING, Step, convert
from telemetry_server.convert.rules.rules_file import parse_rules
from telemetry_server.doctypes.catalogue import Catalogue
from telemetry_server.outcomes.checks import CHECKS
from telemetry_server.outcomes.outcome import AwaitingSpecs, QuarantineReason, Refused
from telemetry_server.probes.stores import parse_stores
from tests.convert.payloads.samples import a_context, a_submission, classic

GENERIC_PATH = "/submit/acme/kettle/1/17caa68c-25f5-450a-9cce-7d31318846d8"
SCHEMA = b'{"type": "object", "required": ["litres"]}'
FLAG = {"FLAG": {"range": [1, 2], "bucket_count": 3, "histogram_type": 3, "values": {"0": 1}, "sum": 0}}
RULES = '[[rule]]\nname = "none"\naction = "unwanted"\n[rule.when]\napp = "*"\n'


def with_info(**fields: object) -> Submission:
    ping = classic(FLAG)
    return a_submission(ping | {"info": ping["info"] | fields})


# A submission for each reason; the context that it is converted with is made by `context_for`.
STORES = parse_stores(b'[custom]\nstore = "side-store"\nclient_id = "forbidden"\n')
REFUSED: dict[QuarantineReason, Submission] = {
    QuarantineReason.INVALID_PATH: a_submission(b"{}", "/elsewhere"),
    QuarantineReason.INVALID_DOCUMENT_ID: a_submission(b"{}", "/submit/telemetry/not-an-id"),
    QuarantineReason.EMPTY_BODY: a_submission(b""),
    QuarantineReason.CORRUPT_GZIP: a_submission(b"\x1f\x8bnot gzip"),
    QuarantineReason.TOO_LARGE: a_submission(zlib.compress(b" " * (9 << 20), wbits=31)),
    QuarantineReason.INVALID_JSON: a_submission(b"{"),
    QuarantineReason.UNKNOWN_VERSION: a_submission(b"{}"),
    QuarantineReason.MISSING_FIELD: a_submission(b'{"ver":1}'),
    QuarantineReason.UNWANTED: a_submission(classic(FLAG)),
    QuarantineReason.UNKNOWN_DOCTYPE: a_submission(b"{}", GENERIC_PATH.replace("kettle", "toaster")),
    QuarantineReason.SCHEMA_VIOLATION: a_submission(b"{}", GENERIC_PATH),
    QuarantineReason.PRIVACY_VIOLATION: a_submission(
        b'{"version": 4, "type": "custom", "application": {}, "payload": {}, "clientId": "somebody"}'
    ),
    QuarantineReason.MISSING_REVISION: with_info(revision="", appUpdateChannel="unheard-of"),
    QuarantineReason.INVALID_REVISION: with_info(revision="not a URL"),
    QuarantineReason.UNKNOWN_REVISION: with_info(
        revision="https://example.org/unknown/rev/0123456789ab", appUpdateChannel="unheard-of"
    ),
}


@pytest.fixture
def context(tmp_path, request) -> ConversionContext:
    folder = tmp_path / "schemas/acme/kettle"
    folder.mkdir(parents=True)
    (folder / "kettle.1.schema.json").write_bytes(SCHEMA)
    return a_context(
        tmp_path / "specs",
        doctypes=Catalogue(tmp_path / "schemas"),
        require_registration=True,
        stores=STORES,
        rules=parse_rules(RULES) if request.getfixturevalue("reason") == QuarantineReason.UNWANTED else None,
    )


def test_every_reason_belongs_to_exactly_one_check():
    """A reason in no check would be shown by `explain` as if every check had passed."""
    listed = sorted(reason for check in CHECKS for reason in check.reasons)

    assert listed == sorted(QuarantineReason)


def test_the_checks_are_those_of_the_steps_in_their_order():
    """`explain` lists the checks in the order in which they were made."""
    assert tuple(step.check for step in (*STEPS_ON_BYTES, *STEPS_ON_PING)) == CHECKS


@pytest.mark.parametrize("reason", QuarantineReason)
def test_the_step_that_refuses_a_submission_lists_the_reason(reason, context, monkeypatch):
    """The last step that ran is the one whose check has the reason."""
    ran = []

    def recorded(step: Step) -> Step:
        run: Callable[[Conversion], AwaitingSpecs | None] = step.run

        def record(conversion: Conversion) -> AwaitingSpecs | None:
            ran.append(step.check)
            return run(conversion)

        return Step(step.check, record)

    for steps in ("STEPS_ON_BYTES", "STEPS_ON_PING"):
        monkeypatch.setattr(pipeline, steps, tuple(map(recorded, getattr(pipeline, steps))))

    outcome = convert(REFUSED[reason], context)

    assert isinstance(outcome, Refused)
    assert outcome.reason == reason
    assert reason in ran[-1].reasons
