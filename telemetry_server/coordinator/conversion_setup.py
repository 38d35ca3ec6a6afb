"""The setup of a conversion process: plain values that are pickled, and the objects it builds from them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from histogram_specs.aliases import DEFAULT_ALIASES, parse_aliases
from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.expressions import CONSTANTS
from histogram_specs.history.history import History
from histogram_specs.history.resolver import Resolver
from storage.data_root import DataRoot
from storage.partitions.schema import PartitionSchema
from storage.raw.submission import Submission
from telemetry_server.convert.conversion import ConversionContext
from telemetry_server.convert.quarantined import as_quarantined
from telemetry_server.convert.rules.rules import Rules
from telemetry_server.coordinator.conversion_worker import Worker
from telemetry_server.coordinator.definition_stamps import DefinitionStamps
from telemetry_server.doctypes.catalogue import Catalogue
from telemetry_server.pings.geo import GeoDatabase
from telemetry_server.privacy.identifiers.forgotten_ids import ForgottenIds
from telemetry_server.probes.glean_registry import FOLDER, GleanApplications
from telemetry_server.probes.probe_checks import ProbeChecks
from telemetry_server.probes.stores import NO_STORES, Stores
from telemetry_server.tables.task_rows import DefinitionFinder


@dataclass(frozen=True, slots=True)
class ConversionSetup:
    """How pings are converted, according to the settings."""

    root: DataRoot
    specs: Path
    schema: PartitionSchema
    revision_offline: bool = False
    pending_days: float = 14.0  # how long a ping may wait for definitions
    unresolved_revision: Literal["quarantine", "self_described"] = "quarantine"
    require_registration: bool = False
    schemas_dir: Path | None = None
    check_formats: bool = True
    rules: Rules | None = None
    geo_database: Path | None = None
    repository_aliases: tuple[str, ...] = DEFAULT_ALIASES
    constants: tuple[tuple[str, tuple[int, ...]], ...] = tuple(CONSTANTS.items())
    stores: Stores = NO_STORES
    tables: bool = True  # whether records also become rows of the tables

    @property
    def schema_text(self) -> str:
        """The partition schema as the JSON that the ledger stores for each file."""
        return json.dumps(self.schema.as_json(), sort_keys=True)

    def revision_cache(self) -> RevisionCache:
        """Return a new revision cache object, with its own memory."""
        return RevisionCache(self.specs, constants=dict(self.constants))

    def resolver(self) -> Resolver:
        """Return a new resolver with its own cache; for one process."""
        return Resolver(
            self.revision_cache(),
            History(self.specs),
            offline=self.revision_offline,
            aliases=parse_aliases(self.repository_aliases),
        )

    def definition_finder(self) -> DefinitionFinder:
        """Return a new finder of the definitions of stored records, with a cache of its own."""
        return DefinitionFinder(self.resolver())

    def writable(self, submission: Submission) -> Submission:
        """Return *submission* as it may be written outside of raw/."""
        needs_doctypes = self.rules is not None and self.rules.has_removals
        doctypes = self._doctypes() if needs_doctypes else None
        return as_quarantined(submission, self.stores, self.rules, doctypes)[0]

    def _doctypes(self) -> Catalogue:
        return Catalogue(self.schemas_dir, check_formats=self.check_formats)

    def worker(self) -> Worker:
        """Return a new worker with its own caches; for one process."""
        resolver = self.resolver()
        return Worker(self.root.raw, self.context(resolver), resolver, ForgottenIds(self.root))

    def context(self, resolver: Resolver | None = None) -> ConversionContext:
        """Return what conversion depends on, with *resolver* or a new one."""
        return ConversionContext(
            resolver=resolver or self.resolver(),
            schema=self.schema,
            unresolved_revision=self.unresolved_revision,
            doctypes=self._doctypes(),
            require_registration=self.require_registration,
            rules=self.rules,
            geo=None if self.geo_database is None else GeoDatabase(self.geo_database),
            stores=self.stores,
            applications=GleanApplications(self.specs / FOLDER),
            collects_rows=self.tables,
        )

    def probe_checks(self) -> ProbeChecks:
        """Return what stored records are held against."""
        applications = GleanApplications(self.specs / FOLDER)
        return ProbeChecks(self.resolver(), self.stores, applications, DefinitionStamps(self.specs))
