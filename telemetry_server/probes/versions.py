"""Mozilla's order of version numbers, and the expiry of definitions."""

import re
from functools import lru_cache

NEVER = frozenset({"never", "default"})

# A version has up to four or more dotted parts, each number, text, number, text: 3.6.8, 71.0a1, 60.9.0esr.
_PART = re.compile(r"(?P<number>[0-9]*)(?P<text>[^0-9+]*)(?P<second>[0-9]*)(?P<rest>.*)", re.DOTALL)
_VERSION = re.compile(r"[0-9]+[A-Za-z0-9.+_-]*", re.ASCII)
MAX_VERSION_CHARACTERS = 64

_Part = tuple[int, bool, str, int, bool, str]


@lru_cache(maxsize=4096)
def version_key(version: str) -> tuple[_Part, ...] | None:
    """
    Return a key that sorts as Mozilla's version comparison does; None if *version* is not a version.

    ``71.0a1 < 71.0b3 < 71.0 < 71.0.1``: a number alone is greater than the same number with a text.
    """
    if len(version) > MAX_VERSION_CHARACTERS or not _VERSION.fullmatch(version):
        return None
    parts = [_part(part) for part in version.split(".")]
    # 71 and 71.0 are equal: zeros at the end do not count.
    while len(parts) > 1 and parts[-1] == _ZERO:
        parts.pop()
    return (*parts, _ZERO)


def _part(text: str) -> _Part:
    match = _PART.fullmatch(text)
    assert match is not None
    # An absent text sorts behind every text that is present.
    return (
        int(match["number"] or 0),
        not match["text"],
        match["text"],
        int(match["second"] or 0),
        not match["rest"],
        match["rest"],
    )


_ZERO = (0, True, "", 0, True, "")


def is_expired(expires: str, version: str) -> bool | None:
    """
    Whether a definition that *expires* in a version records no more in an application's *version*.

    ``N`` alone is ``N.0a1``: nightly builds of N are included.  None if either cannot be read.
    """
    if expires in NEVER:
        return False
    limit = version_key(f"{expires}.0a1" if expires.isdigit() else with_alpha(expires))
    now = version_key(version)
    return None if limit is None or now is None else now >= limit


def with_alpha(expires: str) -> str:
    """Return ``58.0`` as ``58.0a1``: it expires with the nightly builds of that version, too."""
    return f"{expires}a1" if re.fullmatch(r"[0-9]+\.[0-9]+", expires, re.ASCII) else expires
