"""Rows of the records of one task: what a conversion process sends back for the tables."""

import logging

from histogram_specs.errors import BadRevisionUrl
from histogram_specs.history.resolver import Awaiting, Resolution, Resolved, Resolves
from histogram_specs.revision import Revision, parse_revision_url
from histogram_specs.spec_file import SpecFile
from storage.tables.rows import TableRows
from telemetry_server.records.fields import Record
from telemetry_server.tables.row_collector import RowCollector

log = logging.getLogger(__name__)


class DefinitionFinder:
    """Finds the definitions of revisions that records name, once for each; keep it for one task only."""

    def __init__(self, resolver: Resolves) -> None:
        self._resolver = resolver
        self._found: dict[str, SpecFile | None] = {}
        self.missing: set[Revision] = set()
        """Revisions whose definitions are not at hand."""
        self.error: OSError | None = None
        """Why the revision cache could not be read: then some of `missing` may be there."""

    def spec_file_of(self, revision: str) -> SpecFile | None:
        """Return the definitions of *revision*, a URL; None where they are not at hand."""
        if revision not in self._found:
            self._found[revision] = self._find(revision)
        return self._found[revision]

    def _find(self, url: str) -> SpecFile | None:
        try:
            revision = parse_revision_url(url)
        except BadRevisionUrl:
            return None
        found: Resolution = self._resolver.resolve(revision, channel=None, build_id=None, version=None)
        if isinstance(found, Resolved):
            return found.spec_file
        if isinstance(found, Awaiting) and found.error is not None:
            self.error = found.error
        self.missing.add(revision)
        return None


class TaskRows:
    """Collects rows; a record that cannot be read is left out, whole, and logged."""

    def __init__(self, finder: DefinitionFinder) -> None:
        self._finder = finder
        self._added: list[tuple[bytes, int]] = []
        self._collector = RowCollector(finder)
        self.unreadable = 0

    def add(self, text: bytes, item: int, opened: Record | None = None) -> None:
        """Add the rows of the record in *text*, of *item*; *opened* is the record itself, if at hand."""
        try:
            self._collector.add(text, item, opened)
        except Exception as error:
            # A part of its rows may be there already.
            self.unreadable += 1
            log.error("a record is not in the tables, it cannot be read: %r", error)
            self._collector = RowCollector(self._finder)
            for before in self._added:
                self._collector.add(*before)
            return
        self._added.append((text, item))

    @property
    def rows(self) -> TableRows:
        """All rows so far."""
        return self._collector.rows
