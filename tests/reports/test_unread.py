"""Submissions that no conversion has read: all are counted, and a list opens only those that it shows."""

from datetime import timedelta

import pytest

from storage.ledger.ledger import Ledger
from storage.raw.reader import segments
from telemetry_server.reports.queries.refused_pings import unread_pings
from telemetry_server.reports.queries.unread import UnreadSubmissions
from tests.support.data_root import DAY, NOON, World, a_ping, an_id, submitted

COUNT = 6


@pytest.fixture
def world(tmp_path):
    """Submissions that came a minute after each other."""
    world = World(tmp_path)
    world.receive(
        submitted(a_ping(number), number, at=NOON + timedelta(minutes=number)) for number in range(COUNT)
    )
    return world


def unread_of(world: World) -> list:
    """Return what is unread, by a process that has read nothing before."""
    with Ledger.for_reading(world.root) as ledger:
        return UnreadSubmissions(world.root).all(ledger)


def damage(world: World, number: int) -> None:
    """Change a byte of the body of submission *number*."""
    (segment,) = segments(world.root.raw)
    span = unread_of(world)[number].span
    with segment.path.open("r+b") as file:
        file.seek(span.offset + span.length_bytes - 8)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))


@pytest.mark.parametrize("damaged", [None, 0, 3, COUNT - 1])
def test_every_intact_submission_is_found_with_its_time_of_arrival(world, damaged):
    """Also beside a damaged one, wherever that is."""
    if damaged is not None:
        damage(world, damaged)

    found = [each.received_at for each in unread_of(world)]

    assert found == [NOON + timedelta(minutes=number) for number in range(COUNT) if number != damaged]


@pytest.mark.parametrize("limit", [1, 2, COUNT, COUNT + 1])
def test_a_list_has_the_newest(world, limit):
    """As many as are wanted, where there are as many."""
    found = [ping.document_id for ping in unread_pings(unread_of(world), DAY, limit)]

    assert found == [an_id(number) for number in reversed(range(COUNT))][:limit]


def test_a_submission_that_is_damaged_meanwhile_does_not_shorten_a_list(world):
    """The next one is shown in its place."""
    unread = unread_of(world)
    damage(world, COUNT - 1)

    found = [ping.document_id for ping in unread_pings(unread, DAY, 2)]

    assert found == [an_id(COUNT - 2), an_id(COUNT - 3)]
