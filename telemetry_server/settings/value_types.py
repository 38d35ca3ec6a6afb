"""
The types of setting values, and the parser of each.

Parsers do not guess: they raise ValueError for unclear text, with a message that says what to write.
"""

import os
import re
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from histogram_specs.aliases import parse_aliases
from telemetry_server.settings.limits import above_zero, within

UPSTREAM = "upstream+"
KIBIBYTE, MEBIBYTE, GIBIBYTE = 2**10, 2**20, 2**30
SIZE_UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": KIBIBYTE,
    "mib": MEBIBYTE,
    "gib": GIBIBYTE,
    "tib": 2**40,
}
SECONDS_OF_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
ORIGIN = r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
DEFAULT_PORT = r"^http:.*:80$|^https:.*:443$"
Network = IPv4Network | IPv6Network
# Words of `public_pages` to the addresses that they open, each with all below it.
PUBLIC_PAGES = {
    "collected": ("/collected",),
    "aggregates": ("/api/v1/histogram", "/api/v1/clients", "/clients", "/probes"),
    "old_api": ("/aggregates_by", "/filters"),
}
NUMBER = r"[0-9]+(?:\.[0-9]+)?"


class ClientAddress(StrEnum):
    """How much of a client's address is stored."""

    DROPPED = "dropped"
    TRUNCATED = "truncated"  # to /24, or /48 for IPv6


class SchemaFormats(StrEnum):
    """Whether the keyword ``format`` in a registered schema is checked."""

    CHECKED = "checked"
    IGNORED = "ignored"


class UnresolvedRevision(StrEnum):
    """What happens to a ping whose revision cannot be resolved."""

    QUARANTINE = "quarantine"
    SELF_DESCRIBED = "self_described"


class FuelSignatures(StrEnum):
    """What is done with the signatures of Fuel requests."""

    OFF = "off"
    OBSERVE = "observe"
    ENFORCE = "enforce"


class LogFormat(StrEnum):
    """Format of log lines."""

    AUTO = "auto"  # text on a terminal, else JSON
    TEXT = "text"
    JSON = "json"


def whole_number(value: object) -> int:
    """Parse an int or decimal digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
        return int(value)
    raise ValueError(f"must be a whole number, not {value!r}")


def size_bytes(value: object) -> int:
    """Parse a number of bytes, or ``500MB`` (powers of 1000) or ``64MiB`` (powers of 1024); returns bytes."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = re.fullmatch(rf"({NUMBER})\s*([A-Za-z]*)", value.strip()) if isinstance(value, str) else None
    if found and (unit := SIZE_UNITS.get(found[2].lower())) is not None:
        size = float(found[1]) * unit if "." in found[1] else int(found[1]) * unit
        if size == int(size):
            return int(size)
    raise ValueError(f"must be a number of bytes, or like 500MB or 64MiB, not {value!r}")


def _duration(value: object, bare_unit_seconds: float, example: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) * bare_unit_seconds
    text = value.strip() if isinstance(value, str) else ""
    if re.fullmatch(NUMBER, text):
        return float(text) * bare_unit_seconds
    if re.fullmatch(rf"(?:{NUMBER}(?:ms|[smhd]))+", text):
        parts = re.findall(rf"({NUMBER})(ms|[smhd])", text)
        return sum(float(number) * SECONDS_OF_UNIT[unit] for number, unit in parts)
    raise ValueError(f"must be {example}, not {value!r}")


def duration_seconds(value: object) -> float:
    """Parse a number of seconds, or ``500ms``, ``5m``, ``1h30m``, ``2d``; returns seconds."""
    return _duration(value, 1.0, "a number of seconds, or like 500ms, 5m or 1h30m")


def duration_days(value: object) -> float:
    """Parse a number of days, or ``36h``, ``7d``; returns days."""
    return _duration(value, 86400.0, "a number of days, or like 36h or 7d") / 86400.0


