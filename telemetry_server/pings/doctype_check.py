"""What a catalogue of doctypes answers; the converter asks, the catalogue's room fills it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

UNREGISTERED_VERSION = "unregistered_version"
"""The note of a ping whose doctype is registered in other versions only."""


class DoctypeStatus(StrEnum):
    """How a ping stands to what is registered for its doctype."""

    VALID = "valid"
    UNREGISTERED = "unregistered"  # no schema for this namespace, doctype and version
    VIOLATION = "violation"


@dataclass(frozen=True, slots=True)
class DoctypeCheck:
    """A catalogue's answer."""

    status: DoctypeStatus
    detail: str = ""  # one line: the place in the JSON, and the schema's own words
    notes: Mapping[str, int] = field(default_factory=dict)  # oddities taken in stride, by name
    doctype: str | None = None  # the registered spelling, where the ping spells its doctype otherwise


class DoctypeCatalogue(Protocol):
    """Knows the JSON Schemas of doctypes."""

    def check(
        self, namespace: str, doctype: str, docversion: str, ping: Mapping[str, Any], text: bytes
    ) -> DoctypeCheck:
        """
        Judge a ping; it is not changed.

        Args:
            ping: As decoded, without the fields that are reserved for the server.
            text: The JSON that it was decoded from, those fields included.
        """
