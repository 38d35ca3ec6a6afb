"""Log events of failure reports and the messages about them."""

from dataclasses import dataclass
from typing import ClassVar

from telemetry_server.observability.events import Event


@dataclass(frozen=True, slots=True)
class FuelContactsRefused(Event):
    """The key of contacts cannot be used: failure reports are answered 503."""

    EVENT: ClassVar[str] = "Fuel contacts refused"
    LEVEL: ClassVar[str] = "error"
    detail: str


@dataclass(frozen=True, slots=True)
class FuelMessageFailed(Event):
    """A message about a failure was not delivered; it is tried again."""

    EVENT: ClassVar[str] = "Fuel message failed"
    LEVEL: ClassVar[str] = "warning"
    sink: str
    failures: int
    detail: str


@dataclass(frozen=True, slots=True)
class FuelMessageGivenUp(Event):
    """A message about a failure was given up after all retries; `fuel messages` lists it."""

    EVENT: ClassVar[str] = "Fuel message given up"
    LEVEL: ClassVar[str] = "error"
    sink: str
    failures: int
    detail: str
