"""Fetching from working and failing servers."""

import asyncio
import socket
from itertools import pairwise

import pytest

from histogram_specs.cache.fetcher import MISSING_FOR_SECONDS, FetchResult, SpecFetcher
from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.definition_files import COMPANION_PATHS, REPOSITORY_PATHS
from histogram_specs.sources.http import HttpGetter, HttpSource
from tests.histogram_specs.hostile_server import (
    cut_off,
    endless,
    hang,
    hang_up,
    serving,
    status,
    unannounced,
)
from tests.histogram_specs.samples import a_revision, a_text


def fetcher_of(url, directory, *, patience_seconds=60.0, **more):
    """Return a fetcher with longer timeouts than the server's, for loaded machines."""
    getter = HttpGetter(
        connect_seconds=patience_seconds, total_seconds=patience_seconds, most_per_second=1000
    )
    source = HttpSource(lambda revision, name: revision.spec_url(url, REPOSITORY_PATHS[name]), getter)
    return SpecFetcher(RevisionCache(directory), source, **more)


async def test_a_fetched_revision_is_stored_in_the_cache(tmp_path):
    """One request, with the server's form of URL; the second look-up needs no network."""
    async with (
        serving(status(200, a_text())) as server,
        fetcher_of(server.url, tmp_path) as fetcher,
    ):
        assert await fetcher.fetch(a_revision()) is FetchResult.FOUND
        assert await fetcher.fetch(a_revision()) is FetchResult.FOUND

    revision = a_revision()
    base = f"/{revision.repository}/raw-file/{revision.changeset}"
    assert server.paths[0] == f"{base}/{REPOSITORY_PATHS['Histograms.json']}"
    assert sorted(server.paths[1:]) == sorted(f"{base}/{path}" for path in COMPANION_PATHS.values())
    assert RevisionCache(tmp_path).load(revision).find("A_FLAG")
    assert fetcher.statistics() == {"found": 1, "missing": 0, "unreachable": 0}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (status(404), FetchResult.MISSING),
        (status(404, b"<html>unknown revision</html>"), FetchResult.MISSING),
        (status(410), FetchResult.MISSING),
        (status(400), FetchResult.UNREACHABLE),
        (status(403), FetchResult.UNREACHABLE),
        (status(429), FetchResult.UNREACHABLE),
        (status(500), FetchResult.UNREACHABLE),
        (status(503, b"", "Retry-After: 1"), FetchResult.UNREACHABLE),
        (status(204), FetchResult.UNREACHABLE),
        (status(200), FetchResult.UNREACHABLE),
        (status(200, b"<!DOCTYPE html><html><body>Sign in</body></html>"), FetchResult.UNREACHABLE),
        (status(200, b"{}"), FetchResult.UNREACHABLE),
        (status(200, a_text()[:-9]), FetchResult.UNREACHABLE),
        (cut_off(a_text()[:-9], len(a_text())), FetchResult.UNREACHABLE),
        (unannounced(a_text()[:-9]), FetchResult.UNREACHABLE),
        (endless, FetchResult.UNREACHABLE),
        (hang, FetchResult.UNREACHABLE),
        (hang_up, FetchResult.UNREACHABLE),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
async def test_every_bad_answer_has_a_result(tmp_path, answer, expected):
    """Only a missing file is final; bad answers are not stored, and the reason is one line."""
    patience = 0.5 if answer in (hang, endless) else 60.0
    async with (
        serving(answer) as server,
        fetcher_of(server.url, tmp_path / "specs", patience_seconds=patience) as fetcher,
    ):
        assert await fetcher.fetch(a_revision()) is expected

        assert fetcher.statistics()[expected] == 1
        assert fetcher.detail_of(a_revision())
        assert "\n" not in fetcher.detail_of(a_revision())
    assert not (tmp_path / "specs").exists()


async def test_a_redirect_is_not_followed(tmp_path):
    """Its target sees no connection."""
    async with serving(status(200, a_text())) as elsewhere:
        for code in (301, 302, 303, 307, 308):
            redirect = status(code, b"", f"Location: {elsewhere.url}/x")
            async with serving(redirect) as server, fetcher_of(server.url, tmp_path) as fetcher:
                assert await fetcher.fetch(a_revision()) is FetchResult.UNREACHABLE

    assert elsewhere.connections == 0


