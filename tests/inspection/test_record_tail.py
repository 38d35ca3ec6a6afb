"""The pings that a tail yields, in this process; `tests/cli/test_tail.py` runs the command."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import pytest

from histogram_specs.revision import Revision
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.partitions.compact import compact_day
from telemetry_server.inspection.ping_summary import PingLine
from telemetry_server.inspection.tail import RecordTail
from tests.support.data_root import DAY, World, a_ping, an_id, submitted

ALWAYS = "2000-01-01T00:00:00Z"
NEVER = "2100-01-01T00:00:00Z"
UNKNOWN = Revision("mozilla-central", "fffffffffff0")


@pytest.fixture
def world(tmp_path) -> World:
    """A data root with one ping of every outcome; its revision server cannot be reached."""
    world = World(tmp_path, server="http://127.0.0.1:1")
    world.put_specs()
    receive(world, 0)
    return world


def receive(world: World, first: int) -> None:
    """Convert a good ping, a broken one, a conflict, and one that waits for its definitions."""
    good, broken, conflict, waits = range(first, first + 4)
    world.receive(
        [
            submitted(a_ping(good), good),
            submitted(b"{", broken),
            submitted(a_ping(conflict), conflict),
            submitted(a_ping(conflict, other=1), conflict),
            submitted(a_ping(waits, revision=UNKNOWN), waits),
        ]
    )
    asyncio.run(world.convert())


def outcomes(seen: Iterable[PingLine]) -> list[tuple[str, str]]:
    """Return id and outcome of each, in order of both."""
    return sorted((each.summary["document_id"], each.summary["outcome"]) for each in seen)


def expected(first: int) -> list[tuple[str, str]]:
    """Return what `outcomes` should be after `receive`."""
    good, broken, conflict, waits = map(an_id, range(first, first + 4))
    return [
        (good, "stored"),
        (broken, "quarantined"),
        (conflict, "duplicate"),
        (conflict, "stored"),
        (waits, "pending"),
    ]


def test_news_are_the_pings_committed_since_the_last_call(world):
    """Each outcome once; nothing that was there before."""
    with Ledger.for_reading(world.root) as ledger:
        tail = RecordTail(world.root, ledger, ALWAYS)
        before = outcomes(tail.news())
        receive(world, 10)
        news = outcomes(tail.news())
        again = outcomes(tail.news())

    assert (before, news, again) == ([], expected(10), [])


def test_recent_pings_are_those_of_files_and_submissions_after_the_given_moments(world):
    """Files that were not written to since, and pings received before, are left out."""
    with Ledger.for_reading(world.root) as ledger:
        recent = outcomes(RecordTail(world.root, ledger, ALWAYS).recent(began_at=0))
        received_later = outcomes(RecordTail(world.root, ledger, NEVER).recent(began_at=0))
        written_later = outcomes(RecordTail(world.root, ledger, ALWAYS).recent(began_at=2**32))

    assert recent == expected(0)
    assert received_later == []
    assert written_later == [(an_id(3), "pending")]


def test_only_stored_pings_are_yielded_if_only_these_are_wanted(world):
    """Neither refused nor waiting ones."""
    with Ledger.for_reading(world.root) as ledger:
        tail = RecordTail(world.root, ledger, ALWAYS, only_stored=True)
        recent = outcomes(tail.recent(began_at=0))
        receive(world, 10)
        news = outcomes(tail.news())

    assert recent == [(an_id(0), "stored"), (an_id(2), "stored")]
    assert news == [(an_id(10), "stored"), (an_id(12), "stored")]


def test_a_merge_between_two_calls_yields_no_ping_twice(world):
    """The merged file has only lines that were there before; the files it replaced are gone."""
    with Ledger.for_reading(world.root) as ledger:
        tail = RecordTail(world.root, ledger, ALWAYS)
        with Ledger(world.root.ledger) as writing:
            with writing.transaction() as transaction:
                for file in writing.files():
                    transaction.put_file(replace(file, closed=True))
            list(compact_day(world.root.path, writing, Disk(), DAY))
        news = outcomes(tail.news())

    assert news == []
