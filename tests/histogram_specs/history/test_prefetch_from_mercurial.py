"""History and prefetch against a real Mercurial server."""

import asyncio
import contextlib
import json
import shutil
from datetime import UTC, datetime

import pytest

from histogram_specs.cache.fetcher import FetchResult, SpecFetcher
from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.errors import RevisionMissing
from histogram_specs.history.crawler import DateRange, RepositoryCrawler
from histogram_specs.history.hgweb import HgWeb
from histogram_specs.history.history import History
from histogram_specs.history.prefetch import PrefetchRequest, prefetch
from histogram_specs.history.resolver import Resolved, Resolver, RevisionSource
from histogram_specs.history.store import HistoryStore, history_path
from histogram_specs.revision import Revision
from histogram_specs.sources.http import HttpGetter
from histogram_specs.sources.source import source_of
from telemetry_server.cli.main import main
from tests.histogram_specs import mercurial
from tests.histogram_specs.hostile_server import serving as hostile
from tests.histogram_specs.hostile_server import status
from tests.histogram_specs.samples import a_text

# Tests of small repositories are quick, but do not install Mercurial.
with_hg = pytest.mark.skipif(shutil.which("hg") is None, reason="hg is not installed")

CENTRAL = "mozilla-central"
RELEASE = "releases/mozilla-release"
NOW = datetime(2014, 6, 1, tzinfo=UTC)


def write_central(hg, root):
    """Months of commits: a file that is added late, changes, is merged, and changes on a side branch."""
    repository = mercurial.Repository(hg, root / CENTRAL)
    commit = repository.commit
    known = {}
    for day in range(1, 6):
        known[f"before {day}"] = commit(f"2013-01-{day:02}")
    known["v1"] = commit("2013-02-01", a_text(1))
    for day in range(2, 8):
        known[f"v1 on {day}"] = commit(f"2013-02-{day:02}")
    known["v2"] = commit("2013-03-01", a_text(2))
    for day in range(2, 6):
        known[f"v2 on {day}"] = commit(f"2013-03-{day:02}")
    # A branch from before v2 that changes the file, and is merged.
    repository.run("update", "-q", known["v1 on 3"])
    known["side, v1"] = commit("2013-03-10")
    repository.run("update", "-q", known["v2 on 5"])
    repository.run("merge", "-q", known["side, v1"])
    known["merged, v2"] = commit("2013-03-12")
    known["v3"] = commit("2013-04-01", a_text(3))
    known["broken"] = commit("2013-04-15", b"{ not JSON")
    known["back to v1"] = commit("2013-05-01", a_text(1))
    for day in range(2, 8):
        known[f"back on {day}"] = commit(f"2013-05-{day:02}")
    repository.tag("FIREFOX_AURORA_24_BASE", "2013-05-20")
    known["v5"] = commit("2013-06-01", a_text(5))
    # A branch that is never merged; the newest changeset does not descend from its changes.
    repository.run("update", "-q", known["v3"])
    repository.run("branch", "-q", "RELBRANCH")
    known["relbranch, v3"] = commit("2013-07-01")
    known["relbranch, v7"] = commit("2013-07-02", a_text(7))
    known["relbranch, still v7"] = commit("2013-07-03")
    repository.run("update", "-q", known["v5"])
    known["v5 later"] = commit("2013-08-01")
    return repository, known


def write_release(hg, root):
    repository = mercurial.Repository(hg, root / RELEASE)
    commit = repository.commit
    known = {"v1": commit("2013-05-01", a_text(1)), "v11": commit("2013-07-15", a_text(11))}
    known["23.0"] = commit("2013-08-01")
    repository.tag("FIREFOX_23_0_RELEASE", "2013-08-02")
    known["v12"] = commit("2013-08-10", a_text(12))
    repository.tag("FIREFOX_23_0_1_RELEASE", "2013-08-12")
    for day in range(1, 12):
        known[f"v12 on {day}"] = commit(f"2013-09-{day:02}")
    return repository, known


@pytest.fixture(scope="module")
def hg(tmp_path_factory):
    """Mercurial, for all repositories."""
    with mercurial.installed(tmp_path_factory.mktemp("hg") / "venv") as hg:
        yield hg


@pytest.fixture(scope="module")
def served(hg, tmp_path_factory):
    """Serve both repositories; return their nodes by role."""
    scratch = tmp_path_factory.mktemp("mercurial")
    log = scratch / "access.log"
    central, nodes = write_central(hg, scratch / "repositories")
    release, release_nodes = write_release(hg, scratch / "repositories")
    roles = {CENTRAL: nodes, RELEASE: release_nodes}
    with mercurial.serving(hg, scratch / "repositories", log) as url:
        yield url, {CENTRAL: central, RELEASE: release}, roles