async def test_a_port_without_a_server_is_unreachable(tmp_path):
    """The connection is refused."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    async with fetcher_of(f"http://127.0.0.1:{port}", tmp_path) as fetcher:
        assert await fetcher.fetch(a_revision()) is FetchResult.UNREACHABLE


async def test_200_callers_of_20_revisions_make_20_fetches(tmp_path):
    """Concurrent requests for a revision share one fetch."""
    revisions = [a_revision(number % 20) for number in range(200)]
    async with serving(status(200, a_text())) as server, fetcher_of(server.url, tmp_path) as fetcher:
        results = await asyncio.gather(*map(fetcher.fetch, revisions))

    assert set(results) == {FetchResult.FOUND}
    assert len(server.paths) == len(set(server.paths)) == 20 * len(REPOSITORY_PATHS)
    assert fetcher.statistics()[FetchResult.FOUND] == 20


async def test_at_most_four_requests_run_at_once(tmp_path):
    """The server belongs to others and must not be overloaded."""
    at_once, most = 0, 0

    async def answer(path, writer):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.05)
        at_once -= 1
        await status(200, a_text())(path, writer)

    async with serving(answer) as server, fetcher_of(server.url, tmp_path) as fetcher:
        await asyncio.gather(*(fetcher.fetch(a_revision(number)) for number in range(12)))

    assert most == 4


async def test_requests_are_spread_over_time():
    """Ten a second by default; here a hundred."""
    async with serving(status(200)) as server, HttpGetter(most_per_second=100) as getter:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(getter.get(server.url) for _ in range(21)))

        assert asyncio.get_running_loop().time() - began >= 0.19


async def test_a_cancelled_caller_does_not_stop_the_fetch(tmp_path):
    """Other callers that wait for the same revision get it."""
    answering = asyncio.Event()

    async def answer(path, writer):
        await answering.wait()
        await status(200, a_text())(path, writer)

    async with serving(answer) as server, fetcher_of(server.url, tmp_path) as fetcher:
        impatient = asyncio.create_task(fetcher.fetch(a_revision()))
        patient = asyncio.create_task(fetcher.fetch(a_revision()))
        await asyncio.sleep(0.05)
        impatient.cancel()
        answering.set()

        assert await patient is FetchResult.FOUND
    assert len(server.paths) == len(set(server.paths))


async def test_a_missing_file_is_remembered_for_an_hour(tmp_path):
    """Then the server is asked again."""
    now = [0.0]
    async with (
        serving(status(404)) as server,
        fetcher_of(server.url, tmp_path, clock=lambda: now[0]) as fetcher,
    ):
        for _ in range(3):
            assert await fetcher.fetch(a_revision()) is FetchResult.MISSING
        assert server.connections == 1

        now[0] = MISSING_FOR_SECONDS + 1
        await fetcher.fetch(a_revision())
        assert server.connections == 2


async def test_pauses_grow_but_stay_below_30_seconds_and_can_be_ended(tmp_path):
    """A revision with a bad answer pauses longer each time; others are still fetched."""
    now = [0.0]
    asked_at = []

    async def answer(path, writer):
        asked_at.append(now[0])
        good = a_revision(1).changeset in path
        await status(200 if good else 500, a_text() if good else b"")(path, writer)

    async with (
        serving(answer) as server,
        fetcher_of(server.url, tmp_path, clock=lambda: now[0]) as fetcher,
    ):
        while now[0] < 200:
            assert await fetcher.fetch(a_revision(0)) is FetchResult.UNREACHABLE
            now[0] += 0.5
        pauses = [late - early for early, late in pairwise(asked_at)]
        assert pauses[0] <= 2
        assert 15 <= max(pauses) < 30
        assert await fetcher.fetch(a_revision(1)) is FetchResult.FOUND

        await fetcher.fetch(a_revision(0))  # its pause may just be over
        before = len(asked_at)
        await fetcher.fetch(a_revision(0))
        assert len(asked_at) == before
        fetcher.retry_now()
        await fetcher.fetch(a_revision(0))
        assert len(asked_at) == before + 1


async def test_a_silent_server_pauses_all_revisions_until_it_answers_again(tmp_path):
    """One request without an answer is enough for a pause of all."""
    now = [0.0]
    silent = True

    async def answer(path, writer):
        if not silent:
            await status(200, a_text())(path, writer)

    async with (
        serving(answer) as server,
        fetcher_of(server.url, tmp_path, clock=lambda: now[0]) as fetcher,
    ):
        for number in range(10):
            assert await fetcher.fetch(a_revision(number)) is FetchResult.UNREACHABLE
        assert set(server.paths) == {server.paths[0]}

        silent = False
        now[0] += 2
        results = {await fetcher.fetch(a_revision(number)) for number in range(10)}
        assert results == {FetchResult.FOUND}


async def test_a_fetch_replaces_a_broken_file_put_there_by_hand(tmp_path):
    """The broken file is renamed."""
    path = RevisionCache(tmp_path).path_of(a_revision())
    path.parent.mkdir(parents=True)
    path.write_bytes(b"oops")
    async with serving(status(200, a_text())) as server, fetcher_of(server.url, tmp_path) as fetcher:
        assert await fetcher.fetch(a_revision()) is FetchResult.FOUND

    assert path.read_bytes() == a_text()
    assert path.with_name("Histograms.json.broken").read_bytes() == b"oops"


async def test_a_file_that_cannot_be_stored_is_fetched_again(tmp_path):
    """The cache's folder is a file: no traceback, and the reason is reported."""
    (tmp_path / "specs").write_bytes(b"")
    async with (
        serving(status(200, a_text())) as server,
        fetcher_of(server.url, tmp_path / "specs") as fetcher,
    ):
        assert await fetcher.fetch(a_revision()) is FetchResult.UNREACHABLE
        assert "cannot be stored" in fetcher.detail_of(a_revision())


async def test_closing_the_fetcher_cancels_a_fetch_that_hangs(tmp_path):
    """Shutdown does not wait for a server."""
    async with serving(hang) as server:
        source = HttpSource(lambda revision, name: revision.spec_url(server.url, REPOSITORY_PATHS[name]))
        async with SpecFetcher(RevisionCache(tmp_path), source) as fetcher:
            waiting = asyncio.create_task(fetcher.fetch(a_revision()))
            await asyncio.sleep(0.05)
        with pytest.raises(asyncio.CancelledError):
            await waiting
