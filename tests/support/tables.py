"""Tables of a test's data root: its stored records as Parquet files, and the list of these files."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.compute as pc

from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.errors import BadRevisionUrl
from histogram_specs.revision import parse_revision_url
from histogram_specs.spec_file import SpecFile
from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from storage.partitions.reader import Filter, read_records
from storage.tables.arrow_rows import arrow_tables, sorted_table
from storage.tables.part_file import parquet_bytes, part_name
from telemetry_server.analysis.catalogue import Catalogue, KnownShape
from telemetry_server.analysis.committed_files import CommittedFile
from telemetry_server.records.collector import RowCollector


class CachedFiles:
    """Definitions of the revision cache alone."""

    def __init__(self, cache: RevisionCache) -> None:
        self._cache = cache

    def spec_file_of(self, revision: str) -> SpecFile | None:
        try:
            return self._cache.load(parse_revision_url(revision))
        except BadRevisionUrl:
            return None


class Tables:
    """The tables of one data root, written from its records."""

    def __init__(self, root: DataRoot) -> None:
        self._root = root
        self._files: list[CommittedFile] = []
        self._shapes: dict[str, KnownShape] = {}
        self.catalogue = Catalogue(lambda: tuple(self._files), lambda: tuple(self._shapes.values()))

    def write(self, *, records_a_part: int = 100) -> None:
        """Write all that is stored, in parts of *records_a_part* records."""
        for number, lines in enumerate(self._parts(records_a_part)):
            collector = RowCollector(CachedFiles(RevisionCache(self._root.specs)))
            for line in lines:
                collector.add(line.partition(b"\t")[2])
            for shape, (kind, starts, labels) in collector.rows.shapes.items():
                self._shapes[shape] = KnownShape(shape, kind, starts, labels)
            for table, rows in arrow_tables(collector.rows).items():
                for day in pc.unique(rows.column("submission_date")).to_pylist():
                    of_day = rows.filter(pc.equal(rows.column("submission_date"), day))
                    self._write(table, f"{day:%Y%m%d}", number, sorted_table(table, of_day))

    def _parts(self, size: int) -> Iterator[list[bytes]]:
        with Ledger.for_reading(self._root) as ledger:
            lines = list(read_records(self._root.path, ledger, Filter()))
        for first in range(0, len(lines), size):
            yield lines[first : first + size]

    def _write(self, table: str, day: str, number: int, rows) -> None:
        path = Path(self._root.path, "tables", table, day, part_name(number))
        path.parent.mkdir(parents=True, exist_ok=True)
        data = parquet_bytes(rows)
        path.write_bytes(data)
        self._files.append(CommittedFile(table, day, path, rows.num_rows, data.size))
