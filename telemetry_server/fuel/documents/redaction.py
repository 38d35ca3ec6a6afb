"""
The second net: finds addresses, host names, e-mails and keys in texts, and takes them out.

The sender sends only listed fields. This net is behind that list, on the sender's side and again in the
collector, for what somebody put into a listed field by mistake. It works on values: every text of a
document, and every key of an object.
"""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from telemetry_server.fuel.documents.private_values import (
    EMAIL,
    HOST,
    IPV4,
    IPV6,
    MAC,
    PEM,
    PRIVATE_FIELDS,
    RUN,
    SAID,
    SUSPECT,
    URL_USER,
    WORD,
    Leak,
    is_host,
    is_ipv4,
    is_ipv6,
    is_key,
    is_package,
    is_password,
)

MAX_NESTING = 64


class NestedTooDeeply(ValueError):
    """The document is nested past `MAX_NESTING` levels."""


def redacted_text(text: str, found: Counter[Leak], *, field: str = "", keeps_hosts: bool = False) -> str:
    """
    Return *text* with every private value replaced by ``[kind]``, and count these in *found*.

    Args:
        field: The name of the field that holds the text.
        keeps_hosts: Whether dotted names are package names.
    """
    if not SUSPECT.search(text):
        return text

    def replaced(kind: Leak) -> str:
        found[kind] += 1
        return f"[{kind}]"

    if "-----BEGIN" in text:
        text = PEM.sub(lambda _: replaced(Leak.PEM), text)
    if "://" in text:
        text = URL_USER.sub(lambda match: match[1] + replaced(Leak.PASSWORD) + "@", text)
    text = SAID.sub(
        lambda match: match[0] if match[2].startswith("[") else match[1] + replaced(Leak.PASSWORD), text
    )
    if "@" in text:
        text = EMAIL.sub(lambda _: replaced(Leak.EMAIL), text)
    text = MAC.sub(lambda _: replaced(Leak.MAC), text)
    if ":" in text:
        text = IPV6.sub(lambda match: replaced(Leak.ADDRESS) if is_ipv6(match[0]) else match[0], text)
    if "." in text:
        text = IPV4.sub(lambda match: replaced(Leak.ADDRESS) if is_ipv4(match[0]) else match[0], text)
        if not keeps_hosts:
            text = HOST.sub(lambda match: replaced(Leak.HOST_NAME) if is_host(match) else match[0], text)
    text = RUN.sub(lambda match: replaced(Leak.KEY) if is_key(match[0], field) else match[0], text)
    return WORD.sub(lambda match: replaced(Leak.PASSWORD) if is_password(match[0]) else match[0], text)


def redacted(value: Any, found: Counter[Leak], *, field: str = "", level: int = 1) -> Any:
    """
    Return *value* without private values; the same object if it holds none.

    Raises:
        NestedTooDeeply: As named.
    """
    if isinstance(value, str):
        return _redacted_leaf(value, found, field)
    if level > MAX_NESTING:
        raise NestedTooDeeply(f"nested past {MAX_NESTING} levels")
    if isinstance(value, dict):
        before = found.total()
        cleaned = {}
        for key, inner in value.items():
            name = redacted_text(key, found)
            cleaned[name] = redacted(inner, found, field=name, level=level + 1)
        return cleaned if found.total() != before else value
    if isinstance(value, list):
        before = found.total()
        items = [redacted(inner, found, field=field, level=level + 1) for inner in value]
        return items if found.total() != before else value
    return value


@lru_cache(maxsize=4096)
def _kind_of_field(field: str) -> Leak | None:
    return next((kind for names, kind in PRIVATE_FIELDS if names.search(field)), None)


def _redacted_leaf(text: str, found: Counter[Leak], field: str) -> str:
    kind = _kind_of_field(field)
    if kind is not None and text and text != f"[{kind}]":
        found[kind] += 1
        return f"[{kind}]"
    return redacted_text(text, found, field=field, keeps_hosts=field == "fuel_packages" and is_package(text))


def counts_of(found: Mapping[Leak, int]) -> dict[str, int]:
    """Return the counts by name, for messages."""
    return {str(kind): number for kind, number in sorted(found.items()) if number}
