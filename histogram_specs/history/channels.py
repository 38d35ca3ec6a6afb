"""The repository of each channel, and the tags of versions in it."""

import re
from collections.abc import Iterable

RELEASE_CHANNELS = ("aurora", "beta", "release")
CHANNELS = ("nightly", *RELEASE_CHANNELS)
ESR_MAJORS = (10, 17, 24, 31, 38, 45, 52, 60, 68, 78, 91, 102, 115, 128, 140)
DEFAULT_REPOSITORIES = (
    "mozilla-central",
    *(f"releases/mozilla-{channel}" for channel in RELEASE_CHANNELS),
    *(f"releases/mozilla-esr{major}" for major in ESR_MAJORS),
)

_ESR = "releases/mozilla-esr"
# SeaMonkey has its own version numbers: 2.20 has the gecko of Firefox 23.
_SEAMONKEY = re.compile(r"2\.(?P<minor>[0-9]{1,3})(?P<rest>.*)")
_SEAMONKEY_IS_BEHIND_BY = 3
_VERSION = re.compile(r"(?P<numbers>[0-9]{1,4}(?:\.[0-9]{1,4}){0,3})(?P<stage>a[12]|b[0-9]{1,3}|esr)?")


def repository_of(channel: str, version: str | None) -> str | None:
    """Return the repository of *channel*; for "esr" it depends on the *version*."""
    if channel == "nightly":
        return "mozilla-central"
    if channel in RELEASE_CHANNELS:
        return f"releases/mozilla-{channel}"
    match = _VERSION.fullmatch(version) if channel == "esr" and version else None
    return f"releases/mozilla-esr{match['numbers'].split('.')[0]}" if match else None


def channel_of(repository: str) -> str | None:
    """Return the channel whose builds come from *repository*."""
    if repository.startswith(_ESR):
        return "esr"
    return next((channel for channel in CHANNELS if repository_of(channel, None) == repository), None)


def tag_in(repository: str, version: str, tags: Iterable[str]) -> str | None:
    """
    Return the tag in a gecko *repository* that marks *version* of another application.

    This is the application's own tag if it exists, else the tag of the Firefox with the same gecko.
    """
    match = _VERSION.fullmatch(version)
    channel = channel_of(repository)
    if match is None or channel is None:
        return None
    known = set(tags)
    numbers = match["numbers"].replace(".", "_")
    own = re.compile(rf"(?!FIREFOX_|FENNEC_)[A-Z]+_{numbers}{match['stage'] or ''}(?:esr)?_RELEASE")
    found = min(filter(own.fullmatch, known), default=None)
    return found or tag_of(channel, gecko_version(version), known)


def gecko_version(version: str) -> str:
    """Return the version of the Firefox that has the same gecko as *version* of an application."""
    match = _SEAMONKEY.fullmatch(version)
    return f"{int(match['minor']) + _SEAMONKEY_IS_BEHIND_BY}.0{match['rest']}" if match else version


def tag_of(channel: str, version: str, tags: Iterable[str]) -> str | None:
    """
    Return the tag that marks *version* on *channel*, or the end of its development.

    For a beta without a number it is the tag of the last beta.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    numbers = match["numbers"].replace(".", "_")
    major = match["numbers"].split(".")[0]
    stage = match["stage"] or ""
    known = set(tags)
    if channel == "beta" and not stage:
        return _last_beta(numbers, known)
    wanted = {
        "nightly": (
            f"FIREFOX_NIGHTLY_{major}_END",
            f"FIREFOX_AURORA_{major}_BASE",
            f"FIREFOX_BETA_{major}_BASE",
        ),
        "aurora": (f"FIREFOX_AURORA_{major}_END", f"FIREFOX_BETA_{major}_BASE"),
        "beta": (f"FIREFOX_{numbers}{stage}_RELEASE",),
        "release": (f"FIREFOX_{numbers}_RELEASE",),
        "esr": (f"FIREFOX_{numbers}esr_RELEASE",),
    }
    return next((tag for tag in wanted.get(channel, ()) if tag in known), None)


def _last_beta(numbers: str, tags: Iterable[str]) -> str | None:
    form = re.compile(rf"FIREFOX_{numbers}b([0-9]+)_RELEASE")
    betas = [(int(match[1]), tag) for tag in tags if (match := form.fullmatch(tag))]
    return max(betas)[1] if betas else None
