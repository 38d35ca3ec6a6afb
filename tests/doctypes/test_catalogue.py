"""Registered doctypes: finding and compiling schemas, and messages about violations."""

import json
import time
from pathlib import Path

import pytest

from telemetry_server.doctypes.catalogue import UNUSABLE_NOTE, Catalogue
from telemetry_server.doctypes.compiling import compile_schema
from telemetry_server.doctypes.errors import BadSchema
from telemetry_server.doctypes.layout import DoctypeKey
from telemetry_server.pings.doctype_check import DoctypeStatus

DRAFTS = (
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
)
WATERING = {
    "type": "object",
    "properties": {
        "litres": {"type": "number", "minimum": 0},
        "beds": {"type": "array", "items": {"type": "object", "required": ["name"]}},
    },
    "additionalProperties": False,
}


def put(folder: Path, schema, path: str = "garden/watering/watering.1.schema.json") -> Path:
    """Write *schema* into the folder of schemas."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(schema if isinstance(schema, str) else json.dumps(schema))
    return folder


def check(catalogue: Catalogue, ping, docversion: str = "1"):
    return catalogue.check("garden", "watering", docversion, ping, b"")


@pytest.mark.parametrize("draft", [*DRAFTS, None])
def test_every_draft_is_supported(tmp_path, draft):
    """The draft that the schema names, or else the newest."""
    schema = WATERING if draft is None else {"$schema": draft, **WATERING}
    catalogue = Catalogue(put(tmp_path, schema))

    assert check(catalogue, {"litres": 3}).status is DoctypeStatus.VALID
    assert check(catalogue, {"litres": "3"}).status is DoctypeStatus.VIOLATION


@pytest.mark.parametrize(
    ("ping", "detail"),
    [
        ({"litres": "SECRET"}, 'litres: a string, but type: ["number"] (schema garden/watering/1)'),
        ({"litres": -7331}, "litres: a number, but minimum: 0 (schema garden/watering/1)"),
        ({"beds": [{}]}, "beds[0]: an object, but required: name (schema garden/watering/1)"),
        ({"beds": {}}, 'beds: an object, but type: ["array"] (schema garden/watering/1)'),
        (
            {"m": 1},
            "the ping itself: an object, but additionalProperties: m not allowed (schema garden/watering/1)",
        ),
    ],
)
def test_a_violation_names_its_place_and_the_requirement_of_the_schema(tmp_path, ping, detail):
    """One line, with only the types of the payload's values."""
    found = check(Catalogue(put(tmp_path, WATERING)), ping)

    assert found.status is DoctypeStatus.VIOLATION
    assert found.detail == detail


def test_a_violation_is_one_short_line_for_any_payload(tmp_path):
    """Keys are part of the payload too: they are shortened and printable."""
    found = check(Catalogue(put(tmp_path, WATERING)), {f"{n}\n{'k' * 5000}": 1 for n in range(50)})

    assert found.detail.isprintable()
    assert "kkk… not allowed" in found.detail
    assert len(found.detail) < 300


def test_a_numeric_key_is_named_as_a_key(tmp_path):
    """Bucket keys are such keys: ``values.2`` is not an array element."""
    schema = {"properties": {"values": {"additionalProperties": {"minimum": 0}}}}
    found = check(Catalogue(put(tmp_path, schema)), {"values": {"2": -1}})

    assert found.detail.startswith("values.2: a number, but minimum: 0")


@pytest.mark.parametrize("draft", [*DRAFTS, None])
@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date-time", "2026-11-22T12:00:00Z", "yesterday"),
        ("email", "garden@example.org", "garden"),
        ("hostname", "example.org", "two words"),
        ("uri", "https://example.org/", "two words"),
        # Only later drafts define these formats; they are checked in every draft.
        ("uuid", "17caa68c-25f5-450a-9cce-7d31318846d8", "17caa68c"),
        ("duration", "P1D", "a day"),
        ("uri-reference", "/a", "\\"),
        ("json-pointer", "/a", "a"),
    ],
)
def test_formats_are_checked_alike_in_every_draft_or_in_none(tmp_path, draft, name, good, bad):
    schema = {"properties": {"text": {"format": name}}} | ({} if draft is None else {"$schema": draft})
    put(tmp_path, schema)

    checked = Catalogue(tmp_path)
    assert check(checked, {"text": good}).status is DoctypeStatus.VALID
    assert check(checked, {"text": 5}).status is DoctypeStatus.VALID
    assert check(checked, {"text": bad}).detail == (
        f"text: a string, but format: {name} (schema garden/watering/1)"
    )
    assert check(Catalogue(tmp_path, check_formats=False), {"text": bad}).status is DoctypeStatus.VALID


def test_an_unknown_format_refuses_nothing(tmp_path):
    """Mozilla's schemas say "datetime", which no draft defines."""
    catalogue = Catalogue(put(tmp_path, {"properties": {"text": {"format": "datetime"}}}))

    assert check(catalogue, {"text": "yesterday"}).status is DoctypeStatus.VALID


def test_the_nearest_alternative_is_described(tmp_path):
    """A message that no alternative matches would not help."""
    far = {"type": "string"}
    near = {"properties": {"a": {"properties": {"b": {"type": "null"}}}}}
    found = check(Catalogue(put(tmp_path, {"anyOf": [far, near]})), {"a": {"b": 1}})

    assert 'the nearest: a.b: a number, but type: ["null"]' in found.detail


