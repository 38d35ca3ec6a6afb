"""The choice of the definitions for a ping."""

import errno

import pytest

from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.history.resolver import (
    MISSING_FOR_SECONDS,
    Awaiting,
    InForce,
    NotFound,
    Resolved,
    Resolver,
    RevisionSource,
)
from tests.histogram_specs.samples import a_revision, a_text


class AHistory:
    """A history with one revision, one build date of a channel, and one version."""

    def at_revision(self, revision):
        return InForce(a_revision(50), "5") if revision == a_revision(1) else None

    def at_build(self, channel, build_id, version):
        known = channel == "nightly" and build_id.startswith("20130814")
        return InForce(a_revision(60), "6") if known else None

    def at_version(self, channel, version):
        return InForce(a_revision(70), "7") if (channel, version) == ("release", "23.0.1") else None

    def spec_text(self, digest):
        return a_text(int(digest))


def resolver(tmp_path, history=None, offline=False, clock=lambda: 0.0):
    return Resolver(RevisionCache(tmp_path), history, offline=offline, clock=clock)


def ask(a_resolver, revision=None, channel=None, build_id=None, version=None):
    return a_resolver.resolve(revision, channel=channel, build_id=build_id, version=version)


def test_a_cached_revision_is_used_first(tmp_path):
    """Before the history."""
    cache = RevisionCache(tmp_path)
    cache.store(a_revision(1), a_text())

    found = ask(Resolver(cache, AHistory(), offline=False), a_revision(1))

    assert isinstance(found, Resolved)
    assert (found.source, found.revision) == (RevisionSource.PING, a_revision(1))


def test_the_history_is_used_before_the_server(tmp_path):
    """The result has the revision of the ping and the definitions in force at it."""
    found = ask(resolver(tmp_path, AHistory()), a_revision(1))

    assert (found.source, found.revision) == (RevisionSource.HISTORY, a_revision(1))
    assert found.spec_file.find("AN_ENUM").high == 9


def test_an_unknown_revision_waits_until_it_is_fetched(tmp_path):
    """Even if the build date would find definitions: the revision takes precedence."""
    answer = ask(resolver(tmp_path, AHistory()), a_revision(2), "nightly", "20130814063812")

    assert answer == Awaiting(a_revision(2))


@pytest.mark.parametrize(
    ("build", "source", "high"),
    [
        (("nightly", "20130814063812", "26.0a1"), RevisionSource.BUILD_DATE, 10),
        (("release", "20130814063812", "23.0.1"), RevisionSource.VERSION, 11),
        (("release", None, "23.0.1"), RevisionSource.VERSION, 11),
    ],
)
@pytest.mark.parametrize("revision", [None, a_revision(2)])
def test_without_a_usable_revision_the_build_is_used(tmp_path, build, source, high, revision):
    """Its date, then its version; also if the server does not have the revision."""
    a_resolver = resolver(tmp_path, AHistory())
    a_resolver.mark_missing(a_revision(2))
    found = ask(a_resolver, revision, *build)

    assert found.source is source
    assert found.spec_file.find("AN_ENUM").high == high
    assert found.revision in (a_revision(60), a_revision(70))


@pytest.mark.parametrize("history", [None, AHistory()])
@pytest.mark.parametrize("build", [(None, None, None), ("beta", "20130814063812", "24.0")])
def test_a_ping_without_definitions_gets_a_reason(tmp_path, history, build):
    """Without a revision it is missing_revision; if the server does not have it, unknown_revision."""
    a_resolver = resolver(tmp_path, history)
    a_resolver.mark_missing(a_revision(2))
    missing = ask(a_resolver, None, *build)
    unknown = ask(a_resolver, a_revision(2), *build)

    assert isinstance(missing, NotFound)
    assert missing.reason == "missing_revision"
    assert isinstance(unknown, NotFound)
    assert unknown.reason == "unknown_revision"
    assert str(a_revision(2)) in unknown.detail


def test_another_cached_revision_is_not_a_fallback(tmp_path):
    """Even if it is of the same repository."""
    cache = RevisionCache(tmp_path)
    cache.store(a_revision(1), a_text())

    assert isinstance(ask(Resolver(cache, None, offline=True), None, "nightly", "20130814063812"), NotFound)


def test_offline_an_unknown_revision_does_not_wait(tmp_path):
    """A revision that is neither in the cache nor in the history is unknown at once."""
    answer = ask(resolver(tmp_path, AHistory(), offline=True), a_revision(2))

    assert answer.reason == "unknown_revision"


def test_a_missing_revision_is_asked_for_again_after_an_hour(tmp_path):
    """And used at once when its file appears in the cache."""
    now = [0.0]
    a_resolver = resolver(tmp_path, clock=lambda: now[0])
    a_resolver.mark_missing(a_revision(2))
    assert isinstance(ask(a_resolver, a_revision(2)), NotFound)

    RevisionCache(tmp_path).store(a_revision(2), a_text())
    assert isinstance(ask(a_resolver, a_revision(2)), Resolved)

    RevisionCache(tmp_path).path_of(a_revision(2)).unlink()
    assert isinstance(ask(a_resolver, a_revision(2)), NotFound)
    now[0] = MISSING_FOR_SECONDS
    assert ask(a_resolver, a_revision(2)) == Awaiting(a_revision(2))


@pytest.mark.parametrize("offline", [True, False])
def test_a_broken_file_counts_as_missing(tmp_path, offline):
    """Online it is fetched again; offline the detail names the file."""
    path = RevisionCache(tmp_path).path_of(a_revision(2))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"<html>")

    answer = ask(resolver(tmp_path, offline=offline), a_revision(2))

    if offline:
        assert answer.reason == "unknown_revision"
        assert str(path) in answer.detail
    else:
        assert answer == Awaiting(a_revision(2))


class CacheOnAFailingDisk(RevisionCache):
    """Every read fails."""

    def load(self, revision):
        raise OSError(errno.EIO, "Input/output error")


def test_a_cache_that_cannot_be_read_refuses_no_ping(tmp_path, caplog):
    """The ping waits until the disk is well again, and the problem is logged."""
    answer = ask(Resolver(CacheOnAFailingDisk(tmp_path), None, offline=False), a_revision(2))

    assert answer == Awaiting(a_revision(2))
    assert "the revision cache cannot be read" in caplog.text


def test_only_the_latest_missing_revisions_are_remembered(tmp_path, monkeypatch):
    """A client that makes up revisions cannot fill the memory; a forgotten one is asked for again."""
    monkeypatch.setattr("histogram_specs.history.resolver.MAX_MISSING", 2)
    a_resolver = resolver(tmp_path)
    for number in (1, 2, 3):
        a_resolver.mark_missing(a_revision(number))

    assert ask(a_resolver, a_revision(1)) == Awaiting(a_revision(1))
    assert isinstance(ask(a_resolver, a_revision(3)), NotFound)
