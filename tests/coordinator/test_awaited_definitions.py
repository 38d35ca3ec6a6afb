"""Pings wait for definitions without delaying other pings."""

import asyncio
import sqlite3
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from aiohttp import web

from histogram_specs.definition_files import REPOSITORY_PATHS
from histogram_specs.revision import Revision, parse_revision_url
from telemetry_server.coordinator.retention import RetentionTasks
from tests.support.data_root import NOON, SPEC, World, a_ping, submitted


class RevisionServer:
    """A real HTTP server of spec files that records its requests."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.status = 200
        self.delay_seconds = 0.0
        self.body = orjson.dumps(SPEC)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked[request.path] += 1
        await asyncio.sleep(self.delay_seconds)
        return web.Response(body=self.body, status=self.status)

    @asynccontextmanager
    async def running(self):
        app = web.Application()
        app.router.add_get("/{path:.*}", self.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        finally:
            await runner.cleanup()


@pytest.fixture
async def server():
    server = RevisionServer()
    async with server.running() as server.url:
        yield server


def pings_of(revisions: int, pings: int):
    for number in range(pings):
        revision = Revision("mozilla-central", f"{number % revisions + 1:012x}")
        yield submitted(a_ping(number, revision=revision), number)


async def test_new_revisions_are_fetched_once_each(tmp_path, server):
    """200 pings of 20 new revisions make 20 requests, and all are stored in the same run."""
    world = World(tmp_path, server=server.url)
    world.receive(pings_of(20, 200))

    summary = await world.convert()

    assert (summary.received, summary.stored, summary.pending) == (200, 200, 0)
    assert len(server.asked) == 20 * len(REPOSITORY_PATHS)
    assert set(server.asked.values()) == {1}
    assert world.audit().balanced


async def test_a_revision_that_the_server_does_not_have_is_quarantined(tmp_path, server):
    """After a 404 the ping is unknown_revision and is not fetched again."""
    server.status = 404
    world = World(tmp_path, server=server.url)
    world.receive(pings_of(2, 10))

    summary = await world.convert()

    assert dict(summary.quarantined) == {"unknown_revision": 10}
    assert set(server.asked.values()) == {1}
    assert world.audit().balanced


@pytest.mark.parametrize("status", [500, 503])
async def test_pings_wait_while_the_server_fails(tmp_path, server, status):
    """They are pending, never quarantined; the next convert stores them."""
    server.status = status
    world = World(tmp_path, server=server.url)
    world.receive(pings_of(2, 6))

    summary = await world.convert()
    assert (summary.stored, summary.pending, sum(summary.quarantined.values())) == (0, 6, 0)
    assert world.audit().total.pending == 6
    assert world.audit().balanced

    server.status = 200
    summary = await world.convert()
    assert (summary.received, summary.stored, summary.pending) == (0, 6, 0)
    assert world.audit().balanced


async def test_a_hanging_server_does_not_delay_other_pings(tmp_path, server):
    """Pings with known definitions are stored while a fetch hangs."""
    server.delay_seconds = 3600
    world = World(tmp_path, server=server.url)
    world.put_specs()
    world.receive([*pings_of(1, 3), *(submitted(a_ping(number), number) for number in range(10, 13))])
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)
        await converter.convert_waiting()

        assert converter.summary.stored == 3
        assert world.audit().total.pending == 3


async def test_definitions_added_by_hand_end_the_wait(tmp_path):
    """Without a reachable server, a file in the cache works like a fetched one."""
    world = World(tmp_path, server="http://127.0.0.1:9")
    revision = Revision("mozilla-central", "00000000000a")
    world.receive([submitted(a_ping(1, revision=revision), 1)])
    assert (await world.convert()).pending == 1

    world.put_specs(revision)

    assert (await world.convert()).stored == 1
    assert world.audit().balanced


async def test_an_answer_that_is_not_a_spec_file_is_not_used(tmp_path, server):
    """After HTML with status 200 the pings still wait."""
    server.body = b"<html>please log in</html>"
    world = World(tmp_path, server=server.url)
    world.receive(pings_of(1, 2))

    assert (await world.convert()).pending == 2
    assert list(world.root.specs.rglob("Histograms.json")) == []


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"X": 1}', b"\xff\xfe"])
async def test_an_unreadable_spec_file_quarantines_its_pings(tmp_path, text):
    """Offline, the detail names the file; after the file is corrected, a replay stores them."""
    world = World(tmp_path)
    world.put_specs()
    (path,) = world.root.specs.rglob("Histograms.json")
    path.write_bytes(text)
    world.receive(submitted(a_ping(number), number) for number in range(3))

    summary = await world.convert()

    assert dict(summary.quarantined) == {"unknown_revision": 3}
    (_, line), *_ = world.lines("quarantine")
    assert "Histograms.json" in line["detail"]
    world.put_specs()
    assert (await world.replay()).stored == 3
    assert world.audit().balanced


async def test_a_fetched_file_replaces_a_broken_one(tmp_path, server):
    """The broken file is kept under another name."""
    world = World(tmp_path, server=server.url)
    world.put_specs()
    (path,) = world.root.specs.rglob("Histograms.json")
    path.write_bytes(b"{")
    world.receive([submitted(a_ping(1), 1)])

    assert (await world.convert()).stored == 1
    assert path.with_name("Histograms.json.broken").read_bytes() == b"{"


async def test_a_wait_ends_after_pending_days_with_the_last_answer(tmp_path, server):
    """The ping becomes `unknown_revision`; younger pings still wait; a later replay stores it."""
    server.status = 500
    world = World(tmp_path, server=server.url, pending_days=14)
    now = [NOON]
    world.clock = lambda: now[0]
    world.receive(pings_of(2, 4))
    assert (await world.convert()).pending == 4

    now[0] = NOON + timedelta(days=10)
    world.receive([submitted(a_ping(7, revision=Revision("mozilla-central", "aaaaaaaaaaaa")), 7)])
    assert (await world.convert()).pending == 5

    now[0] = NOON + timedelta(days=14, minutes=1)
    summary = await world.convert()
    assert (dict(summary.quarantined), summary.pending) == ({"unknown_revision": 4}, 1)
    (_, line), *_ = world.lines("quarantine")
    assert "within 14 days" in line["detail"]
    assert "answers 500" in line["detail"]
    assert world.audit().balanced

    server.status = 200
    assert (await world.convert()).stored == 1
    assert (await world.replay("unknown_revision")).stored == 4
    assert world.audit().balanced


@pytest.mark.parametrize("answer", [b"", b"<html>"], ids=["empty", "html"])
async def test_every_wait_ends_whatever_the_answers_are(tmp_path, server, answer):
    """The detail names a server that is down, for revisions that were fetched and for others."""
    server.body = answer
    world = World(tmp_path, server=server.url, pending_days=0)
    world.receive(pings_of(1, 2))
    assert dict((await world.convert()).quarantined) == {"unknown_revision": 2}

    world = World(tmp_path / "down", server="http://127.0.0.1:9", pending_days=0)
    world.receive(pings_of(80, 80))
    summary = await world.convert()
    assert (dict(summary.quarantined), summary.pending) == ({"unknown_revision": 80}, 0)
    assert all("127.0.0.1:9" in line["detail"] for _, line in world.lines("quarantine"))


async def test_a_jump_of_the_clock_does_not_end_a_wait(tmp_path, server):
    """A wait ends only by a trusted clock, as retention does."""
    server.status = 500
    world = World(tmp_path, server=server.url)
    now = [NOON]
    world.clock = lambda: now[0]
    world.receive(pings_of(1, 1))
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)
        retention = RetentionTasks(
            converter,
            raw_retention_days=30,
            dedup_days=None,
            quarantine_retention_days=90,
            clock=world.clock,
        )
        await converter.convert_all()
        await retention.remove_expired()
    now[0] = NOON + timedelta(days=40)

    assert (await world.convert()).pending == 1


@pytest.mark.parametrize("changeset", ["0" * 40, "0" * 12, "0", "f" * 40, "f" * 12])
async def test_reserved_mercurial_ids_are_refused_and_never_fetched(tmp_path, server, changeset):
    """hgweb has an empty file under any path of the null revision, and answers 500 for the other."""
    world = World(tmp_path, server=server.url)
    world.receive([submitted(a_ping(1, revision=Revision("mozilla-central", changeset)), 1)])

    assert dict((await world.convert()).quarantined) == {"invalid_revision": 1}
    assert not server.asked
    assert world.audit().balanced


async def test_waits_of_an_older_ledger_start_when_it_is_opened(tmp_path, server):
    """They get the full waiting time from then on."""
    server.status = 500
    world = World(tmp_path, server=server.url, pending_days=1)
    world.receive(pings_of(2, 2))
    assert (await world.convert()).pending == 2
    with closing(sqlite3.connect(world.root.ledger)) as connection:
        connection.execute("ALTER TABLE pending DROP COLUMN since")
        connection.commit()

    assert (await world.convert()).pending == 2
    world.clock = lambda: datetime.now(UTC) + timedelta(days=2)
    assert (await world.convert()).pending == 0


async def test_a_ping_that_waits_for_a_reserved_id_since_an_earlier_version_is_refused(
    tmp_path, server, monkeypatch
):
    """The first run ends the wait, and the server is not asked again."""
    server.status = 500
    world = World(tmp_path, server=server.url)
    world.receive([submitted(a_ping(1, revision=Revision("mozilla-central", "f" * 40)), 1)])
    with monkeypatch.context() as earlier:
        earlier.setattr(Revision, "is_pseudo", False)
        assert (await world.convert()).pending == 1
    parse_revision_url.cache_clear()  # the next run is of a new process
    asked = sum(server.asked.values())

    assert dict((await world.convert()).quarantined) == {"invalid_revision": 1}
    assert sum(server.asked.values()) == asked
