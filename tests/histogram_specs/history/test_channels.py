"""Channels, versions, repositories and tags."""

import pytest

from histogram_specs.history.channels import DEFAULT_REPOSITORIES, repository_of, tag_of
from histogram_specs.revision import check_repository


@pytest.mark.parametrize(
    ("channel", "version", "repository"),
    [
        ("nightly", None, "mozilla-central"),
        ("aurora", None, "releases/mozilla-aurora"),
        ("beta", "24.0", "releases/mozilla-beta"),
        ("release", "23.0.1", "releases/mozilla-release"),
        ("esr", "24.8.1", "releases/mozilla-esr24"),
        ("esr", "115.0esr", "releases/mozilla-esr115"),
        ("esr", None, None),
        ("esr", "../../x", None),
        ("default", "24.0", None),
        ("Nightly", "24.0", None),
        ("", None, None),
    ],
)
def test_each_channel_has_a_repository(channel, version, repository):
    """For esr the version decides; text from a ping is checked before it becomes a path."""
    assert repository_of(channel, version) == repository


TAGS = {
    "FIREFOX_23_0_RELEASE",
    "FIREFOX_23_0_1_RELEASE",
    "FIREFOX_24_0b2_RELEASE",
    "FIREFOX_24_0b10_RELEASE",
    "FIREFOX_24_8_1esr_RELEASE",
    "FIREFOX_AURORA_26_BASE",
    "FIREFOX_BETA_25_BASE",
    "FIREFOX_BETA_90_BASE",
    "FIREFOX_NIGHTLY_90_END",
    "tip",
}


@pytest.mark.parametrize(
    ("channel", "version", "tag"),
    [
        ("release", "23.0", "FIREFOX_23_0_RELEASE"),
        ("release", "23.0.1", "FIREFOX_23_0_1_RELEASE"),
        ("release", "23", None),
        ("release", "23.0.2", None),
        ("beta", "24.0b2", "FIREFOX_24_0b2_RELEASE"),
        ("beta", "24.0", "FIREFOX_24_0b10_RELEASE"),
        ("beta", "25.0", None),
        ("esr", "24.8.1", "FIREFOX_24_8_1esr_RELEASE"),
        ("esr", "24.8.1esr", "FIREFOX_24_8_1esr_RELEASE"),
        ("nightly", "26.0a1", "FIREFOX_AURORA_26_BASE"),
        ("nightly", "90.0a1", "FIREFOX_NIGHTLY_90_END"),
        ("aurora", "25.0a2", "FIREFOX_BETA_25_BASE"),
        ("default", "26.0", None),
        ("release", "23.0; drop", None),
        ("release", "", None),
    ],
)
def test_each_version_has_a_tag(channel, version, tag):
    """A development version has the tag of its end, a beta without a number that of the last beta."""
    assert tag_of(channel, version, TAGS) == tag


def test_the_default_repositories_are_valid_paths():
    """mozilla-central is the first."""
    assert DEFAULT_REPOSITORIES[0] == "mozilla-central"
    assert list(map(check_repository, DEFAULT_REPOSITORIES)) == list(DEFAULT_REPOSITORIES)
