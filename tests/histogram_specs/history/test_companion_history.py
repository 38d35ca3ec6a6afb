"""The history of the other definition files, against a real Mercurial server."""

from datetime import UTC, datetime

import pytest

from histogram_specs.cache.fetcher import FetchResult, SpecFetcher
from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.definition_files import REPOSITORY_PATHS, SCALARS, USE_COUNTERS
from histogram_specs.history.history import History
from histogram_specs.history.prefetch import PrefetchRequest, prefetch
from histogram_specs.history.resolver import Resolved, Resolver
from histogram_specs.revision import Revision
from histogram_specs.sources.source import source_of
from tests.histogram_specs import mercurial
from tests.histogram_specs.samples import a_text

pytestmark = pytest.mark.slow

CENTRAL = "mozilla-central"
NOW = datetime(2019, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A repository whose scalars change, whose use counters come late and go again."""
    scratch = tmp_path_factory.mktemp("mercurial")
    with mercurial.installed(scratch / "venv") as hg:
        repository = mercurial.Repository(hg, scratch / "repositories" / CENTRAL)

        def put(name: str, text: bytes) -> None:
            path = repository.path / REPOSITORY_PATHS[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)

        known = {"bare": repository.commit("2019-01-01", a_text(1))}
        put(SCALARS, b"one: 1\n")
        known["scalars"] = repository.commit("2019-02-01")
        put(SCALARS, b"two: 2\n")
        put(USE_COUNTERS, b"method A.b\n")
        known["both"] = repository.commit("2019-03-01")
        known["later"] = repository.commit("2019-04-01")
        repository.run("remove", REPOSITORY_PATHS[USE_COUNTERS])
        known["removed"] = repository.commit("2019-05-01")
        with mercurial.serving(hg, scratch / "repositories", scratch / "access.log") as url:
            yield url, known


async def prefetched(url, directory):
    """Prefetch all of the repository; returns a resolver that never asks the server."""
    request = PrefetchRequest(url, [CENTRAL], directory, most_per_second=1000)
    reports = [report async for report in prefetch(request, now=NOW)]
    assert [report.problem for report in reports] == [""]
    return Resolver(RevisionCache(directory), History(directory), offline=True)


def found(resolver, node=None, build_id=None):
    revision = None if node is None else Revision(CENTRAL, node)
    answer = resolver.resolve(revision, channel="nightly", build_id=build_id, version=None)
    assert isinstance(answer, Resolved)
    spec_file = answer.spec_file
    return spec_file.companion(SCALARS), spec_file.find("USE_COUNTER2_A_B_PAGE") is not None


CASES = {
    "bare": (None, False),
    "scalars": (b"one: 1\n", False),
    "both": (b"two: 2\n", True),
    "later": (b"two: 2\n", True),
    "removed": (b"two: 2\n", False),
}


async def test_each_changeset_has_the_files_that_were_in_force(served, tmp_path):
    """A second prefetch changes nothing.  That a file was removed is not in its log: it stays in force."""
    url, known = served
    await prefetched(url, tmp_path)
    resolver = await prefetched(url, tmp_path)

    assert {name: found(resolver, node) for name, node in known.items()} == {
        **CASES,
        "removed": CASES["later"],
    }


async def test_a_build_has_the_files_of_its_time(served, tmp_path):
    """By channel and build date, for pings without a revision."""
    resolver = await prefetched(served[0], tmp_path)

    assert found(resolver, build_id="20190215000000") == CASES["scalars"]
    assert found(resolver, build_id="20190415000000") == CASES["later"]


async def test_a_fetched_revision_has_the_files_of_the_server(served, tmp_path):
    """Absent files are absent, the others are beside Histograms.json."""
    url, known = served
    cache = RevisionCache(tmp_path)
    async with SpecFetcher(cache, source_of(url)) as fetcher:
        for name, expected in CASES.items():
            revision = Revision(CENTRAL, known[name])
            assert await fetcher.fetch(revision) is FetchResult.FOUND
            spec_file = cache.load(revision)
            assert spec_file.companion(SCALARS) == expected[0]
            assert (spec_file.find("USE_COUNTER2_A_B_PAGE") is not None) is expected[1]
