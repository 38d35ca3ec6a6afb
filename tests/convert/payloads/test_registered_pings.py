"""Registered doctypes from raw/ to folders and quarantine, by the settings of a converter."""

import json

import pytest

from tests.support.data_root import World, an_id, submitted

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2019-09/schema",
    "properties": {"at": {"format": "date-time"}},
}


@pytest.fixture
def schemas(tmp_path):
    file = tmp_path / "schemas/garden/watering/watering.1.schema.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(SCHEMA))
    return tmp_path / "schemas"


@pytest.mark.parametrize(("check_formats", "stored"), [(True, []), (False, [an_id(1)])])
async def test_formats_refuse_pings_where_they_are_checked(tmp_path, schemas, check_formats, stored):
    world = World(tmp_path / "data", schemas_dir=schemas, check_formats=check_formats)
    world.receive([submitted({"at": "yesterday"}, 1, path=f"/submit/garden/watering/1/{an_id(1)}")])
    await world.convert()

    assert [document_id for document_id, _ in world.lines()] == stored
    refused = [fields["reason"] for _, fields in world.lines("quarantine")]
    assert refused == ([] if stored else ["schema_violation"])
    assert world.audit().balanced


@pytest.mark.parametrize("required", [True, False])
async def test_a_version_without_schema_balances_whether_it_is_stored_or_refused(tmp_path, schemas, required):
    world = World(tmp_path / "data", schemas_dir=schemas, require_registration=required)
    world.receive([submitted({}, 1, path=f"/submit/garden/watering/2/{an_id(1)}")])
    await world.convert()

    if required:
        assert [fields["reason"] for _, fields in world.lines("quarantine")] == ["unknown_doctype"]
    else:
        ((_, record),) = world.lines()
        assert record["metadata"]["anomalies"] == {"unregistered_version": 1}
    assert world.audit().balanced