async def reports_of(url, directory, repositories=(CENTRAL, RELEASE), now=NOW, **more):
    request = PrefetchRequest(url, repositories, directory, most_per_second=1000, **more)
    return {report.repository: report async for report in prefetch(request, now=now)}


def resolver_of(directory):
    return Resolver(RevisionCache(directory), History(directory), offline=True)


def value_of(answer):
    """Return the number that `a_text` was called with for this answer."""
    assert isinstance(answer, Resolved), answer
    return answer.spec_file.find("AN_ENUM").high - 4


@pytest.fixture(scope="module")
def prefetched(served, tmp_path_factory):
    """The folder of a cache after a complete prefetch, and the reports."""
    directory = tmp_path_factory.mktemp("specs")
    return directory, asyncio.run(reports_of(served[0], directory))


async def texts_of(url, repository, nodes):
    """The text that the server has at each changeset."""
    texts = {}
    async with HttpGetter(most_per_second=10_000) as getter:
        for node in nodes:
            with contextlib.suppress(RevisionMissing):
                texts[node] = await getter.get(Revision(repository, node).spec_url(url))
    return texts


@pytest.mark.slow
async def test_every_revision_resolves_to_the_text_that_the_server_has_at_it(served, prefetched):
    """Whether or not it changed the file, on every branch, with 40 digits or 12, without the network."""
    url, repositories, nodes = served
    directory, reports = prefetched
    resolver, history = resolver_of(directory), History(directory)

    for name, repository in repositories.items():
        everything = repository.nodes()
        texts = await texts_of(url, name, everything)
        assert reports[name].changesets_new == len(everything)
        assert len(everything) > 15
        for node in everything:
            revision = Revision(name, node)
            if texts.get(node, b"{ not JSON") == b"{ not JSON":
                assert history.at_revision(revision) is None
                continue
            for digits in (40, 12):
                answer = resolver.resolve(
                    Revision(name, node[:digits]), channel=None, build_id=None, version=None
                )
                assert answer.source is RevisionSource.HISTORY
                assert answer.spec_file.text == texts[node]
    assert reports[CENTRAL].texts_fetched == 6
    assert reports[CENTRAL].texts_unusable == 1
    assert reports[RELEASE].texts_fetched == 3
    assert history.at_revision(Revision("integration/fx-team", nodes[CENTRAL]["v2 on 3"])).revision == (
        Revision(CENTRAL, nodes[CENTRAL]["v2"])
    )


@pytest.mark.slow
async def test_versions_are_listed_with_the_times_when_they_were_in_force(served, prefetched):
    """On the default branch, oldest first; equal texts are one digest."""
    nodes, directory = served[2], prefetched[0]
    versions = History(directory).versions(CENTRAL)

    assert [version.revision.changeset for version in versions] == [
        nodes[CENTRAL][name] for name in ("v1", "v2", "v3", "back to v1", "v5")
    ]
    assert versions[0].since == datetime(2013, 2, 1, 12, tzinfo=UTC)
    assert [version.until for version in versions] == [*(one.since for one in versions[1:]), None]
    assert versions[0].digest == versions[3].digest
    (central, release) = History(directory).repositories()
    assert (central.name, release.name) == (CENTRAL, RELEASE)
    assert central.known_until == NOW


@pytest.mark.slow
async def test_a_build_resolves_by_its_date(prefetched):
    """The definitions in force in its channel's repository at that time; nothing outside the known range."""
    resolver = resolver_of(prefetched[0])

    def ask(channel, build_id):
        return resolver.resolve(None, channel=channel, build_id=build_id, version=None)

    for build_id, value in [
        ("20130201120000", 1),
        ("20130215030405", 1),
        ("20130301115959", 1),
        ("20130301120000", 2),
        ("20130410", 3),
        ("20130420000000", 3),
        ("2013051003", 1),
        ("20130715000000", 5),
        ("20140101000000", 5),
    ]:
        answer = ask("nightly", build_id)
        assert (value_of(answer), answer.source) == (value, RevisionSource.BUILD_DATE), build_id
    assert value_of(ask("release", "20130814063812")) == 12
    for channel, build_id in [
        ("nightly", "20130101000000"),
        ("nightly", "20140602000000"),
        ("nightly", "20131399000000"),
        ("nightly", "yesterday"),
        ("beta", "20130814063812"),
        ("default", "20130814063812"),
    ]:
        assert ask(channel, build_id).reason == "missing_revision", (channel, build_id)


