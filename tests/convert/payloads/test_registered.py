"""Pings of registered doctypes: versions without a schema, other spellings, what only a schema knows."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from storage.partitions.schema import PartitionSchema
from telemetry_server.convert.conversion import ConversionContext
from telemetry_server.convert.pipeline import convert
from telemetry_server.doctypes.catalogue import Catalogue
from telemetry_server.outcomes.outcome import QuarantineReason, Stored
from tests.convert.payloads.samples import (
    ID,
    TELEMETRY_PATH,
    a_context,
    a_submission,
    record_of,
    refused,
    stored,
    unified,
)
from tests.support.shared_data import shared_data

REASON = QuarantineReason
LITRES = {"type": "object", "properties": {"litres": {"type": "number"}}}
SYNC = {"type": "object", "required": ["application", "type", "version", "payload"]}
SYNC_PING = {
    "type": "sync",
    "id": ID,
    "creationDate": "2017-05-01T10:00:00.000Z",
    "version": 5,
    "application": {
        "architecture": "arm",
        "buildId": "20170501100000",
        "name": "Fennec",
        "version": "55.0a1",
        "platformVersion": "55.0a1",
        "channel": "nightly",
    },
    "payload": {"why": "schedule", "syncs": [], "uid": "0" * 32},
}


def context_of(tmp_path: Path, *schemas: tuple[str, Any], **changes: Any) -> ConversionContext:
    """A context whose catalogue holds *schemas*: ``("garden/watering/1", {…})``."""
    for name, schema in schemas:
        namespace, doctype, version = name.split("/")
        file = tmp_path / "schemas" / namespace / doctype / f"{doctype}.{version}.schema.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(schema))
    catalogue = Catalogue(tmp_path / "schemas" if schemas else None)
    context = a_context(tmp_path, doctypes=catalogue, **changes)
    schema = PartitionSchema.default(catalogue.doctypes(), catalogue.namespaces())
    return ConversionContext(
        context.resolver, schema, doctypes=catalogue, require_registration=context.require_registration
    )


def both_ways(submission: Any, context: ConversionContext) -> Any:
    """The outcome, which must be the same by the compiled walk and the full parse."""
    outcome = convert(submission, context)
    assert outcome == convert(submission, context, fully=True)
    return outcome


@pytest.mark.parametrize(
    ("path", "anomalies"),
    [
        ("garden/watering/1", None),
        ("garden/watering/2", {"unregistered_version": 1}),
        ("garden/weeding/2", None),
        ("shop/watering/2", None),
    ],
)
def test_a_version_without_schema_beside_a_registered_one_is_stored_and_marked(tmp_path, path, anomalies):
    context = context_of(tmp_path, ("garden/watering/1", LITRES))

    outcome = both_ways(a_submission({"litres": 3}, f"/submit/{path}/{ID}"), context)

    assert record_of(outcome)["metadata"].get("anomalies") == anomalies
    assert stored(outcome).notes == (anomalies or {})


def test_a_version_without_schema_is_an_unknown_doctype_where_registration_is_required(tmp_path):
    """The detail names the versions that have one, 2 before 10."""
    schemas = [(f"garden/watering/{version}", LITRES) for version in (1, 2, 10)]
    context = context_of(tmp_path, *schemas, require_registration=True)

    outcome = both_ways(a_submission({"litres": 3}, f"/submit/garden/watering/3/{ID}"), context)

    assert refused(outcome) is REASON.UNKNOWN_DOCTYPE
    assert outcome.detail == "version 3 of garden/watering is not registered, only 1, 2, 10"


def test_sync_pings_of_version_5_without_info_are_stored_where_their_schema_takes_them(tmp_path):
    """They get the info that pings of version 4 get, and are filed by it."""
    context = context_of(tmp_path, ("telemetry/sync/5", SYNC))

    outcome = both_ways(a_submission(SYNC_PING), context)

    assert stored(outcome).dimensions == ("sync", "Fennec", "nightly", "55.0a1", "20170501100000")
    record = record_of(outcome)
    assert {name: record[name] for name in SYNC_PING} == SYNC_PING
    assert record["info"]["appName"] == "Fennec"
    assert record["metadata"]["docversion"] == "5"


@pytest.mark.parametrize(
    ("ping", "schemas", "reason"),
    [
        (SYNC_PING, (), REASON.MISSING_FIELD),
        (SYNC_PING | {"payload": 5}, (("telemetry/sync/4", SYNC),), REASON.MISSING_FIELD),
        (SYNC_PING | {"type": "main"}, (("telemetry/sync/5", SYNC),), REASON.MISSING_FIELD),
        (
            {name: part for name, part in SYNC_PING.items() if name != "payload"},
            (("telemetry/sync/5", SYNC),),
            REASON.SCHEMA_VIOLATION,
        ),
    ],
)
def test_other_pings_of_version_5_without_info_are_refused(tmp_path, ping, schemas, reason):
    assert refused(both_ways(a_submission(ping), context_of(tmp_path, *schemas))) is reason


@pytest.mark.parametrize("sent", ["untrustedModules", "untrusted-modules", "untrusted_modules"])
@pytest.mark.parametrize("has_litres", [True, False])
def test_a_doctype_is_checked_by_a_schema_that_is_spelled_in_another_way(tmp_path, sent, has_litres):
    """It is filed under the registered spelling; the record has the spelling that was sent."""
    context = context_of(tmp_path, ("telemetry/untrusted-modules/4", LITRES | {"required": ["litres"]}))
    ping = unified(sent, litres=3 if has_litres else None)

    outcome = both_ways(a_submission(ping), context)

    if not has_litres:
        assert refused(outcome) is REASON.SCHEMA_VIOLATION
        return
    assert stored(outcome).dimensions[0] == "untrusted_modules"
    assert record_of(outcome)["metadata"]["doctype"] == sent
    assert record_of(outcome)["type"] == sent


@pytest.mark.parametrize(
    ("sent", "registered", "is_checked"),
    [
        ("disableSHA1rollout", "disable-sha1rollout", True),
        ("gardenVisit", "garden-visit", True),
        ("garden-visit", "gardenVisit", True),
        ("gardenvisit", "garden-visit", False),
        # Case counts: only another way to part the words is the same doctype.
        ("Watering", "watering", False),
        ("gardenVisit", "gardenvisit", False),
    ],
)
def test_only_the_separators_of_words_may_differ(tmp_path, sent, registered, is_checked):
    schema = LITRES | {"required": ["litres"]}
    context = context_of(tmp_path, (f"garden/{registered}/1", schema))

    outcome = both_ways(a_submission({}, f"/submit/garden/{sent}/1/{ID}"), context)

    assert isinstance(outcome, Stored) is not is_checked


def test_an_ambiguous_spelling_uses_no_schema(tmp_path):
    schema = LITRES | {"required": ["litres"]}
    context = context_of(tmp_path, ("garden/garden-visit/1", schema), ("garden/garden_visit/1", schema))

    assert isinstance(both_ways(a_submission({}, f"/submit/garden/gardenVisit/1/{ID}"), context), Stored)


def test_mozillas_schemas_check_the_samples_of_both_kinds(tmp_path):
    """Real schemas: mobile sync, and modules whose type is spelled in capitals."""
    schemas = shared_data("pipeline-schemas", "schemas")
    context = a_context(tmp_path, doctypes=Catalogue(schemas))
    samples = shared_data("pipeline-schemas", "validation", "telemetry")
    for sample in samples.glob("untrusted-modules.4.*.pass.json"):
        ping = orjson.loads(sample.read_bytes())
        assert isinstance(both_ways(a_submission(ping), context), Stored)
        broken = both_ways(a_submission(ping | {"payload": {"structVersion": "x"}}), context)
        assert refused(broken) is REASON.SCHEMA_VIOLATION

    assert isinstance(both_ways(a_submission(SYNC_PING), context), Stored)
    assert refused(both_ways(a_submission(SYNC_PING | {"payload": {"why": 1}}), context)) is (
        REASON.SCHEMA_VIOLATION
    )


@pytest.mark.parametrize(
    ("ping", "filed"),
    [
        ({"app_channel": "beta", "app_version": "1.2", "app_build": 345}, ("beta", "1.2", "345")),
        (
            {
                "app_channel": "beta",
                "app_version": "1.2",
                "client_info": {"app_channel": "nightly", "app_display_version": "", "app_build": "7"},
            },
            ("nightly", "1.2", "7"),
        ),
        ({"client_info": [], "app_version": "1.2"}, ("OTHER", "1.2", "UNKNOWN")),
        ({"app_channel": {}, "app_version": None}, ("OTHER", "UNKNOWN", "UNKNOWN")),
    ],
)
def test_version_channel_and_build_are_read_from_the_top_level_or_client_info(tmp_path, ping, filed):
    """Each field of client_info takes precedence."""
    outcome = both_ways(a_submission(ping, f"/submit/garden/watering/1/{ID}"), context_of(tmp_path))

    assert stored(outcome).dimensions[2:] == filed


def test_a_registered_product_is_filed_under_its_own_names(tmp_path):
    context = context_of(tmp_path, ("garden/watering/1", LITRES))
    ping = {"app_channel": "canary", "app_version": "1.2", "app_build": "345"}

    outcome = both_ways(a_submission(ping, f"/submit/garden/watering/1/{ID}"), context)

    assert stored(outcome).dimensions == ("watering", "garden", "canary", "1.2", "345")


def test_without_a_doctype_in_the_path_the_payloads_is_used(tmp_path):
    context = context_of(tmp_path, ("telemetry/sync/5", SYNC))

    assert stored(both_ways(a_submission(SYNC_PING, TELEMETRY_PATH), context)).doctype == "sync"
