"""Made-up revisions: a few are fetched at a time, and other pings do not wait for them."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from histogram_specs.cache.fetcher import SpecFetcher
from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.revision import Revision
from histogram_specs.sources.source import source_of
from telemetry_server.coordinator import definition_fetches
from telemetry_server.coordinator.definition_fetches import DefinitionFetches
from tests.histogram_specs.hostile_server import hang, serving, status
from tests.support.data_root import World, a_ping, submitted
from tests.support.waiting import until

MADE_UP = 300


def a_revision(number: int) -> Revision:
    return Revision("mozilla-central", f"{number + 1:040x}")


def made_up(first: int = 0, count: int = MADE_UP):
    """Return one ping for each of some revisions that do not exist."""
    for number in range(first, first + count):
        yield submitted(a_ping(number, revision=a_revision(number)), number)


@pytest.mark.parametrize("answer", [status(404), hang], ids=["404", "hang"])
async def test_made_up_revisions_wait_in_the_ledger_without_delaying_others(tmp_path, answer):
    """At most four fetches run at once and ten a second; a ping with known definitions is stored at once."""
    async with serving(answer) as server, AsyncExitStack() as stack:
        world = World(tmp_path, server=server.url)
        world.put_specs()
        world.receive(made_up())
        converter = await world.opened(stack)
        tasks_before = len(asyncio.all_tasks())
        started = time.monotonic()
        await converter.convert_waiting()
        assert len(asyncio.all_tasks()) - tasks_before <= 2 * definition_fetches.MAX_AT_ONCE + 8

        world.receive([submitted(a_ping(MADE_UP), MADE_UP)])
        await converter.convert_waiting()
        elapsed = time.monotonic() - started

        assert converter.tally.stored == 1
        assert len(server.paths) <= 10 * elapsed + 4
        assert world.audit().balanced


async def test_the_most_awaited_revision_is_fetched_first(tmp_path):
    """A real build has many pings and does not wait behind 300 made-up ones."""
    real = Revision("mozilla-central", "e" * 40)
    async with serving(status(404)) as server, AsyncExitStack() as stack:
        world = World(tmp_path, server=server.url)
        world.receive(made_up())
        world.receive(submitted(a_ping(n, revision=real), n) for n in range(MADE_UP, MADE_UP + 5))
        converter = await world.opened(stack)

        async def asked_for_it() -> bool:
            await converter.convert_waiting()
            return any("e" * 40 in path for path in server.paths)

        async with asyncio.timeout(60):
            while not await asked_for_it():
                await asyncio.sleep(0.05)

    # Those that were under way when the first look at the ledger came go before it.
    assert len(server.paths) <= 2 * definition_fetches.MAX_AT_ONCE


async def test_a_missing_revision_is_fetched_again_after_an_hour(tmp_path):
    """It may have been pushed meanwhile."""
    now = [0.0]
    async with serving(status(404)) as server:
        fetcher = SpecFetcher(RevisionCache(tmp_path), source_of(server.url), clock=lambda: now[0])
        async with fetcher:
            known = DefinitionFetches(fetcher, clock=lambda: now[0])
            for minute in (0, 59, 61):
                now[0] = minute * 60.0
                known.start([a_revision(1)])
                await until(known.ended.is_set)
                assert known.take_ended() == {a_revision(1)}
                assert known.missing == {a_revision(1)}
            now[0] += 3601
            assert known.missing == frozenset()

    assert len(server.paths) == 2


async def test_remembered_revisions_are_bounded(tmp_path, monkeypatch):
    """Missing ones, those sent with each task, and unreachable ones."""
    monkeypatch.setattr(definition_fetches, "MAX_MISSING", 6)
    monkeypatch.setattr(definition_fetches, "MAX_LISTED", 3)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(status(404)))
        fetcher = SpecFetcher(RevisionCache(tmp_path), source_of(server.url))
        known = DefinitionFetches(await stack.enter_async_context(fetcher))
        await known.finish(a_revision(number) for number in range(9))
        assert known.missing == {a_revision(number) for number in range(3, 9)}
        assert known.newest_missing == {a_revision(number) for number in range(6, 9)}

    monkeypatch.setattr(definition_fetches, "MAX_UNREACHABLE", 5)
    async with SpecFetcher(RevisionCache(tmp_path), source_of("http://127.0.0.1:9")) as fetcher:
        known = DefinitionFetches(fetcher)
        await known.finish(a_revision(number) for number in range(5))
        assert known.wanted() == 0
        known.start([a_revision(6)])
        assert not known.is_running
        known.retry_unreachable()
        assert known.wanted() > 0


async def test_an_unreachable_revision_is_reported_once_until_it_is_answered(tmp_path):
    """Each retry would otherwise add a line to the log."""
    told = []
    async with (
        serving(status(503)) as troubled,
        SpecFetcher(RevisionCache(tmp_path), source_of(troubled.url)) as fetcher,
    ):
        known = DefinitionFetches(fetcher, on_unreachable=lambda *words: told.append(words))
        for _ in range(3):
            await known.finish([a_revision(1), a_revision(2)])
            known.retry_unreachable()

    assert len(troubled.paths) == 6
    assert sorted(revision.changeset for revision, _ in told) == sorted(
        a_revision(number).changeset for number in (1, 2)
    )
    assert all("503" in detail for _, detail in told)
