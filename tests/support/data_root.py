"""A data root for tests: receives submissions, converts them in this process, and reads the results."""

import gzip
from collections.abc import Iterable
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from histogram_specs.cache.fetcher import SpecFetcher
from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.revision import Revision
from histogram_specs.sources.source import source_of
from storage.archive.object_reading import open_stored
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.integrity.audit import Audit, audit
from storage.ledger.ledger import Ledger
from storage.partitions.reader import Filter, read_records
from storage.partitions.schema import PartitionSchema
from storage.raw.segment_file import SegmentSeries
from storage.raw.submission import Submission
from storage.raw.writer import utc_now
from telemetry_server.coordinator.conversion_setup import ConversionSetup
from telemetry_server.coordinator.converter import Converter
from telemetry_server.coordinator.process_pool import ConversionPool
from telemetry_server.coordinator.process_starter import ProcessStarter
from telemetry_server.coordinator.replay import Replayed, Replayer
from telemetry_server.coordinator.run_summary import Labels, RunSummary
from telemetry_server.outcomes.quarantine_line import one_by_one
from telemetry_server.tables.check import check_day, days_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = "20261122"
SPEC = {
    "PLAIN_FLAG": {"kind": "flag", "description": "yes or no", "expires_in_version": "never"},
    "LOAD_MS": {
        "kind": "exponential",
        "high": 3000,
        "n_buckets": 10,
        "description": "a time",
        "expires_in_version": "never",
    },
}
REVISION = Revision("mozilla-central", "0123456789ab")


def an_id(number: int) -> str:
    """Return id *number*."""
    return str(UUID(int=number, version=4))


def a_ping(number: int, *, revision: Revision | None = REVISION, **more: Any) -> dict[str, Any]:
    """Return a classic ping with two valid histograms and one with an unknown name."""
    info = {
        "reason": "saved-session",
        "appName": "Firefox",
        "appUpdateChannel": "nightly",
        "appVersion": "30.0a1",
        "appBuildID": "20140301030202",
    }
    if revision is not None:
        info["revision"] = f"https://hg.mozilla.org/{revision.repository}/rev/{revision.changeset}"
    flag = {"range": [1, 2], "bucket_count": 3, "histogram_type": 3, "values": {"0": 1, "1": 0}, "sum": 0}
    load = {
        "range": [1, 3000],
        "bucket_count": 10,
        "histogram_type": 0,
        "values": {"0": 0, "3": number % 7 + 1, "8": 0},
        "sum": 5,
    }
    histograms = {"PLAIN_FLAG": flag, "LOAD_MS": load, "NOT_THERE": flag}
    return {"ver": 1, "info": info, "histograms": histograms, "n": number, **more}


def submitted(ping: Any, number: int, *, path: str | None = None, at: datetime = NOON) -> Submission:
    """Return the submission of *ping* as from a client."""
    body = ping if isinstance(ping, bytes) else gzip.compress(orjson.dumps(ping), 1, mtime=0)
    return Submission(received_at=at, path=path or f"/submit/telemetry/{an_id(number)}", body=body)


class World:
    """One data root, and operations on it."""

    def __init__(self, path: Path, *, server: str | None = None, **setup: Any) -> None:
        self.root = DataRoot(path)
        self.root.prepare(Disk())
        self.server = server
        self.clock = utc_now  # settings of the converter
        self.setup = ConversionSetup(
            root=self.root,
            specs=self.root.specs,
            schema=PartitionSchema.default(),
            revision_offline=server is None,
            **setup,
        )
        self.tally = RunSummary()

    def put_specs(self, revision: Revision = REVISION, spec: dict[str, Any] = SPEC) -> None:
        """Put definitions into the cache, like an operator by hand."""
        path = RevisionCache(self.root.specs).path_of(revision)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps(spec))

    def receive(self, submissions: Iterable[Submission]) -> None:
        """Write *submissions* to raw/, and seal the segment."""
        with SegmentSeries(self.root.raw, worker=0) as series:
            for submission in submissions:
                series.append([submission], day=submission.received_at.date())

    async def opened(
        self, stack: AsyncExitStack, *, processes: int = 1, disk: Disk | None = None
    ) -> Converter:
        """Return a converter that is closed with *stack*."""
        starter = stack.enter_context(closing(ProcessStarter()))
        pool = await stack.enter_async_context(ConversionPool(self.setup, processes, starter))
        fetcher = None
        if self.server is not None:
            source = source_of(self.server)
            fetcher = await stack.enter_async_context(SpecFetcher(RevisionCache(self.root.specs), source))
        labels = Labels({"telemetry"}, set())
        return await stack.enter_async_context(
            Converter(self.setup, pool, fetcher, labels=labels, disk=disk, clock=self.clock)
        )

    async def convert(self, *, processes: int = 1, disk: Disk | None = None) -> RunSummary:
        """Convert everything that can be converted."""
        async with AsyncExitStack() as stack:
            converter = await self.opened(stack, processes=processes, disk=disk)
            await converter.convert_all()
            return converter.summary

    async def replay(self, reason: str | None = None, *, dry_run: bool = False) -> Replayed:
        """Run a replay."""
        async with AsyncExitStack() as stack:
            converter = await self.opened(stack)
            return await Replayer(converter).replay(reason=reason, day=None, dry_run=dry_run)

    def lines(self, store: str = "converted", **where: str) -> list[tuple[str, dict[str, Any]]]:
        """Return committed ids and objects; one for each refused histogram."""
        with Ledger.for_reading(self.root) as ledger:
            found = read_records(self.root.path, ledger, Filter(None, tuple(where.items())), store)
            return [
                (document_id.decode(), fields)
                for document_id, _, text in (line.partition(b"\t") for line in found)
                for fields in self._objects(store, orjson.loads(text))
            ]

    @staticmethod
    def _objects(store: str, fields: dict[str, Any]) -> list[dict[str, Any]]:
        return list(one_by_one(fields)) if store == "quarantine" else [fields]

    def table_rows(self, table: str) -> list[dict[str, Any]]:
        """Return the committed rows of a table, archived ones too; each has the ids of its ping."""
        import pyarrow.parquet as pq

        def rows_of(path: str) -> list[dict[str, Any]]:
            with open_stored(self.root.path, path, ledger.archived_object) as file:
                return pq.read_table(file).to_pylist()  # type: ignore[no-any-return]

        with Ledger.for_reading(self.root) as ledger, ledger.snapshot():
            rows = {
                name: [row for file in ledger.table_files(name) for row in rows_of(file.path)]
                for name in ("pings", table)
            }
        pings = {ping["ping"]: ping for ping in rows["pings"]}
        assert len(pings) == len(rows["pings"])
        ids = ("document_id", "client_id")
        return [row | {name: pings[row["ping"]][name] for name in ids} for row in rows[table]]

    def check_tables(self) -> list[str]:
        """Return the differences between tables and records."""
        with Ledger.for_reading(self.root) as ledger:
            return [
                finding
                for day in days_of(ledger)
                for finding in check_day(self.root, ledger, self.setup.definition_finder, day).findings
            ]

    def untabled(self) -> int:
        """Return how many bytes of records are not in the tables yet."""
        with Ledger.for_reading(self.root) as ledger:
            return sum(file.length - file.tabled for file in ledger.tabled())

    def audit(self) -> Audit:
        """Return the result of an audit."""
        with Ledger.for_reading(self.root) as ledger:
            return audit(self.root, ledger)
