"""Revision URLs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from histogram_specs.errors import BadRevisionUrl
from histogram_specs.revision import Revision, parse_revision_url


@pytest.mark.parametrize(
    ("text", "repository", "changeset"),
    [
        (
            "https://hg.mozilla.org/releases/mozilla-release/rev/e55e45536133",
            "releases/mozilla-release",
            "e55e45536133",
        ),
        ("http://hg.mozilla.org/mozilla-central/rev/abc/", "mozilla-central", "abc"),
        ("https://example.com:8080/projects/date/rev/0f", "projects/date", "0f"),
        (f"http://127.0.0.1/integration/fx-team/rev/{'a' * 40}", "integration/fx-team", "a" * 40),
        ("http://h/rev/rev/rev/1", "rev/rev", "1"),
    ],
)
def test_a_revision_url_has_a_repository_and_a_changeset(text, repository, changeset):
    """With http or https, any host, with or without a final slash."""
    assert parse_revision_url(text) == Revision(repository, changeset)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "arglebargle",
        "/rev/",
        "http://hg.mozilla.org/rev/abc",
        "http://hg.mozilla.org//rev/abc",
        "http://hg.mozilla.org/mozilla-central/rev/",
        "http://hg.mozilla.org/mozilla-central/rev/tip",
        "http://hg.mozilla.org/mozilla-central/rev/FIREFOX_23_RELEASE",
        "http://hg.mozilla.org/mozilla-central/rev/ABCDEF",
        f"http://hg.mozilla.org/mozilla-central/rev/{'a' * 41}",
        "http://hg.mozilla.org/mozilla-central/rev/abc//",
        "http://hg.mozilla.org/mozilla-central/rev/abc\n",
        "http://hg.mozilla.org/mozilla-central/rev/abc?x=1",
        "http://hg.mozilla.org/mozilla-central/rev/abc#x",
        "http://hg.mozilla.org/../../etc/rev/abc",
        "http://hg.mozilla.org/a/../b/rev/abc",
        "http://hg.mozilla.org/a//b/rev/abc",
        "http://hg.mozilla.org/./b/rev/abc",
        "http://hg.mozilla.org/.history/rev/abc",
        "http://hg.mozilla.org/a%2fb/rev/abc",
        "http://hg.mozilla.org/a\\b/rev/abc",
        "http://hg.mozilla.org/a b/rev/abc",
        "http://hg.mozilla.org/é/rev/abc",
        "http://hg.mozilla.org/a/Histograms.json/rev/abc",
        "ftp://hg.mozilla.org/mozilla-central/rev/abc",
        "HTTP://hg.mozilla.org/mozilla-central/rev/abc",
        "file:///mozilla-central/rev/abc",
        "http:///mozilla-central/rev/abc",
        " http://hg.mozilla.org/mozilla-central/rev/abc",
        *(f"http://h/x/rev/{'0' * digits}" for digits in (1, 12, 40)),
        *(f"http://h/x/rev/{'f' * digits}" for digits in (1, 12, 40)),
        f"http://h/{'a' * 600}/rev/abc",
        f"http://h/{'a/' * 20}b/rev/abc",
    ],
)
def test_anything_else_is_refused_in_one_short_line(text):
    """Tags, upper-case digits, queries, ids that Mercurial reserves, paths out of the cache's folder."""
    with pytest.raises(BadRevisionUrl) as raised:
        parse_revision_url(text)

    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300


@given(st.text(max_size=60) | st.from_regex(r"https?://[a-z]+/[a-z./-]*/rev/[0-9a-f]*/?"))
def test_accepted_urls_are_safe_as_paths(text):
    """They have only plain segments."""
    try:
        revision = parse_revision_url(text)
    except BadRevisionUrl:
        return
    segments = str(revision).split("/")

    assert all(segment and not segment.startswith(".") and segment.isascii() for segment in segments)


def test_urls_for_fetching_have_the_configured_server():
    """The host in the ping is ignored."""
    revision = parse_revision_url("http://evil.example/releases/mozilla-beta/rev/12ab/")

    assert revision.url("https://hg.mozilla.org/") == "https://hg.mozilla.org/releases/mozilla-beta/rev/12ab"
    assert revision.spec_url("https://hg.mozilla.org") == (
        "https://hg.mozilla.org/releases/mozilla-beta/raw-file/12ab/toolkit/components/telemetry/Histograms.json"
    )