@pytest.mark.slow
async def test_a_version_resolves_by_its_tag(prefetched):
    """If the build id of the ping does not help."""
    resolver = resolver_of(prefetched[0])

    def ask(channel, version):
        return resolver.resolve(None, channel=channel, build_id=None, version=version)

    for channel, version, value in [
        ("release", "23.0", 11),
        ("release", "23.0.1", 12),
        ("nightly", "24.0a1", 1),
    ]:
        answer = ask(channel, version)
        assert (value_of(answer), answer.source) == (value, RevisionSource.VERSION)
    for channel, version in [
        ("release", "99.0"),
        ("nightly", "99.0a1"),
        ("beta", "23.0"),
        ("esr", "24.8.1esr"),
    ]:
        assert ask(channel, version).reason == "missing_revision"


@with_hg
async def test_a_second_prefetch_fetches_nothing_and_a_third_only_what_is_new(hg, tmp_path):
    """According to its report and to the requests that the server saw."""
    root = tmp_path / "repositories"
    repository = mercurial.Repository(hg, root / CENTRAL)
    repository.commit("2013-01-01", a_text(1))
    repository.commit("2013-02-01", a_text(2))
    log = tmp_path / "access.log"
    with mercurial.serving(hg, root, log) as url:
        first = (await reports_of(url, tmp_path / "specs", [CENTRAL]))[CENTRAL]
        asked = log.read_text()
        second = (await reports_of(url, tmp_path / "specs", [CENTRAL]))[CENTRAL]
        again = log.read_text()[len(asked) :]
        node = repository.commit("2013-03-01", a_text(3))
        repository.commit("2013-03-02", a_text(1))
        third = (await reports_of(url, tmp_path / "specs", [CENTRAL]))[CENTRAL]

    assert (first.changesets_new, first.texts_fetched) == (2, 2)
    assert (second.changesets_new, second.texts_fetched, second.texts_known) == (0, 0, 2)
    assert "raw-file" in asked
    assert "raw-file" not in again
    assert "filelog" not in again
    assert (third.changesets_new, third.texts_fetched, third.texts_known) == (2, 2, 2)
    assert History(tmp_path / "specs").at_revision(Revision(CENTRAL, node)).revision.changeset == node


@with_hg
async def test_a_rewritten_history_is_downloaded_again(hg, tmp_path):
    """The server has another repository under the same name."""
    for name, value in (("one", 1), ("other", 2)):
        repository = mercurial.Repository(hg, tmp_path / name / CENTRAL)
        for day in range(1, 4):
            node = repository.commit(f"2013-01-0{day}", a_text(value) if day == 2 else None)
        with mercurial.serving(hg, tmp_path / name, tmp_path / f"{name}.log") as url:
            await reports_of(url, tmp_path / "specs", [CENTRAL])

        resolver = resolver_of(tmp_path / "specs")
        answer = resolver.resolve(Revision(CENTRAL, node), channel=None, build_id=None, version=None)
        assert value_of(answer) == value


@pytest.mark.slow
async def test_only_the_given_range_of_dates_is_downloaded(served, tmp_path):
    """The version in force at its beginning is known too; a wider range later adds earlier changesets."""
    url, _, nodes = served
    since, until = datetime(2013, 3, 3, tzinfo=UTC), datetime(2013, 4, 10, tzinfo=UTC)
    report = (await reports_of(url, tmp_path, [CENTRAL], dates=DateRange(since, until)))[CENTRAL]
    resolver = resolver_of(tmp_path)

    def ask(name=None, build_id=None):
        revision = Revision(CENTRAL, nodes[CENTRAL][name]) if name else None
        return resolver.resolve(revision, channel="nightly", build_id=build_id, version=None)

    assert report.texts_fetched == 2
    assert value_of(ask("v2 on 5")) == 2
    assert value_of(ask("v3")) == 3
    assert value_of(ask(build_id="20130304000000")) == 2
    assert ask("v1 on 3").reason == "unknown_revision"
    assert ask(build_id="20130210000000").reason == "missing_revision"
    assert ask(build_id="20130501000000").reason == "missing_revision"

    whole = (await reports_of(url, tmp_path, [CENTRAL]))[CENTRAL]
    assert whole.texts_known == 2
    assert value_of(ask("v1 on 3")) == 1
    assert value_of(ask("relbranch, still v7")) == 7
    assert value_of(ask(build_id="20130210000000")) == 1
    assert value_of(ask(build_id="20130601130000")) == 5


@pytest.mark.slow
async def test_a_dry_run_reports_what_it_would_fetch_and_stores_nothing(served, tmp_path):
    """Neither texts nor a history; a missing repository is reported."""
    url, _, _ = served
    reports = await reports_of(url, tmp_path / "specs", [RELEASE, "releases/none"], dry_run=True)

    assert reports[RELEASE].texts_fetched == 3
    assert reports[RELEASE].changesets_new > 15
    assert "does not have this repository" in reports["releases/none"].problem
    assert not history_path(tmp_path / "specs").exists()


