"""The result of a statement, row by row, in the formats that users choose."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from telemetry_server.analysis.values import json_of_value, text_of
from telemetry_server.terminal.client_text import shown_json
from telemetry_server.terminal.csv_text import neutralised
from telemetry_server.terminal.fitted_table import table_lines

if TYPE_CHECKING:
    import duckdb

NULL = "NULL"
ROWS_AT_ONCE = 1_000
PARQUET_ROWS_AT_ONCE = 16_384

Write = Callable[[bytes], object]
Rows = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result; names of one result differ."""

    name: str
    is_number: bool


def columns_of(description: Sequence[Sequence[Any]]) -> list[Column]:
    """
    Return the columns of a result; a name that comes again gets a number: ``count_1``.

    Args:
        description: Name and type of each column, as DuckDB's ``description`` has them.
    """
    found: list[Column] = []
    taken: set[str] = set()
    for name, kind, *_ in description:
        unique, number = name, 0
        while unique in taken:
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique)
        found.append(Column(unique, _is_number(str(kind))))
    return found


def _is_number(kind: str) -> bool:
    return kind.startswith("DECIMAL") or kind.endswith("INT") or kind in ("INTEGER", "DOUBLE", "FLOAT")


def batches_of(connection: "duckdb.DuckDBPyConnection") -> Iterator[Rows]:
    """Yield the rows of the statement that runs, in its order; the last batch is empty."""
    while rows := connection.fetchmany(ROWS_AT_ONCE):
        yield rows


def write_json(columns: Sequence[Column], batches: Iterator[Rows], write: Write) -> None:
    """Write an array of objects."""
    write(b"[")
    before = b"\n"
    for line in _objects(columns, batches):
        write(before + line)
        before = b",\n"
    write(b"]\n" if before == b"\n" else b"\n]\n")


def write_ndjson(columns: Sequence[Column], batches: Iterator[Rows], write: Write) -> None:
    """Write an object a line."""
    for line in _objects(columns, batches):
        write(line + b"\n")


def _objects(columns: Sequence[Column], batches: Iterator[Rows]) -> Iterator[bytes]:
    names = [column.name for column in columns]
    for rows in batches:
        for row in rows:
            yield shown_json(json_of_value(dict(zip(names, row, strict=True))))


def write_csv(
    columns: Sequence[Column], batches: Iterator[Rows], write: Write, shown: Callable[[str], str]
) -> None:
    """
    Write a line a row under a line of names; NULL is an empty cell.

    What begins like a formula follows ``'``, unless it is a number.

    Args:
        shown: Changes the text of a cell, for output that a terminal reads.
    """
    buffer = io.StringIO()
    lines = csv.writer(buffer, lineterminator="\n")
    lines.writerow([neutralised(shown(column.name)) for column in columns])
    for rows in batches:
        lines.writerows([_csv_cell(cell, shown) for cell in row] for row in rows)
        write(buffer.getvalue().encode("utf-8", "replace"))
        buffer.seek(0)
        buffer.truncate()
    write(buffer.getvalue().encode("utf-8", "replace"))


def _csv_cell(cell: Any, shown: Callable[[str], str]) -> str | None:
    if cell is None:
        return None
    text = shown(text_of(cell))
    return text if isinstance(cell, int | float | Decimal) else neutralised(text)


def write_table(columns: Sequence[Column], batches: Iterator[Rows], write: Write, width: int | None) -> None:
    """Write a table for people; *width* is that of their terminal, None where there is none."""
    cells = ([NULL if cell is None else text_of(cell) for cell in row] for rows in batches for row in rows)
    names, to_right = [column.name for column in columns], [column.is_number for column in columns]
    for line in table_lines(names, to_right, cells, width):
        write(line.encode("utf-8", "replace") + b"\n")


def write_parquet(connection: "duckdb.DuckDBPyConnection", statement: str, file: Any) -> None:
    """Run *statement* and write its result to *file*, opened for writing bytes."""
    import pyarrow.parquet as pq

    relation = connection.sql(statement)
    names = [column.name for column in columns_of(relation.description)]
    reader = _arrow_reader(relation)
    schema = reader.schema
    for position, name in enumerate(names):
        schema = schema.set(position, schema.field(position).with_name(name))
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch.rename_columns(names))


def _arrow_reader(relation: "duckdb.DuckDBPyRelation") -> Any:
    if hasattr(relation, "to_arrow_reader"):
        return relation.to_arrow_reader(PARQUET_ROWS_AT_ONCE)
    return relation.fetch_record_batch(PARQUET_ROWS_AT_ONCE)  # DuckDB 1
