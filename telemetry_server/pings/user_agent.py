"""
Reads browser, major version and system from a User-Agent header, which is not stored itself.

The patterns are a short list in order of precedence, as in the public decoder.  A table of a thousand
patterns would take 30 ms for a header that is made to be slow, and clients choose the header.
"""

import re
from functools import lru_cache

# Name, and the pattern whose group is the major version.
_BROWSERS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("Edge", r"\bEdg(?:e|A|iOS)?/([0-9]{1,5})"),
        ("Chrome", r"\b(?:Chrome|CriOS)/([0-9]{1,5})"),
        ("Opera Mini", r"\bOpera Mini/([0-9]{1,5})"),
        ("Opera Mobi", r"\bOpera Mobi\b[^)]{0,80}\).{0,80}?\bVersion/([0-9]{1,5})"),
        ("Opera", r"\bOpera[/ ]([0-9]{1,5})"),
        ("MSIE", r"\bMSIE ([0-9]{1,5})"),
        ("MSIE", r"\bTrident/7\.0()"),
        ("Safari", r"\bVersion/([0-9]{1,5})[.0-9]{0,20} (?:Mobile/\w{1,10} )?Safari/"),
        ("FxSync", r"\bFirefox(?: AndroidSync|-iOS-Sync)[ /]([0-9]{1,5})"),
        ("Firefox", r"\b(?:Firefox|FxiOS)/([0-9]{1,5})"),
    )
)
_TRIDENT_7_IS = "11"

_SYSTEMS: tuple[tuple[str, str], ...] = (
    ("iPod", "iPod"),
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Android", "Android"),
    ("BlackBerry", "BlackBerry"),
    ("Linux", "Linux"),
    ("Macintosh", "Macintosh"),
    ("Mobile; rv:", "FirefoxOS"),
    ("Windows NT 10.0", "Windows 10"),
    ("Windows NT 6.3", "Windows 8.1"),
    ("Windows NT 6.2", "Windows 8"),
    ("Windows NT 6.1", "Windows 7"),
    ("Windows NT 6.0", "Windows Vista"),
    ("Windows NT 5.2", "Windows Server 2003"),
    ("Windows NT 5.1", "Windows XP"),
    ("Windows NT 5.0", "Windows 2000"),
)


@lru_cache(maxsize=1024)
def user_agent_parts(header: str) -> tuple[tuple[str, str], ...]:
    """Pairs of ``browser``, ``version`` and ``os`` with their values; unknown ones are omitted."""
    parts: list[tuple[str, str]] = []
    for name, pattern in _BROWSERS:
        found = pattern.search(header)
        if found:
            parts += [("browser", name), ("version", found[1] or _TRIDENT_7_IS)]
            break
    for token, system in _SYSTEMS:
        if token in header:
            parts.append(("os", system))
            break
    return tuple(parts)
