"""The interface of a catalogue of doctypes, which the converter uses and `doctypes` implements."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

UNREGISTERED_VERSION = "unregistered_version"
"""The note of a ping whose doctype is registered only in other versions."""


class DoctypeStatus(StrEnum):
    """The result of checking a ping against the schema of its doctype."""

    VALID = "valid"
    UNREGISTERED = "unregistered"  # no schema for this namespace, doctype and version
    VIOLATION = "violation"


@dataclass(frozen=True, slots=True)
class DoctypeCheck:
    """A catalogue's answer."""

    status: DoctypeStatus
    detail: str = ""  # one line: the place in the JSON, and the schema's requirement
    notes: Mapping[str, int] = field(default_factory=dict)  # harmless oddities, counted by name
    doctype: str | None = None  # the registered spelling, if the ping uses another


class DoctypeCatalogue(Protocol):
    """Knows the JSON Schemas of doctypes."""

    def check(
        self, namespace: str, doctype: str, docversion: str, ping: Mapping[str, Any], text: bytes
    ) -> DoctypeCheck:
        """
        Check a ping; it is not changed.

        Args:
            ping: The decoded payload, without the fields that are reserved for the server.
            text: The JSON that it was decoded from, with those fields.
        """
