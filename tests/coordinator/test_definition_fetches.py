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
from tests.support.waiting import PATIENCE_SECONDS, until

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

        assert converter.summary.stored == 1
        assert len(server.paths) <= 10 * elapsed + 4
        assert world.audit().balanced


async def test_the_most_awaited_revision_is_fetched_first(tmp_path):
    """The revision of a real build has many pings; it is fetched before most of 300 made-up ones."""
    real = Revision("mozilla-central", "e" * 40)
    async with serving(status(404)) as server, AsyncExitStack() as stack:
        world = World(tmp_path, server=server.url)
        world.receive(made_up())
        world.receive(submitted(a_ping(n, revision=real), n) for n in range(MADE_UP, MADE_UP + 5))
        converter = await world.opened(stack)

        async def is_requested() -> bool:
            await converter.convert_waiting()
            return any("e" * 40 in path for path in server.paths)

        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await is_requested():
                await asyncio.sleep(0.05)

    # Fetches that were started before the first query of the ledger come first.
    assert len(server.paths) <= 2 * definition_fetches.MAX_AT_ONCE


async def test_a_missing_revision_is_fetched_again_after_an_hour(tmp_path):
    """It may have been pushed in that hour."""
    now = [0.0]
    async with serving(status(404)) as server:
        fetcher = SpecFetcher(RevisionCache(tmp_path), source_of(server.url), clock=lambda: now[0])
        async with fetcher:
            fetches = DefinitionFetches(fetcher, clock=lambda: now[0])
            for minute in (0, 59, 61):
                now[0] = minute * 60.0
                fetches.start([a_revision(1)])
                await until(fetches.ended.is_set)
                assert fetches.take_ended() == {a_revision(1)}
                assert fetches.missing == {a_revision(1)}
            now[0] += 3601
            assert fetches.missing == frozenset()

    assert len(server.paths) == 2


async def test_remembered_revisions_are_bounded(tmp_path, monkeypatch):
    """There are limits for missing revisions, those sent with each task, and unreachable ones."""
    monkeypatch.setattr(definition_fetches, "MAX_MISSING", 6)
    monkeypatch.setattr(definition_fetches, "MAX_LISTED", 3)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(status(404)))
        fetcher = SpecFetcher(RevisionCache(tmp_path), source_of(server.url))
        fetches = DefinitionFetches(await stack.enter_async_context(fetcher))
        await fetches.finish(a_revision(number) for number in range(9))
        assert fetches.missing == {a_revision(number) for number in range(3, 9)}
        assert fetches.newest_missing == {a_revision(number) for number in range(6, 9)}

    monkeypatch.setattr(definition_fetches, "MAX_UNREACHABLE", 5)
    async with SpecFetcher(RevisionCache(tmp_path), source_of("http://127.0.0.1:9")) as fetcher:
        fetches = DefinitionFetches(fetcher)
        await fetches.finish(a_revision(number) for number in range(5))
        assert fetches.wanted() == 0
        fetches.start([a_revision(6)])
        assert not fetches.is_running
        fetches.retry_unreachable()
        assert fetches.wanted() > 0


async def test_an_unreachable_revision_is_reported_once_until_it_is_answered(tmp_path):
    """Each retry would otherwise add a line to the log."""
    reported = []
    async with (
        serving(status(503)) as troubled,
        SpecFetcher(RevisionCache(tmp_path), source_of(troubled.url)) as fetcher,
    ):
        fetches = DefinitionFetches(fetcher, on_unreachable=lambda *report: reported.append(report))
        for _ in range(3):
            await fetches.finish([a_revision(1), a_revision(2)])
            fetches.retry_unreachable()

    assert len(troubled.paths) == 6
    assert sorted(revision.changeset for revision, _ in reported) == sorted(
        a_revision(number).changeset for number in (1, 2)
    )
    assert all("503" in detail for _, detail in reported)
