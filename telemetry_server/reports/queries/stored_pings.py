"""Stored pings: from the tables as far as they are there, and from the records behind them."""

from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import Tabled
from storage.partitions.frames import read_lines
from telemetry_server.analysis.committed_files import CommittedFile, Snapshot
from telemetry_server.inspection.ping_summary import of_record
from telemetry_server.reports.queries.ping_summaries import PingFilter, PingSummary, summary_of

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("document_id", "submission_timestamp", "namespace", "doctype", "application", "version", "channel")
OPEN_ATTEMPTS = 5
After = tuple[str, str, str]  # the key behind which a list goes on


def stored_pings(
    root: DataRoot, ledger: Ledger, day: str, wanted: PingFilter, *, after: After | None, limit: int
) -> Iterator[PingSummary]:
    """Yield the newest stored pings of *day* in any order: *limit* or more where there are as many."""
    uses_tables = not wanted.debug_id and find_spec("pyarrow") is not None
    with ledger.snapshot():
        files = ledger.table_files("pings", day) if uses_tables else []
        converted = ledger.tabled(day, behind_only=uses_tables)
    if files:
        yield from _from_tables(root, ledger, day, wanted, after=after, limit=limit)
    for file in converted:
        yield from _from_records(root, ledger, file, wanted, from_start=not uses_tables)


def _from_records(
    root: DataRoot, ledger: Ledger, file: Tabled, wanted: PingFilter, *, from_start: bool
) -> Iterator[PingSummary]:
    start = 0 if from_start else file.tabled
    for record in records_between(root.path / file.path, start, file.length):
        summary = summary_of(of_record(record))
        if wanted.matches(summary):
            yield summary


def records_between(path: Path, start: int, end: int) -> Iterator[dict[str, Any]]:
    """Yield the records of a converted file between two bytes; none where the file was merged meanwhile."""
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        return
    with stream:
        stream.seek(start)
        for line in read_lines(stream, end - start):
            yield orjson.loads(line.partition(b"\t")[2])


def _from_tables(
    root: DataRoot, ledger: Ledger, day: str, wanted: PingFilter, *, after: After | None, limit: int
) -> Iterator[PingSummary]:
    import pyarrow.dataset as ds

    def listed() -> list[CommittedFile]:
        return [
            CommittedFile(file.table, file.day, root.path / file.path, file.rows, file.bytes)
            for file in ledger.table_files("pings", day)
        ]

    condition = ds.scalar(True)
    for column in ("namespace", "doctype", "channel", "version"):
        if value := getattr(wanted, column):
            condition &= ds.field(column) == value
    with Snapshot(listed) as snapshot:
        rows = snapshot.dataset("pings").to_table(columns=list(COLUMNS), filter=condition)
    for row in _newest(rows, wanted, after, limit).to_pylist():
        summary = PingSummary(
            received_at=f"{row['submission_timestamp'].isoformat(timespec='microseconds')}Z",
            document_id=str(row["document_id"]),
            outcome="stored",
            namespace=row["namespace"],
            doctype=row["doctype"],
            application=row["application"],
            version=row["version"],
            channel=row["channel"],
        )
        if wanted.matches(summary):
            yield summary


def _newest(rows: "pa.Table", wanted: PingFilter, after: After | None, limit: int) -> "pa.Table":
    """Return the *limit* newest rows behind *after*, with all rows of its moment and of the last row's."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if wanted.q:
        rows = rows.filter(_has_prefix(rows["document_id"], wanted.q))
    at_cursor = rows.slice(0, 0)
    if after is not None:
        last = pa.scalar(datetime.fromisoformat(after[0]).replace(tzinfo=None), pa.timestamp("us"))
        # Of the rows of the cursor's own moment, some may be behind it.
        at_cursor = rows.filter(pc.equal(rows["submission_timestamp"], last))
        rows = rows.filter(pc.less(rows["submission_timestamp"], last))
    if len(rows) > limit:
        moments = rows["submission_timestamp"]
        newest = pc.select_k_unstable(
            rows.select(["submission_timestamp"]), limit, [("submission_timestamp", "descending")]
        )
        rows = rows.filter(pc.greater_equal(moments, moments[newest[-1].as_py()]))
    return pa.concat_tables([at_cursor, rows])


def _has_prefix(ids: "pa.ChunkedArray", prefix: str) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    digits = prefix.replace("-", "")
    first, last = (UUID(digits.ljust(32, end)).bytes for end in "0f")
    stored = pa.chunked_array([chunk.storage for chunk in ids.chunks], pa.binary(16))
    return pc.and_(
        pc.greater_equal(stored, pa.scalar(first, pa.binary(16))),
        pc.less_equal(stored, pa.scalar(last, pa.binary(16))),
    )
