"""A client id that is in raw/ alone: conversion took it out for an anonymous store or by a rule."""

from datetime import timedelta

import pytest

from storage.disk import Disk
from telemetry_server.aggregates.update import Updater
from telemetry_server.convert.rules.rules_file import parse_rules
from telemetry_server.privacy.forget import Forgetter
from telemetry_server.probes.stores import parse_stores
from tests.probes.samples import SOMEBODY, STORES, a_ping
from tests.support.data_root import NOON, World, an_id, submitted
from tests.support.data_root import a_ping as ping
from tests.support.independent_scan import hits

NO_CLIENT = """
[[rule]]
name = "no-client"
action = "drop"
fields = ["clientId"]
[rule.when]
namespace = "telemetry"
"""
RAIN = {"scalars": {"parent": {"garden.weather.rain_ticks": 42}}}
NAMELESS = "/submit/foo"  # a path without a document id
OTHER = "99999999-1111-4222-8333-444444444444"


@pytest.fixture
async def world(tmp_path):
    """Of a client on two days: violations, two that cannot be read, a conflict; and pings of others."""
    world = World(tmp_path / "data", stores=parse_stores(STORES))
    world.put_specs()
    typed = f"/submit/telemetry/{an_id(3)}/custom/Firefox/70.0/release/20191010000000"
    world.receive(
        [
            submitted(a_ping(RAIN), 1),
            submitted(a_ping(RAIN, clientId=SOMEBODY), 2),
            submitted(f'{{"clientId": "{SOMEBODY}", no json'.encode(), 3, path=typed),
            submitted(f'{{"clientId": "{SOMEBODY}"}}'.encode(), 8, path=NAMELESS),
            submitted(a_ping(RAIN), 4),
            submitted(a_ping(RAIN, clientId=SOMEBODY), 4),
            submitted(a_ping(RAIN, clientId=OTHER), 5),
        ]
    )
    world.receive([submitted(a_ping(RAIN, clientId=SOMEBODY), 2)])
    world.receive([submitted(a_ping(RAIN, clientId=SOMEBODY), 7, at=NOON + timedelta(days=1))])
    await world.convert()
    Updater(world.root, Disk()).update()
    return world


def forgetter(world):
    return Forgetter(world.root, Disk(), opens_bodies=True)


async def test_a_client_goes_from_raw_where_no_other_file_names_it(world):
    """The pings that named it go, also from quarantine; a scan finds nothing, and the books balance."""
    assert set(hits(world.root.path, [SOMEBODY])) == {
        path.relative_to(world.root.path).as_posix() for path in world.root.raw.rglob("*.tlg")
    }

    preview = forgetter(world).preview([SOMEBODY], [], orders=False)
    report = forgetter(world).forget([SOMEBODY], [])

    assert preview.removed == report.removed
    assert report.left == []
    assert hits(world.root.path, [SOMEBODY, an_id(2), an_id(3), an_id(4), an_id(7)]) == {}
    assert set(hits(world.root.path, [OTHER])) != set()
    assert forgetter(world).scan().hits == {}
    assert {fields["document_id"] for _, fields in world.lines("quarantine")} == {an_id(5), None}
    audited = world.audit()
    assert audited.findings == []
    assert (audited.total.received, audited.total.stored, audited.total.deleted) == (9, 1, 6)


async def test_later_pings_of_that_client_are_deleted(world):
    """Their bytes go with the next deletion."""
    forgetter(world).forget([SOMEBODY], [])

    world.receive([submitted(a_ping(RAIN, clientId=SOMEBODY), 6)])
    summary = await world.convert()
    forgetter(world).carry_out()

    assert (summary.received, summary.deleted) == (1, 1)
    assert hits(world.root.path, [SOMEBODY, an_id(6)]) == {}


async def test_a_client_goes_whose_id_a_rule_took_out_of_stored_pings(tmp_path):
    """An index that was made before, without bodies, is made anew."""
    world = World(tmp_path / "data", rules=parse_rules(NO_CLIENT))
    world.put_specs()
    world.receive([submitted(ping(1, clientId=SOMEBODY), 1), submitted(ping(2, clientId=OTHER), 2)])
    assert (await world.convert()).stored == 2
    Forgetter(world.root, Disk()).update_index()

    report = forgetter(world).forget([SOMEBODY], [])

    assert report.left == []
    assert hits(world.root.path, [SOMEBODY, an_id(1)]) == {}
    assert set(hits(world.root.path, [OTHER])) != set()
    assert [document_id for document_id, _ in world.lines()] == [an_id(2)]
    audited = world.audit()
    assert audited.findings == []
    assert (audited.total.received, audited.total.stored, audited.total.deleted) == (2, 1, 1)
