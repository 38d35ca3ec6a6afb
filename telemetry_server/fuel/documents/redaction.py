"""
The second net: finds addresses, host names, e-mails and keys in texts, and takes them out.

The sender sends only listed fields. This net is behind that list, on the sender's side and again in the
collector, for what was put into a listed field by mistake. It works on values: every text of a
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
    IS_PLAIN,
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
MAX_PASSES = 5
MAX_REMEMBERED = 200  # characters of a text whose result is remembered


class NestedTooDeeply(ValueError):
    """The document is nested past `MAX_NESTING` levels."""


def redacted_text(text: str, found: Counter[Leak], *, field: str = "", keeps_hosts: bool = False) -> str:
    """
    Return *text* with every private value replaced by ``[kind]``, and count these in *found*.

    Args:
        field: The name of the field that holds the text.
        keeps_hosts: Whether dotted names are package names.
    """
    for _ in range(MAX_PASSES):
        if not SUSPECT.search(text):
            break
        cleaned = _one_pass(text, found, field=field, keeps_hosts=keeps_hosts)
        if cleaned == text:
            break
        # What was taken out may have separated parts that are private by themselves.
        text = cleaned
    return text


def _one_pass(text: str, found: Counter[Leak], *, field: str, keeps_hosts: bool) -> str:
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
    kind = value.__class__
    if kind is str:
        return _redacted_leaf(value, found, field)
    if level > MAX_NESTING:
        raise NestedTooDeeply(f"nested past {MAX_NESTING} levels")
    if kind is dict:
        return _redacted_object(value, found, level)
    if kind is list:
        if all(inner.__class__ is int for inner in value):
            return value
        before = found.total()
        items = [redacted(inner, found, field=field, level=level + 1) for inner in value]
        return items if found.total() != before else value
    return value


def _redacted_object(value: dict[str, Any], found: Counter[Leak], level: int) -> dict[str, Any]:
    # This runs for every item of every request, and nearly always there is nothing to take out.
    if _are_plain_names(tuple(value)):
        changed: dict[str, Any] = {}
        for name, inner in value.items():
            kind = inner.__class__
            if kind is str:
                if IS_PLAIN(inner) or (len(inner) <= MAX_REMEMBERED and _is_clean(inner, name)):
                    continue
            elif kind is not dict and kind is not list:
                continue
            cleaned = redacted(inner, found, field=name, level=level + 1)
            if cleaned is not inner:
                changed[name] = cleaned
        return value | changed if changed else value
    cleaned_object = {}
    for key, inner in value.items():
        name = redacted_text(key, found)
        cleaned_object[name] = redacted(inner, found, field=name, level=level + 1)
    return cleaned_object


@lru_cache(maxsize=4096)
def _is_clean(text: str, field: str) -> bool:
    """Whether *text* holds nothing private; the same texts come again and again."""
    return _redacted_leaf(text, Counter(), field) == text


@lru_cache(maxsize=4096)
def _are_plain_names(names: tuple[str, ...]) -> bool:
    """Whether no name of an object is private, or says that its value is."""
    found: Counter[Leak] = Counter()
    return all(redacted_text(name, found) == name and _kind_of_field(name) is None for name in names)


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
