"""
Finds and removes identities: the values of a ping that identify its sender.

Source of the list: the rule for stores that are declared anonymous (docs/probes.md, "Anonymous stores").
"""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
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


def without_values(text: str, identities: list[Identity]) -> str:
    """Return *text* with every value of *identities* replaced."""
    for identity in identities:
        value = identity.value
        if isinstance(value, str) and len(value) >= MIN_SEARCHED_CHARACTERS:
            text = text.replace(value, REMOVED)
    return text
