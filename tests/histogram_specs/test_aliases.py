"""Applications with their own repository: Thunderbird, SeaMonkey, and those that an operator adds."""

import pytest

from histogram_specs.aliases import DEFAULT_ALIASES, parse_aliases
from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.history.channels import DEFAULT_REPOSITORIES, gecko_version, tag_in
from histogram_specs.history.history import History
from histogram_specs.history.resolver import NotFound, Resolved, Resolver, RevisionSource
from histogram_specs.history.store import HistoryStore
from histogram_specs.revision import Revision
from tests.histogram_specs.history.test_history import node_of, write_history
from tests.histogram_specs.samples import a_text

COMM = Revision("comm-central", "c0" * 20)
ESR = "releases/mozilla-esr17"


@pytest.mark.parametrize(
    ("repository", "gecko"),
    [
        ("comm-central", "mozilla-central"),
        ("releases/comm-aurora", "releases/mozilla-aurora"),
        ("releases/comm-beta", "releases/mozilla-beta"),
        ("releases/comm-release", "releases/mozilla-release"),
        ("releases/comm-esr17", "releases/mozilla-esr17"),
        ("releases/comm-esr140", "releases/mozilla-esr140"),
        ("releases/comm-esr", None),
        ("comm-central/x", None),
        ("mozilla-central", None),
        ("releases/mozilla-esr17", None),
    ],
)
def test_repositories_of_thunderbird_use_the_definitions_of_firefox(repository, gecko):
    assert parse_aliases(DEFAULT_ALIASES).gecko_of(repository) == gecko
    assert gecko is None or gecko in DEFAULT_REPOSITORIES


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "comm-central",
        "=mozilla-central",
        "comm-central=",
        "a*=b",
        "a=b*",
        "*=*",
        "../x=mozilla-central",
        "a=b c",
    ],
)
def test_an_invalid_rule_is_refused_in_one_line(rule):
    with pytest.raises(ValueError) as raised:
        parse_aliases([rule])

    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("version", "gecko"),
    [
        ("17.0.5", "17.0.5"),
        ("60.0a1", "60.0a1"),
        ("2.20", "23.0"),
        ("2.17.1", "20.0.1"),
        ("2.26b2", "29.0b2"),
        ("2.49.5", "52.0.5"),
        ("24.2", "24.2"),
    ],
)
def test_versions_of_seamonkey_are_mapped_to_versions_of_firefox(version, gecko):
    assert gecko_version(version) == gecko


@pytest.mark.parametrize(
    ("repository", "version", "tag"),
    [
        (ESR, "17.0.5", "THUNDERBIRD_17_0_5_RELEASE"),
        (ESR, "17.0.6", "FIREFOX_17_0_6esr_RELEASE"),
        (ESR, "17.0.7", None),
        ("releases/mozilla-release", "2.20", "SEAMONKEY_2_20_RELEASE"),
        ("releases/mozilla-release", "2.21", "FIREFOX_24_0_RELEASE"),
        ("releases/mozilla-beta", "24.0b2", "FIREFOX_24_0b2_RELEASE"),
        ("mozilla-central", "26.0a1", "FIREFOX_AURORA_26_BASE"),
        ("projects/elsewhere", "17.0.5", None),
        (ESR, "17.0.5; drop", None),
    ],
)
def test_a_version_has_its_own_tag_or_that_of_the_firefox_with_the_same_gecko(repository, version, tag):
    tags = {
        "FIREFOX_17_0_5esr_RELEASE",
        "FIREFOX_17_0_6esr_RELEASE",
        "THUNDERBIRD_17_0_5_RELEASE",
        "SEAMONKEY_2_20_RELEASE",
        "FIREFOX_24_0_RELEASE",
        "FIREFOX_24_0b2_RELEASE",
        "FIREFOX_AURORA_26_BASE",
    }
    assert tag_in(repository, version, tags) == tag


@pytest.fixture
def resolver(tmp_path):
    """A resolver with two months of history of mozilla-central and of an ESR repository."""
    write_history(tmp_path, [a_text(1), a_text(2)])
    write_history(tmp_path, [a_text(3), a_text(4)], ESR)
    store = HistoryStore(tmp_path)
    store.replace_tags(store.repository(ESR).id, [("FIREFOX_17_0_6esr_RELEASE", node_of(3))])
    store.close()
    return Resolver(RevisionCache(tmp_path), History(tmp_path), offline=False)


@pytest.mark.parametrize(
    ("revision", "build", "source", "text"),
    [
        (COMM, {"build_id": "20130115030202"}, RevisionSource.ALIAS_BUILD_DATE, a_text(1)),
        (
            COMM,
            {"build_id": "20130215030202", "version": "17.0.6"},
            RevisionSource.ALIAS_BUILD_DATE,
            a_text(2),
        ),
        (
            Revision("releases/comm-esr17", "c0ffee"),
            {"version": "17.0.6"},
            RevisionSource.ALIAS_VERSION,
            a_text(3),
        ),
        (
            Revision("releases/comm-esr17", "c0ffee"),
            {"build_id": "20090101000000", "version": "2.14.1", "platform_version": "17.0.6"},
            RevisionSource.ALIAS_VERSION,
            a_text(3),
        ),
    ],
)
def test_a_build_of_thunderbird_is_found_in_the_repository_of_its_gecko(
    resolver, revision, build, source, text
):
    found = resolver.resolve(revision, **{"channel": "release", "build_id": None, "version": None} | build)

    assert isinstance(found, Resolved)
    assert (found.source, found.spec_file.text) == (source, text)
    assert found.revision.repository in ("mozilla-central", ESR)


def test_without_a_matching_history_the_revision_is_unknown_at_once(resolver, tmp_path):
    """The application's own repository is never asked, because it does not have the file."""
    for one in (resolver, Resolver(RevisionCache(tmp_path / "empty"), None, offline=False)):
        found = one.resolve(COMM, channel="nightly", build_id="20200101000000", version="99.0")

        assert isinstance(found, NotFound)
        assert found.reason == "unknown_revision"
        assert "built from mozilla-central" in found.detail


def test_a_file_put_into_the_cache_by_hand_is_used(resolver, tmp_path):
    RevisionCache(tmp_path).store(COMM, a_text(9))

    found = resolver.resolve(COMM, channel="nightly", build_id="20130115030202", version=None)

    assert (found.source, found.revision) == (RevisionSource.PING, COMM)


def test_an_operator_can_add_an_application(tmp_path):
    write_history(tmp_path, [a_text(1)])
    resolver = Resolver(
        RevisionCache(tmp_path),
        History(tmp_path),
        offline=True,
        aliases=parse_aliases(["our/browser=mozilla-central"]),
    )

    found = resolver.resolve(
        Revision("our/browser", "ab"), channel=None, build_id="20130115030202", version=None
    )
    assert found.source is RevisionSource.ALIAS_BUILD_DATE
    assert isinstance(resolver.resolve(COMM, channel=None, build_id="20130115030202", version=None), NotFound)
