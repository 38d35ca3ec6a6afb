"""Stored pings: from the tables as far as they are there, and from the records behind them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from storage.archive.object_reading import stored_source
from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import Tabled, TableFile
from telemetry_server.analysis.catalogue import committed_table_files
from telemetry_server.analysis.committed_files import CommittedFile, Snapshot
from telemetry_server.inspection.ping_summary import stored_fields
from telemetry_server.records.fields import Record
from telemetry_server.reports.queries.ping_summaries import PingFilter, PingSummary, summary_of
from telemetry_server.reports.queries.records_behind import record_of, texts_between

if TYPE_CHECKING:
    import pyarrow as pa

    from telemetry_server.reports.queries.source import Source

COLUMNS = ("document_id", "submission_timestamp", "namespace", "doctype", "application", "version", "channel")
# Of the first page of a list, and one more; of how many files that is remembered.
MAX_NEWEST, MAX_PARTS_REMEMBERED = 101, 256
After = tuple[str, str, str]  # the key behind which a list goes on


def stored_pings(
    source: "Source", ledger: Ledger, day: str, wanted: PingFilter, *, after: After | None, limit: int
) -> Iterator[PingSummary]:
    """Yield the newest stored pings of *day* in any order: *limit* or more where there are as many."""
    root = source.root
    uses_tables = not wanted.debug_id and find_spec("pyarrow") is not None
    with ledger.snapshot():
        files = ledger.table_files("pings", day) if uses_tables else []
        converted = ledger.tabled(day, behind_only=uses_tables)
    known = _newest_of_files(source, files, limit) if wanted.takes_all_stored and after is None else None
    if known is not None:
        yield from known
    elif files:
        yield from _from_tables(root, ledger, day, wanted, after=after, limit=limit)
    if wanted.takes_all_stored:
        last = "" if after is None else after[0]
        records = source.behind.newest(converted, last, limit, from_start=not uses_tables)
    else:
        records = _all_records(source, converted, from_start=not uses_tables)
    for record in records:
        summary = summary_of(stored_fields(record))
        if wanted.matches(summary):
            yield summary


def _newest_of_files(source: "Source", files: Sequence[TableFile], limit: int) -> list[PingSummary] | None:
    """
    Return the newest pings of each of *files*, which never change, so that each is read once.

    None where a list needs more of them than are remembered, or a file was merged meanwhile.
    """
    if limit > MAX_NEWEST:
        return None
    found: list[PingSummary] = []
    for file in files:
        known = source.newest_of_parts.get(file.path)
        if known is None:
            try:
                known = _newest_of_file(source.root.path / file.path)
            except FileNotFoundError:
                return None
            source.newest_of_parts[file.path] = known
        source.newest_of_parts.move_to_end(file.path)
        found += known
    while len(source.newest_of_parts) > MAX_PARTS_REMEMBERED:
        source.newest_of_parts.popitem(last=False)
    return found


def _newest_of_file(path: Path) -> list[PingSummary]:
    import pyarrow.parquet as pq

    rows = pq.read_table(path, columns=list(COLUMNS))
    return [_summary(row) for row in _newest(rows, PingFilter(), None, MAX_NEWEST).to_pylist()]


def _all_records(source: "Source", files: Sequence[Tabled], *, from_start: bool) -> Iterator[Record]:
    for file in files:
        place = stored_source(source.root.path, file.path, source.archived)
        for text in texts_between(place, 0 if from_start else file.tabled, file.length):
            yield from map(record_of, text[:-1].split(b"\n"))


def _from_tables(
    root: DataRoot, ledger: Ledger, day: str, wanted: PingFilter, *, after: After | None, limit: int
) -> Iterator[PingSummary]:
    import pyarrow.dataset as ds

    def listed() -> list[CommittedFile]:
        return committed_table_files(root, ledger, "pings", day)

    condition = ds.scalar(True)
    for column in ("namespace", "doctype", "channel", "version"):
        if value := getattr(wanted, column):
            condition &= ds.field(column) == value
    with Snapshot(listed) as snapshot:
        rows = snapshot.dataset("pings").to_table(columns=list(COLUMNS), filter=condition)
    for row in _newest(rows, wanted, after, limit).to_pylist():
        summary = _summary(row)
        if wanted.matches(summary):
            yield summary


def _summary(row: dict[str, Any]) -> PingSummary:
    return PingSummary(
        received_at=f"{row['submission_timestamp'].isoformat(timespec='microseconds')}Z",
        document_id=str(row["document_id"]),
        outcome="stored",
        namespace=row["namespace"],
        doctype=row["doctype"],
        application=row["application"],
        version=row["version"],
        channel=row["channel"],
    )


def _newest(rows: "pa.Table", wanted: PingFilter, after: After | None, limit: int) -> "pa.Table":
    """Return the *limit* newest rows behind *after*; of one moment, those with the highest ids."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = rows.append_column("id", _as_bytes(rows["document_id"]))
    if wanted.q:
        rows = rows.filter(_has_prefix(rows["id"], wanted.q))
    if after is not None:
        last = pa.scalar(datetime.fromisoformat(after[0]).replace(tzinfo=None), pa.timestamp("us"))
        moments = rows["submission_timestamp"]
        is_behind = pc.less(moments, last)
        if (last_id := _id_of(after[1])) is not None:
            # The row with the cursor's own id may have another outcome, so the caller decides.
            has_id = pc.less_equal(rows["id"], pa.scalar(last_id, pa.binary()))
            is_behind = pc.or_(is_behind, pc.and_(pc.equal(moments, last), has_id))
        rows = rows.filter(is_behind)
    if len(rows) > limit:
        order = [("submission_timestamp", "descending"), ("id", "descending")]
        rows = rows.take(pc.select_k_unstable(rows, limit + 1, order))
    return rows


def _id_of(text: str) -> bytes | None:
    try:
        return UUID(text).bytes
    except ValueError:
        return None


def _as_bytes(ids: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Return UUIDs as bytes, in the order of their text."""
    import pyarrow as pa

    return pa.chunked_array([chunk.storage.cast(pa.binary()) for chunk in ids.chunks], pa.binary())


def _has_prefix(ids: "pa.ChunkedArray", prefix: str) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    digits = prefix.replace("-", "")
    first, last = (pa.scalar(UUID(digits.ljust(32, end)).bytes, pa.binary()) for end in "0f")
    return pc.and_(pc.greater_equal(ids, first), pc.less_equal(ids, last))
