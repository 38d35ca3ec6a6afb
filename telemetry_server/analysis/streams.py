"""
Tables of a SQL session that are not Parquet files: read anew, batch by batch, by every scan.

Most statements read none of them, so each imports what it needs when it is read.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import orjson

from storage.data_root import DataRoot
from telemetry_server.analysis.catalogue import Catalogue
from telemetry_server.pings.json_text import json_of, stored_object
from telemetry_server.probes.anonymity import ENVIRONMENT, Doctypes, without_environment

if TYPE_CHECKING:
    import pyarrow as pa

    from histogram_specs.cache.revision_cache import RevisionCache

BATCH_BYTES = 4 * 2**20
BATCH_ROWS = 10_000
COUNTS = ("received", "stored", "duplicate", "conflict", "quarantined", "pending", "deleted")

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
        self.failure: Exception | None = None
        """What ended a scan early; DuckDB knows only its text."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import pyarrow as pa

        reader = pa.RecordBatchReader.from_batches(self._schema, self._noted(self._batches()))
        return reader.__arrow_c_stream__(requested_schema)

    def _noted(self, batches: Iterator["pa.RecordBatch"]) -> Iterator["pa.RecordBatch"]:
        try:
            yield from batches
        except Exception as error:
            self.failure = error
            raise

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


def streams_of(
    root: DataRoot,
    open_cache: "Callable[[], RevisionCache]",
    catalogue: Catalogue,
    anonymous: Doctypes = (),
) -> dict[str, RowStream]:
    """
    Return the tables of *root* that are not Parquet files, by name.

    Args:
        open_cache: Opens the revision cache that ``definitions`` lists.
        anonymous: Doctypes of anonymous stores: ``records`` leaves out the environment of their pings.
    """
    import pyarrow as pa

    text, whole = pa.string(), pa.int64()
    return {
        "records": RowStream(
            [("document_id", text), ("submission_date", pa.date32()), ("record", text)],
            lambda: _records(root, anonymous),
        ),
        "quarantine": RowStream(
            [
                ("document_id", text),
                ("received_at", pa.timestamp("us")),
                *((name, text) for name in ("day", "reason", "detail", "histogram")),
            ],
            lambda: _quarantine(root),
        ),
        "days": RowStream([("day", text), *((name, whole) for name in COUNTS)], lambda: _days(root)),
        "definitions": RowStream(
            [
                *((name, text) for name in ("revision", "kind", "name", "definition")),
                ("starts", pa.list_(whole)),
            ],
            lambda: _definitions(open_cache()),
        ),
        "shapes": RowStream(
            [("shape", text), ("kind", text), ("starts", pa.list_(whole)), ("labels", pa.list_(text))],
            lambda: _shapes(catalogue),
        ),
    }


def _day_of(directory: str) -> str:
    return directory.split("/")[1]


def _date_of(day: str) -> date:
    return date(int(day[:4]), int(day[4:6]), int(day[6:]))


def _records(root: DataRoot, anonymous: Doctypes) -> Rows:
    from storage.ledger.ledger import Ledger
    from storage.partitions.reader import Filter, matching_directories, read_directory

    with Ledger.for_reading(root) as ledger:
        for directory in matching_directories(ledger, "converted", Filter()):
            day = _date_of(_day_of(directory))
            for line in read_directory(root.path, ledger, directory):
                document_id, _, record = line.partition(b"\t")
                shown = _shown_record(record, anonymous) if anonymous else record
                yield document_id.decode().lower(), day, shown.decode()


def _shown_record(text: bytes, anonymous: Doctypes) -> bytes:
    """Return the JSON of a record as ``records`` shows it."""
    if ENVIRONMENT.encode() not in text:
        return text
    if not any(orjson.dumps(doctype) in text for _, doctype in anonymous):
        return text
    record = stored_object(text)
    metadata = record["metadata"]
    if (metadata["namespace"], metadata["doctype"]) not in anonymous:
        return text
    return json_of(without_environment(record))


def _quarantine(root: DataRoot) -> Rows:
    from storage.ledger.ledger import Ledger
    from storage.partitions.reader import Filter, matching_directories, read_directory
    from telemetry_server.outcomes.quarantine_line import one_by_one

    def ignore_damage(_: str) -> None:
        """`audit` reports damaged files; a query reads what is whole."""

    with Ledger.for_reading(root) as ledger:
        for directory in matching_directories(ledger, "quarantine", Filter()):
            day = _day_of(directory)
            for line in read_directory(root.path, ledger, directory, on_damage=ignore_damage):
                for fields in one_by_one(orjson.loads(line.partition(b"\t")[2])):
                    document_id = fields["document_id"]
                    yield (
                        None if document_id is None else document_id.lower(),
                        _moment(fields["received_at"]),
                        day,
                        fields["reason"],
                        fields.get("detail"),
                        fields.get("histogram"),
                    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def _days(root: DataRoot) -> Rows:
    from storage.integrity.audit import books_with_waiting
    from storage.ledger.ledger import Ledger

    with Ledger.for_reading(root) as ledger:
        for day, books in books_with_waiting(root, ledger).items():
            yield (day, *(getattr(books, name) for name in COUNTS))


def _definitions(cache: "RevisionCache") -> Rows:
    from histogram_specs.errors import BrokenSpecFile
    from histogram_specs.spec_file import load_definitions
    from telemetry_server.probes.entries import other_entries

    for cached in cache.list():
        try:
            spec_file = cache.load_listed(cached)
        except BrokenSpecFile:  # the cache has logged it, and the other files are still good
            continue
        if spec_file is None:
            continue
        revision = str(cached.revision)
        texts = load_definitions(spec_file.text) if cached.has_histograms else {}
        for spec in spec_file:
            definition = orjson.dumps(texts.get(spec.name)).decode()
            yield revision, "histogram", spec.name, definition, list(spec.bucket_starts)
        for kind, entry in other_entries(spec_file):
            yield revision, kind, entry["name"], orjson.dumps(entry).decode(), entry.get("bucket_starts")


def _shapes(catalogue: Catalogue) -> Rows:
    for shape in catalogue.shapes():
        yield shape.shape, shape.kind, list(shape.starts), list(shape.labels)
