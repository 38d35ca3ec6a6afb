"""What the queries of one process read from, and what they remember of it."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from storage.data_root import DataRoot
from storage.ledger.archived_files import ArchivedObject
from storage.ledger.ledger import Ledger
from telemetry_server.coordinator.definition_stamps import DefinitionStamps
from telemetry_server.probes.probe_checks import ProbeChecks
from telemetry_server.reports.queries.fuel_source import FuelSource
from telemetry_server.reports.queries.ping_summaries import PingSummary
from telemetry_server.reports.queries.quarantine_files import QuarantineFiles
from telemetry_server.reports.queries.records_behind import RecordsBehind
from telemetry_server.reports.queries.refused_pings import PendingPings, QuarantinedPings
from telemetry_server.reports.queries.setup import QuerySetup
from telemetry_server.reports.queries.unread import UnreadSubmissions


class Source:
    """The data root of *setup*, for reading."""

    def __init__(self, setup: QuerySetup) -> None:
        self.setup = setup
        self.unread = UnreadSubmissions(setup.root)
        self.quarantined = QuarantinedPings(setup.root)
        self.pending = PendingPings(setup.root)
        self.quarantine_files = QuarantineFiles(setup.root.path)
        self.behind = RecordsBehind(setup.root.path, self.archived)
        self.on_progress: Callable[[float], None] = lambda _share: None
        self.fuel: FuelSource | None = None  # once it is asked for
        # By query and arguments: the stamp of the aggregates, and the answer.
        self.answers: OrderedDict[bytes, tuple[object, dict[str, Any]]] = OrderedDict()
        self.newest_of_parts: OrderedDict[str, Sequence[PingSummary]] = OrderedDict()  # by the same
        self.hours_of_parts: OrderedDict[str, Counter[str]] = OrderedDict()  # by path below the data root

    @property
    def root(self) -> DataRoot:
        """The data root."""
        return self.setup.root

    def probe_checks(self) -> ProbeChecks:
        """Return the checks of stored records by today's definitions, which are read once."""
        return replace(self._probe_checks, stamps=DefinitionStamps(self.setup.specs))

    @cached_property
    def _probe_checks(self) -> ProbeChecks:
        return self.setup.conversion.probe_checks()

    def archived(self, path: str) -> ArchivedObject | None:
        """Return the copy of the file *path* (below the data root) in the archive; None if it has none."""
        with self.ledger() as ledger:
            return ledger.archived_object(path)

    def ledger(self) -> Ledger:
        """Return the ledger, opened for reading; use it with ``with``."""
        return Ledger.for_reading(self.root)
