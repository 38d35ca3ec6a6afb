"""Tables of a SQL session that are not Parquet files: read anew, batch by batch, by every scan."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from histogram_specs.cache.revision_cache import RevisionCache
from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from storage.partitions.reader import Filter, matching_directories, read_directory
from telemetry_server.inspection import listing

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_BYTES = 4 * 2**20
BATCH_ROWS = 10_000

Rows = Iterator[tuple[Any, ...]]


class RowStream:
    """
    Rows as an Arrow stream, for DuckDB's ``register``.

    Args:
        columns: Name and Arrow type of each column.
        read: Opens the rows; called once for each scan.
    """

    def __init__(self, columns: list[tuple[str, Any]], read: Callable[[], Rows]) -> None:
        import pyarrow as pa

        self._schema = pa.schema(columns)
        self._read = read

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import pyarrow as pa

        reader = pa.RecordBatchReader.from_batches(self._schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator["pa.RecordBatch"]:
        rows: list[tuple[Any, ...]] = []
        size = 0
        for row in self._read():
            rows.append(row)
            size += sum(len(value) for value in row if isinstance(value, str))
            if len(rows) == BATCH_ROWS or size > BATCH_BYTES:
                yield self._batch(rows)
                rows, size = [], 0
        if rows:
            yield self._batch(rows)

    def _batch(self, rows: list[tuple[Any, ...]]) -> "pa.RecordBatch":
        import pyarrow as pa

        columns = zip(*rows, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        return pa.record_batch(arrays, schema=self._schema)


def streams_of(root: DataRoot, cache: RevisionCache) -> dict[str, RowStream]:
    """Return ``records``, ``quarantine``, ``days`` and ``definitions`` of a data root, by name."""
    import pyarrow as pa

    text, whole = pa.string(), pa.int64()
    counts = ("received", "stored", "duplicate", "conflict", "quarantined", "pending", "deleted")
    return {
        "records": RowStream(
            [("document_id", text), ("submission_date", pa.date32()), ("record", text)],
            lambda: _records(root),
        ),
        "quarantine": RowStream(
            [
                ("document_id", text),
                ("received_at", pa.timestamp("us")),
                *((name, text) for name in ("day", "reason", "detail", "histogram")),
            ],
            lambda: _quarantine(root),
        ),
        "days": RowStream([("day", text), *((name, whole) for name in counts)], lambda: _days(root, counts)),
        "definitions": RowStream(
            [
                *((name, text) for name in ("revision", "kind", "name", "definition")),
                ("starts", pa.list_(whole)),
            ],
            lambda: _definitions(cache),
        ),
    }


def _records(root: DataRoot) -> Rows:
    with Ledger.for_reading(root) as ledger:
        for directory in matching_directories(ledger, "converted", Filter()):
            day = datetime.strptime(directory.split("/")[1], "%Y%m%d").replace(tzinfo=UTC).date()
            for line in read_directory(root.path, ledger, directory):
                document_id, _, record = line.partition(b"\t")
                yield document_id.decode().lower(), day, record.decode()


def _quarantine(root: DataRoot) -> Rows:
    def ignore_damage(_: str) -> None:
        """`audit` reports damaged files; a query reads what is whole."""

    with Ledger.for_reading(root) as ledger:
        for line in listing.quarantine(root, ledger, Filter(), ignore_damage):
            fields = orjson.loads(line.partition(b"\t")[2])
            received_at = datetime.fromisoformat(fields["received_at"].replace("Z", "+00:00"))
            yield (
                fields["document_id"],
                received_at.astimezone(UTC).replace(tzinfo=None),
                f"{received_at:%Y%m%d}",
                fields["reason"],
                fields.get("detail"),
                fields.get("histogram"),
            )


def _days(root: DataRoot, counts: tuple[str, ...]) -> Rows:
    with Ledger.for_reading(root) as ledger:
        for day, books in sorted(ledger.books().items()):
            yield (day, *(getattr(books, name) for name in counts))


def _definitions(cache: RevisionCache) -> Rows:
    for cached in cache.list():
        spec_file = cache.load(cached.revision)
        if spec_file is None:
            continue
        texts = orjson.loads(spec_file.text)
        for spec in spec_file:
            definition = orjson.dumps(texts.get(spec.name)).decode()
            yield str(cached.revision), "histogram", spec.name, definition, list(spec.bucket_starts)
