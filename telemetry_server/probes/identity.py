"""
Finds and removes identities: the values of a ping that identify its sender.

Source of the list: the rule for stores that are declared anonymous (docs/probes.md, "Anonymous stores").
"""

import re
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

IDENTITY_PATHS: tuple[tuple[str, ...], ...] = (
    ("clientId",),
    ("client_id",),
    ("clientID",),  # as in flat sessions
    ("profileGroupId",),
    ("payload", "clientId"),
    ("payload", "client_id"),
    ("client_info", "client_id"),
    ("payload", "sessionId"),
    ("payload", "subsessionId"),
)
# Every key of this object with this ending, in any case.
SESSION_OBJECT = ("payload", "info")
SESSION_ENDING = "sessionid"
# Shorter values occur by chance, so they are not searched for elsewhere.
MIN_SEARCHED_CHARACTERS = 8
MAX_SEARCHED_TEXTS = 100  # of an identity that is an object or a list
_ID_DIGITS = re.compile("[0-9a-fA-F]{32}", re.ASCII)
REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Identity:
    """A value that was at an identity path."""

    path: str
    value: Any

    @property
    def is_empty(self) -> bool:
        """Whether it is null or an empty string."""
        return self.value is None or self.value == ""


def identities_in(ping: MutableMapping[str, Any]) -> Iterator[Identity]:
    """Yield every identity in *ping*."""
    for parent, name, path in _places(ping):
        yield Identity(path, parent[name])


def remove_identities(ping: MutableMapping[str, Any]) -> list[Identity]:
    """Remove every identity from *ping*, and return them."""
    found = []
    for parent, name, path in list(_places(ping)):
        found.append(Identity(path, parent[name]))
        del parent[name]
    return found


def _places(ping: MutableMapping[str, Any]) -> Iterator[tuple[MutableMapping[str, Any], str, str]]:
    for path in IDENTITY_PATHS:
        parent = _object_at(ping, path[:-1])
        if path[-1] in parent:
            yield parent, path[-1], ".".join(path)
    info = _object_at(ping, SESSION_OBJECT)
    for name in info:
        if name.lower().endswith(SESSION_ENDING):
            yield info, name, ".".join((*SESSION_OBJECT, name))


def _object_at(ping: MutableMapping[str, Any], path: tuple[str, ...]) -> MutableMapping[str, Any]:
    found: Any = ping
    for step in path:
        found = found.get(step)
        if not isinstance(found, dict):
            return {}
    return found  # type: ignore[no-any-return]


def without_values(text: str, identities: Iterable[Identity]) -> str:
    """Return *text* with every text in the values of *identities* replaced, also in another spelling."""
    pattern = _pattern_of(identities)
    return text if pattern is None else pattern.sub(REMOVED, text)


def without_values_in(ping: Any, identities: Iterable[Identity]) -> Any:
    """Return *ping* with every text in the values of *identities* replaced, in its texts and its keys."""
    pattern = _pattern_of(identities)
    return ping if pattern is None else _replaced(ping, pattern)


def _replaced(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(REMOVED, value)
    if isinstance(value, list):
        return [_replaced(each, pattern) for each in value]
    if isinstance(value, dict):
        return {pattern.sub(REMOVED, name): _replaced(each, pattern) for name, each in value.items()}
    return value


def _pattern_of(identities: Iterable[Identity]) -> re.Pattern[str] | None:
    """Return what finds the texts of *identities* in any case, and ids with and without dashes."""
    found = (text for identity in identities for text in _texts_in(identity.value))
    texts = {text for text in islice(found, MAX_SEARCHED_TEXTS) if len(text) >= MIN_SEARCHED_CHARACTERS}
    if not texts:
        return None
    # Of two alternatives the first counts, so the longer one comes first.
    return re.compile("|".join(map(_expression, sorted(texts, key=len, reverse=True))), re.IGNORECASE)


def _expression(text: str) -> str:
    digits = text.strip("{}").replace("-", "")
    return "-?".join(digits) if _ID_DIGITS.fullmatch(digits) else re.escape(text)


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(each)
