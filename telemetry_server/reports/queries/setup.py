"""What a query process gets from its parent: plain values that are pickled."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from storage.data_root import DataRoot
from telemetry_server.coordinator.conversion_setup import ConversionSetup


@dataclass(frozen=True, slots=True)
class FuelDatabases:
    """URLs of the databases of Fuel-stat."""

    collector: str  # or its replica
    analytics: str


@dataclass(frozen=True, slots=True)
class KeptFor:
    """How long data is kept, in days (None: for ever), and how exactly."""

    records: float | None = None
    quarantine: float = 90
    raw: float = 30
    ids: float | None = None  # None: as long as records
    contacts: int | None = None  # of Fuel; None without it
    client_address: str = "dropped"
    after_deletion_request: float = 7

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class QuerySetup:
    """Where a query process reads, and what it may use."""

    conversion: ConversionSetup
    version: str  # of this server
    timeout_seconds: float
    memory_bytes: int  # on top of what the process itself needs
    suppress_below: int = 1  # groups of fewer clients are not shown
    public_suppress_below: int = 1  # the same where no visitor is known
    aggregates_hidden: tuple[str, ...] = ()  # patterns of metrics that the public does not see
    fuel: FuelDatabases | None = None
    kept: KeptFor = KeptFor()

    @property
    def root(self) -> DataRoot:
        """The data root."""
        return self.conversion.root

    @property
    def specs(self) -> Path:
        """The folder of the revision cache."""
        return self.conversion.specs