def true_or_false(value: object) -> bool:
    """Parse ``true`` or ``false``.  Other words, such as "yes" and "1", are refused."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise ValueError(f"must be true or false, not {value!r}")


def file_path(value: object) -> Path:
    """Parse a path; ``~`` is the home directory."""
    if isinstance(value, Path) or (isinstance(value, str) and value and "\0" not in value):
        return Path(value).expanduser()
    raise ValueError(f"must be a path, not {value!r}")


def namespace_list(value: object) -> tuple[str, ...]:
    """Parse namespaces: a list, or a text with commas."""
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"must be a list of namespaces, not {value!r}")
    stripped = tuple(name.strip() for name in names)
    for name in stripped:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}", name):
            raise ValueError(f"{name!r} is not a namespace: use letters, digits and ._+- only")
    return stripped


def alias_list(value: object) -> tuple[str, ...]:
    """Parse rules of `histogram_specs.aliases`: a list, or a text with commas."""
    rules = value.split(",") if isinstance(value, str) else value
    if not isinstance(rules, list | tuple) or not all(isinstance(rule, str) for rule in rules):
        raise ValueError(f"must be a list like comm-central=mozilla-central, not {value!r}")
    stripped = tuple(rule.strip() for rule in rules)
    parse_aliases(stripped)
    return stripped


def origin_list(value: object) -> tuple[str, ...]:
    """Parse origins of web pages as browsers write them, or ``*``: a list, or a text with commas."""
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"must be a list of origins, not {value!r}")
    origins = tuple(text.strip().lower() for text in texts)
    for origin in origins:
        if origin != "*" and not re.fullmatch(ORIGIN, origin):
            raise ValueError(
                f"{origin!r} is not an origin: write scheme, host and port, such as "
                "https://app.example.org or http://localhost:3000, or *"
            )
        if re.search(DEFAULT_PORT, origin):
            raise ValueError(f"{origin!r} names the default port of its scheme: leave it out, as browsers do")
    return origins


def name_pattern_list(value: object) -> tuple[str, ...]:
    """Parse patterns of names like ``SEARCH_*``: a list, or a text with commas."""
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"must be a list of patterns, not {value!r}")
    return tuple(text.strip() for text in texts if text.strip())


def public_page_list(value: object) -> tuple[str, ...]:
    """Parse words and addresses of `PUBLIC_PAGES`: a list, or a text with commas; returns the addresses."""
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"must be a list of pages, not {value!r}")
    addresses = {address for opened in PUBLIC_PAGES.values() for address in opened}
    pages: list[str] = []
    for text in texts:
        name = text.strip()
        if name in PUBLIC_PAGES:
            pages += PUBLIC_PAGES[name]
        elif name.rstrip("/") in addresses:
            pages.append(name.rstrip("/"))
        else:
            known = ", ".join((*PUBLIC_PAGES, *sorted(addresses)))
            raise ValueError(f"{name!r} cannot be open to everyone: name some of {known}")
    return tuple(dict.fromkeys(pages))


def network_list(value: object) -> tuple[Network, ...]:
    """Parse networks like ``10.0.0.0/8`` or ``::1``: a list, or a text with commas."""
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"must be a list of networks, not {value!r}")
    try:
        return tuple(ip_network(text.strip()) for text in texts if text.strip())
    except ValueError as error:
        raise ValueError(f"{error}; write networks like 10.0.0.0/8 or 2001:db8::/32") from None


def header_name(value: object) -> str:
    """Parse the name of an HTTP header; empty means none."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9-]{0,100}", value):
        return value
    raise ValueError(f"must be the name of a header, like X-Remote-User, not {value!r}")


def port_or_off(value: object) -> int | None:
    """Parse a port; ``off`` is None."""
    return None if value == "off" else port_number(value)


def server_url(value: object) -> str:
    """Parse an http or https URL without credentials, query or fragment; a final slash is removed."""
    text = value if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        parts = urlsplit("")
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain or re.search(r"\s", text):
        raise ValueError(f"must be a URL like https://hg.mozilla.org, not {value!r}")
    return text.rstrip("/")


def definition_source(value: object) -> str:
    """Parse a `server_url`, ``upstream+`` and a `server_url`, or the path of something that exists."""
    text = value if isinstance(value, str) else ""
    if text.startswith(UPSTREAM):
        return UPSTREAM + server_url(text.removeprefix(UPSTREAM))
    if "://" not in text and text and "\0" not in text and Path(text).expanduser().exists():
        return str(Path(text).expanduser().resolve())
    return server_url(value)


def database_url(value: object) -> str:
    """Parse the URL of a database; empty means the default."""
    if isinstance(value, str) and (not value or re.match(r"(sqlite|postgresql(\+psycopg)?)://", value)):
        return value
    # No part of the value in the message: it may hold a password.
    raise ValueError("must be a URL like sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME")


def hours_or_off(value: object) -> float:
    """Parse hours, or ``30m``, ``2d``; ``off`` is 0."""
    return 0.0 if value == "off" else _duration(value, 3600.0, "hours, or like 30m or 1d") / 3600.0


def status_for_large(value: object) -> Literal[413, 202]:
    """Parse one of the two status codes for large bodies."""
    status = whole_number(value)
    if status == 413:
        return 413
    if status == 202:
        return 202
    raise ValueError("input should be 413 or 202")


def usable_cores() -> int:
    """Return the number of cores that this process may use; at least 1."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


port_number = within(whole_number, 0, 65535)
byte_count = within(size_bytes, 0)
seconds = above_zero(duration_seconds, 86400)
days = within(duration_days, 0, 36525)