def test_an_unregistered_doctype_is_reported_as_such(tmp_path):
    """Another namespace, doctype, or version; case counts."""
    catalogue = Catalogue(put(tmp_path, WATERING))

    assert check(catalogue, {}, docversion="99").status is DoctypeStatus.UNREGISTERED
    assert catalogue.check("Garden", "watering", "1", {}, b"").status is DoctypeStatus.UNREGISTERED
    assert catalogue.registered("garden", "watering")
    assert not catalogue.registered("garden", "weeding")


def test_names_for_partitions_and_labels_come_from_the_operator():
    """Schemas of the package add nothing: their doctypes are in the default partition schema."""
    assert Catalogue().namespaces() == ()
    assert Catalogue().doctypes() == ()


def test_the_operators_names_are_listed(tmp_path):
    """Every registered namespace and doctype gets its own folder."""
    put(tmp_path, WATERING)
    put(tmp_path, WATERING, "shop/sale/sale.2.schema.json")
    catalogue = Catalogue(tmp_path)

    assert catalogue.namespaces() == ("garden", "shop")
    assert catalogue.doctypes() == ("sale", "watering")


@pytest.mark.parametrize(
    "path",
    [
        "garden/watering.1.schema.json",
        "a/b/c/c.1.schema.json",
        "garden/w/.1.schema.json",
        "g/w/w.schema.json",
    ],
)
def test_misplaced_files_are_named_and_skipped(tmp_path, path):
    """An operator sees which file is misplaced."""
    catalogue = Catalogue(put(tmp_path, WATERING, path))

    assert catalogue.doctypes() == ()
    assert [problem.split(":")[0] for problem in catalogue.misplaced] == [path]


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    """Nothing outside is read; links within, as a mounted volume has them, are fine."""
    outside = put(tmp_path / "outside", WATERING)
    inside = put(tmp_path / "inside", WATERING, "..data/watering.1.schema.json")
    (inside / "garden/watering").mkdir(parents=True)
    (inside / "garden/watering/watering.1.schema.json").symlink_to(inside / "..data/watering.1.schema.json")
    (inside / "garden/watering/watering.2.schema.json").symlink_to(
        outside / "garden/watering/watering.1.schema.json"
    )
    catalogue = Catalogue(inside)

    assert [str(entry.key) for entry in catalogue.entries() if not entry.is_shipped] == ["garden/watering/1"]


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        ({"type": "nothing"}, "is not valid"),
        ({"$ref": "http://127.0.0.1:1/schema"}, "Retrieval is disabled"),
        ({"$ref": "file:///etc/hostname"}, "Retrieval is disabled"),
        ({"$ref": "other.schema.json"}, "No base URI"),
        ({"$schema": "http://example.org/own"}, "Unknown meta-schema"),
        ({"pattern": "(unclosed"}, "regex"),
        ({"type": "string", "pattern": "(?:" * 40 + "a{999}" + "){9}" * 40}, ""),
        ('{"description": "' + "x" * (5 << 20) + '"}', "at most"),
    ],
)
def test_an_unusable_schema_is_an_error(schema, why):
    """Nothing is fetched, nothing else is read, and nothing grows without bounds."""
    text = schema if isinstance(schema, str) else json.dumps(schema)
    with pytest.raises(BadSchema) as refused:
        compile_schema(text.encode())

    assert why in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_an_unusable_schema_does_not_refuse_pings(tmp_path):
    """The ping counts as unregistered, and the unusable schema is counted."""
    found = check(Catalogue(put(tmp_path, {"$ref": "http://127.0.0.1:1/schema"})), {})

    assert found.status is DoctypeStatus.UNREGISTERED
    assert found.notes == {UNUSABLE_NOTE: 1}
    assert "cannot be used" in found.detail


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(?=a)(a|a)*$", "^(?!b)(a*)*b$", r"^(a+)\1+$"])
def test_every_pattern_is_matched_quickly(tmp_path, pattern):
    """Linear patterns finish; patterns with lookaround stop at a limit."""
    catalogue = Catalogue(put(tmp_path, {"properties": {"text": {"pattern": pattern}}}))
    check(catalogue, {"text": ""})
    start = time.process_time()
    found = check(catalogue, {"text": "a" * 100_000 + "!"})

    assert found.status is DoctypeStatus.VIOLATION
    assert time.process_time() - start < 60  # without a limit it would run for years


def test_only_needed_schemas_are_compiled(tmp_path):
    """A process that sees one doctype compiles one, even where another is broken."""
    put(tmp_path, WATERING)
    put(tmp_path, "{", "shop/sale/sale.1.schema.json")
    catalogue = Catalogue(tmp_path)

    assert check(catalogue, {"litres": 1}).status is DoctypeStatus.VALID
    assert list(catalogue._validators) == [DoctypeKey("garden", "watering", "1")]


def test_the_operators_schema_takes_precedence(tmp_path):
    """An operator may replace the schema of a Firefox doctype."""
    put(tmp_path, {"required": ["simpleMeasurements"]}, "telemetry/idle-daily/idle-daily.1.schema.json")

    assert Catalogue().check("telemetry", "idle-daily", "1", {}, b"").status is DoctypeStatus.VALID
    found = Catalogue(tmp_path).check("telemetry", "idle-daily", "1", {}, b"")
    assert found.status is DoctypeStatus.VIOLATION