@pytest.mark.slow
async def test_an_interrupted_prefetch_continues_where_it_stopped(served, tmp_path):
    """The server answers only a few requests before it stops."""
    url, repositories, _ = served
    fetched: list[str] = []
    left = 7

    async def answer(path, writer):
        nonlocal left
        left -= 1
        if left < 0:
            return
        async with HttpGetter(most_per_second=10_000) as getter:
            try:
                body = await getter.get(url + path)
            except RevisionMissing:  # of the other definition files
                await status(404)(path, writer)
                return
        fetched.append(path)
        await status(200, body)(path, writer)

    tries = 0
    async with hostile(answer) as server:
        while tries < 10:
            tries += 1
            left = 7
            report = (await reports_of(server.url, tmp_path, [RELEASE]))[RELEASE]
            if not report.problem:
                break
            assert report.broke_off

    assert 1 < tries < 10
    texts = [path for path in fetched if "raw-file" in path]
    assert len(texts) == len(set(texts)) == 3
    node = repositories[RELEASE].nodes()[0]
    answer_of = resolver_of(tmp_path).resolve(
        Revision(RELEASE, node), channel=None, build_id=None, version=None
    )
    assert value_of(answer_of) == 12


@pytest.mark.slow
async def test_single_revisions_are_fetched_from_a_mercurial_server(served, tmp_path):
    """Existing ones and missing ones: unknown changeset, changeset without the file, unknown repository."""
    url, _, nodes = served
    async with SpecFetcher(RevisionCache(tmp_path), source_of(url)) as fetcher:
        found = await fetcher.fetch(Revision(CENTRAL, nodes[CENTRAL]["v2 on 3"][:12]))
        missing = [
            await fetcher.fetch(revision)
            for revision in (
                Revision(CENTRAL, "e" * 40),
                Revision(CENTRAL, nodes[CENTRAL]["before 3"]),
                Revision("no/such", "e" * 40),
            )
        ]

    assert found is FetchResult.FOUND
    assert missing == [FetchResult.MISSING] * 3


@pytest.mark.slow
def test_specs_prefetches_lists_and_shows_the_history_of_a_definition(served, tmp_path, capsys, monkeypatch):
    """From an empty data root to the history of one name; a missing repository is a finding."""
    monkeypatch.setenv("TELEMETRY_REVISION_SERVER", served[0])

    def run(*words):
        status = main(["specs", *words, "--json", "--data", str(tmp_path)])
        return status, json.loads(capsys.readouterr().out)

    status, (report,) = run("prefetch", "--repo", RELEASE, "--from", "2013-01-01", "--to", "20131231")
    assert (status, report["texts_fetched"]) == (0, 3)
    status, reports = run("prefetch", "--repo", RELEASE, "--repo", "none")
    assert (status, [one["problem"] != "" for one in reports]) == (1, [False, True])
    status, listed = run("list")
    assert (status, listed["history"][0]["repository"]) == (0, RELEASE)
    status, found = run("show", "AN_ENUM", "--history", "--repo", RELEASE)
    assert status == 0
    assert [one["since"][:10] for one in found] == ["2013-05-01", "2013-07-15", "2013-08-10"]
    assert [len(one["definition"]["bucket_starts"]) for one in found] == [6, 16, 17]
    status, everything = run(
        "show", "--revision", f"https://hg.mozilla.org/{RELEASE}/rev/{served[2][RELEASE]['23.0']}"
    )
    assert (status, len(everything)) == (0, 2)


@pytest.mark.slow
async def test_logs_of_many_pages_are_read_completely(hg, served, prefetched, tmp_path):
    """Thousands of changesets, and a log of the file in pages of two."""
    url, _, _ = served
    long = mercurial.Repository(hg, tmp_path / "repositories" / "long")
    long.run("debugbuilddag", "+2300")
    long.run("update", "-q", "tip")
    long.commit("2013-01-01", a_text(1))
    for day in range(2, 5):
        node = long.commit(f"2013-01-{day:02}")
    with mercurial.serving(hg, tmp_path / "repositories", tmp_path / "long.log") as long_url:
        report = (await reports_of(long_url, tmp_path / "specs", ["long"]))["long"]
    assert report.changesets_new == 2304
    assert History(tmp_path / "specs").at_revision(Revision("long", node))

    store = HistoryStore(tmp_path / "paged")
    async with HttpGetter(most_per_second=10_000) as getter:
        hgweb = HgWeb(getter, url, CENTRAL, file_log_page=2)
        await RepositoryCrawler(store, hgweb, CENTRAL, lambda what, done, total: None).run(DateRange(), NOW)
    store.close()
    assert History(tmp_path / "paged").versions(CENTRAL) == History(prefetched[0]).versions(CENTRAL)
