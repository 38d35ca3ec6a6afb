"""
What is worth knowing when it happens: a log line and its count together.

Each class is one such thing.  Fields become fields of the log line; labels of
counts come from closed lists only.
"""

from dataclasses import asdict, dataclass
from typing import ClassVar

from telemetry_server.observability import logs, metrics


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth knowing; `emit` says it once."""

    EVENT: ClassVar[str]
    LEVEL: ClassVar[str] = "info"

    def count(self) -> None:
        """Count it, where there is a metric for it."""

    def emit(self) -> None:
        """Write its log line and count it."""
        self.count()
        getattr(logs.logger(), self.LEVEL)(self.EVENT, **asdict(self))


@dataclass(frozen=True, slots=True)
class ServerStarted(Event):
    """The server takes submissions."""

    EVENT: ClassVar[str] = "server started"
    host: str
    port: int
    workers: int
    data_dir: str


@dataclass(frozen=True, slots=True)
class ServerStopping(Event):
    """The server was asked to stop, and drains."""

    EVENT: ClassVar[str] = "server stopping"
    signal: str


@dataclass(frozen=True, slots=True)
class ServerStopped(Event):
    """The server stopped; *clean* if nothing was cut off."""

    EVENT: ClassVar[str] = "server stopped"
    clean: bool


@dataclass(frozen=True, slots=True)
class ProcessDied(Event):
    """A process of ours ended by itself and is started again."""

    EVENT: ClassVar[str] = "process died"
    LEVEL: ClassVar[str] = "error"
    role: str
    pid: int
    status: str

    def count(self) -> None:
        """Let go of what only the living can report."""
        metrics.process_ended(self.pid)


@dataclass(frozen=True, slots=True)
class WriterDied(Event):
    """A sync failed: this process takes nothing more and ends."""

    EVENT: ClassVar[str] = "writer died"
    LEVEL: ClassVar[str] = "error"
    detail: str


@dataclass(frozen=True, slots=True)
class DiskFloorReached(Event):
    """Free space is below the floor: submissions are answered 507."""

    EVENT: ClassVar[str] = "disk floor reached"
    LEVEL: ClassVar[str] = "warning"
    free_bytes: int
    floor_bytes: int


@dataclass(frozen=True, slots=True)
class DiskFloorLeft(Event):
    """There is room again."""

    EVENT: ClassVar[str] = "disk has room again"
    free_bytes: int
    floor_bytes: int


@dataclass(frozen=True, slots=True)
class ClockJumped(Event):
    """The wall clock does not go on from where it was: nothing expires by it until it is believed."""

    EVENT: ClassVar[str] = "the clock jumped; nothing expires by it for a day"
    LEVEL: ClassVar[str] = "warning"
    now: str
    jumped_by_seconds: int


@dataclass(frozen=True, slots=True)
class PingQuarantined(Event):
    """A submission was refused and kept in quarantine, whole."""

    EVENT: ClassVar[str] = "ping quarantined"
    document_id: str | None
    reason: str
    detail: str

    def count(self) -> None:
        """By its reason."""
        metrics.pings_quarantined.count(self.reason)


@dataclass(frozen=True, slots=True)
class DamageFound(Event):
    """A raw segment holds bytes that are no record."""

    EVENT: ClassVar[str] = "damage found"
    LEVEL: ClassVar[str] = "warning"
    segment: str
    records: int
    bytes: int


@dataclass(frozen=True, slots=True)
class SpecsFetched(Event):
    """The revision server was asked for definitions."""

    EVENT: ClassVar[str] = "definitions fetched"
    repository: str
    changeset: str
    result: str

    def count(self) -> None:
        """By its result."""
        metrics.specs_fetches.count(self.result)


@dataclass(frozen=True, slots=True)
class RecordsRead(Event):
    """Someone read records, bodies or contacts: the access log of the reports."""

    EVENT: ClassVar[str] = "records read"
    user: str
    role: str
    proof: str  # session, token, header, open
    what: str
    of: str  # a document id, a statement


@dataclass(frozen=True, slots=True)
class SignedIn(Event):
    """A user signed in to the reports."""

    EVENT: ClassVar[str] = "signed in"
    user: str


@dataclass(frozen=True, slots=True)
class SignInFailed(Event):
    """Someone gave a wrong name or password."""

    EVENT: ClassVar[str] = "sign-in failed"
    LEVEL: ClassVar[str] = "warning"
    user: str  # as typed


@dataclass(frozen=True, slots=True)
class WorkFailed(Event):
    """Something of ours went wrong and is tried again."""

    EVENT: ClassVar[str] = "work failed"
    LEVEL: ClassVar[str] = "error"
    what: str
    detail: str
