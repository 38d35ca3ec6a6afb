"""
Normalises names and versions that clients write in many ways, so that they can be counted.

Each function takes the sent text.  Source: the public decoder's normalisation of attributes, as HTTP
pipelines of this kind document it.
"""

import re
from functools import lru_cache

OTHER = "Other"
CHANNELS = frozenset({"release", "esr", "beta", "aurora", "nightly"})

# Longer names before those that they begin with.
APP_NAMES = (
    *("Zerda_cn", "Zerda"),
    *("Focus-TV", "Focus", "Klar"),
    *("FirefoxReality_oculusvr", "FirefoxReality_googlevr", "FirefoxReality_wavevr"),
    *("FirefoxForFireTV", "FirefoxConnect"),
    *("Fennec", "Scryer", "WebXR", "Lockbox", "Thunderbird"),
    "Firefox",
)
_OS_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+){0,2}")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
# Clients choose these texts, so the caches are bounded.
_cached = lru_cache(maxsize=1024)


@_cached
def normalized_channel(channel: str) -> str:
    """One of `CHANNELS`, or Other; case counts, since builds send their channel in lower case."""
    if channel in CHANNELS:
        return channel
    if channel.startswith("nightly-cck-"):
        return "nightly"
    return "beta" if channel.startswith("beta") else OTHER


@_cached
def normalized_os(name: str) -> str:
    """Windows, Mac, Linux, iOS, Android or Other."""
    if name.startswith(("Windows", "WINNT")):
        return "Windows"
    if name.startswith("Darwin"):
        return "Mac"
    if any(system in name for system in ("Linux", "BSD", "SunOS", "Solaris")):
        return "Linux"
    if name.startswith("iOS") or "iPhone" in name:
        return "iOS"
    return "Android" if name.startswith("Android") else OTHER


@_cached
def normalized_os_version(version: str) -> str:
    """Up to three numbers from its beginning; empty where it begins with none."""
    found = _OS_VERSION.match(version)
    return found[0] if found else ""


@_cached
def normalized_app_name(name: str) -> str:
    """The longest known name that *name* begins with, or Other."""
    return next((known for known in APP_NAMES if name.startswith(known)), OTHER)


def normalized_country_code(country: str) -> str:
    """Two capital letters, or Other."""
    return country.upper() if _COUNTRY.fullmatch(country) else OTHER
