"""
Events of the server: each writes a log line, and counts in a metric where there is one.

Each class is one kind of event.  Its fields become fields of the log line; labels
of metrics come from closed lists only.
"""

from dataclasses import asdict, dataclass
from typing import ClassVar

from telemetry_server.observability import logs, metrics


@dataclass(frozen=True, slots=True)
class Event:
    """An event; `emit` logs and counts it."""

    EVENT: ClassVar[str]
    LEVEL: ClassVar[str] = "info"

    def count(self) -> None:
        """Count the event if it has a metric."""

    def emit(self) -> None:
        """Count the event and write its log line."""
        self.count()
        getattr(logs.logger(), self.LEVEL)(self.EVENT, **asdict(self))


@dataclass(frozen=True, slots=True)
class ServerStarted(Event):
    """The server accepts submissions."""

    EVENT: ClassVar[str] = "server started"
    host: str
    port: int
    workers: int
    data_dir: str


@dataclass(frozen=True, slots=True)
class ServerStopping(Event):
    """The server received a signal to stop, and drains."""

    EVENT: ClassVar[str] = "server stopping"
    signal: str


@dataclass(frozen=True, slots=True)
class ServerStopped(Event):
    """The server has stopped; *clean* if nothing was cut off."""

    EVENT: ClassVar[str] = "server stopped"
    clean: bool


@dataclass(frozen=True, slots=True)
class ProcessDied(Event):
    """A process of the server ended by itself and will be restarted."""

    EVENT: ClassVar[str] = "process died"
    LEVEL: ClassVar[str] = "error"
    role: str
    pid: int
    status: str

    def count(self) -> None:
        """Remove the metrics that only a running process can report."""
        metrics.process_ended(self.pid)


@dataclass(frozen=True, slots=True)
class WriterDied(Event):
    """A sync failed: the process accepts nothing more and ends."""

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
    """Free space is above the floor again."""

    EVENT: ClassVar[str] = "disk has room again"
    free_bytes: int
    floor_bytes: int


@dataclass(frozen=True, slots=True)
class ClockJumped(Event):
    """The wall clock jumped: nothing expires until the new time is trusted."""

    EVENT: ClassVar[str] = "the clock jumped; nothing expires by it for a day"
    LEVEL: ClassVar[str] = "warning"
    now: str
    jumped_by_seconds: int


@dataclass(frozen=True, slots=True)
class PingQuarantined(Event):
    """A submission was refused, and is kept in quarantine unchanged."""

    EVENT: ClassVar[str] = "ping quarantined"
    document_id: str | None
    reason: str
    detail: str

    def count(self) -> None:
        """Count by reason."""
        metrics.pings_quarantined.count(self.reason)


@dataclass(frozen=True, slots=True)
class DamageFound(Event):
    """A raw segment contains bytes that are not a valid record."""

    EVENT: ClassVar[str] = "damage found"
    LEVEL: ClassVar[str] = "warning"
    segment: str
    records: int
    bytes: int


@dataclass(frozen=True, slots=True)
class SpecsFetched(Event):
    """Definitions were requested from the revision server."""

    EVENT: ClassVar[str] = "definitions fetched"
    repository: str
    changeset: str
    result: str

    def count(self) -> None:
        """Count by result."""
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
class AccessChanged(Event):
    """Someone changed users or tokens on the page of users."""

    EVENT: ClassVar[str] = "access changed"
    user: str  # who changed it
    what: str
    of: str  # a user's name, or the id of a token


@dataclass(frozen=True, slots=True)
class FuelItemsRefused(Event):
    """Items of a Fuel request were refused; `fuel failed` lists them."""

    EVENT: ClassVar[str] = "Fuel items refused"
    doctype: str
    items: int
    first_reason: str


@dataclass(frozen=True, slots=True)
class FuelRowRefused(Event):
    """The database refused a row that was judged good."""

    EVENT: ClassVar[str] = "Fuel row refused by the database"
    LEVEL: ClassVar[str] = "error"
    doctype: str
    detail: str


@dataclass(frozen=True, slots=True)
class FuelDatabaseAway(Event):
    """The Fuel collector's database does not answer: Fuel requests are answered 503."""

    EVENT: ClassVar[str] = "Fuel database away"
    LEVEL: ClassVar[str] = "error"
    detail: str


@dataclass(frozen=True, slots=True)
class FuelDatabaseBack(Event):
    """The Fuel collector's database answers again."""

    EVENT: ClassVar[str] = "Fuel database back"


@dataclass(frozen=True, slots=True)
class FuelReplicaBroken(Event):
    """The replica does not answer; what would read it reads the primary database."""

    EVENT: ClassVar[str] = "Fuel replica broken"
    LEVEL: ClassVar[str] = "warning"
    detail: str


@dataclass(frozen=True, slots=True)
class FuelMigrated(Event):
    """The schema of the Fuel collector's database was brought to this version."""

    EVENT: ClassVar[str] = "Fuel database migrated"
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class FuelBackupMade(Event):
    """A scheduled backup of the Fuel collector's database was made."""

    EVENT: ClassVar[str] = "Fuel backup made"
    file: str
    bytes: int


@dataclass(frozen=True, slots=True)
class QueueConnected(Event):
    """The broker of a queue is connected."""

    EVENT: ClassVar[str] = "queue connected"
    direction: str  # pull or push
    url: str  # without credentials


@dataclass(frozen=True, slots=True)
class QueueAway(Event):
    """The broker of a queue does not answer, or refuses; it is tried again."""

    EVENT: ClassVar[str] = "queue away"
    LEVEL: ClassVar[str] = "warning"
    direction: str
    url: str
    detail: str


@dataclass(frozen=True, slots=True)
class WorkFailed(Event):
    """Work of the server failed and will be retried."""

    EVENT: ClassVar[str] = "work failed"
    LEVEL: ClassVar[str] = "error"
    what: str
    detail: str
