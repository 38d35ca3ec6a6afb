"""What the queries of one process read from, and what they remember of it."""

from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from telemetry_server.reports.queries.refused_pings import QuarantinedPings
from telemetry_server.reports.queries.setup import QuerySetup
from telemetry_server.reports.queries.unread import UnreadSubmissions


class Source:
    """The data root of *setup*, for reading."""

    def __init__(self, setup: QuerySetup) -> None:
        self.setup = setup
        self.unread = UnreadSubmissions(setup.root)
        self.quarantined = QuarantinedPings(setup.root)

    @property
    def root(self) -> DataRoot:
        """The data root."""
        return self.setup.root

    def ledger(self) -> Ledger:
        """Return the ledger, opened for reading; use it with ``with``."""
        return Ledger.for_reading(self.root)
