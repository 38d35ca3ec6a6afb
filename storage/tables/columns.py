"""
The columns of the tables' Parquet files (StorageFormat.md, "Tables").

Names and order are part of the format.  PyArrow is an optional extra, so it is imported inside functions.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    Columns = list[tuple[str, pa.DataType]]

PINGS, HISTOGRAMS, SCALARS, EVENTS = "pings", "histograms", "scalars", "events"
UPTAKE, ENROLLMENTS = "uptake", "enrollments"
TABLES = (PINGS, HISTOGRAMS, SCALARS, EVENTS, UPTAKE, ENROLLMENTS)

# Rows of a file are sorted by these, so that a query for one metric reads few row groups.
SORT_ORDER = {
    PINGS: ("submission_timestamp",),
    HISTOGRAMS: ("metric", "process", "build_id"),
    SCALARS: ("metric", "process", "build_id"),
    EVENTS: ("category", "method", "object"),
    UPTAKE: ("carrier", "kind", "name"),
    ENROLLMENTS: ("carrier", "object", "value"),
}
ROW_GROUP_ROWS = 16_384
# Numbers that seldom repeat: their bytes are stored by significance, which zstd makes smaller and is quicker
# than a dictionary.  All other columns have dictionaries.
SPLIT_BYTES = {
    PINGS: ("ping",),
    HISTOGRAMS: ("ping", "counts.list.element", "sum"),
    SCALARS: ("ping",),
    EVENTS: ("ping",),
    UPTAKE: ("ping",),
    ENROLLMENTS: ("ping",),
}

# The column by which rows of other tables name their ping.
PING_KEY = "ping"

# The column of values that break their definition, and of the country that a ping came from.
MARK, COUNTRY = "mark", "country"
# Files of older servers lack these.
LATER_COLUMNS = (MARK, COUNTRY)

# Rows of other tables repeat these columns of their ping: dictionaries keep them small, queries need no join.
# Ids would be most of a file's bytes, so these rows have the number of their ping in place of them.
PING_COLUMNS = (
    "namespace",
    "doctype",
    "application",
    "channel",
    "version",
    "build_id",
    "os",
)


def has_statistics(table: str, name: str) -> bool:
    """Return whether a query can skip row groups of *table* by the column *name*."""
    return name == "submission_date" or name in SORT_ORDER[table] or (table, name) == (PINGS, PING_KEY)


def is_split_column(table: str, name: str) -> bool:
    """Return whether the numbers of a column, or those in its lists, are stored by significance."""
    return name in SPLIT_BYTES[table] or f"{name}.list.element" in SPLIT_BYTES[table]


@cache
def schema_of(table: str) -> "pa.Schema":
    """
    Return the Arrow schema of *table*.

    Raises:
        KeyError: The table is unknown.
        ImportError: PyArrow is not installed.
    """
    import pyarrow as pa

    text, whole, day, id_ = pa.string(), pa.int64(), pa.date32(), pa.uuid()
    pairs = pa.map_(text, text)
    ping = [(name, text) for name in PING_COLUMNS]
    columns = {
        PINGS: [
            ("document_id", id_),
            ("submission_timestamp", pa.timestamp("us")),
            ("submission_date", day),
            *((name, text) for name in ("namespace", "doctype", "docversion")),
            ("client_id", id_),
            ("sample_id", pa.int32()),
            *((name, text) for name in ("application", "channel", "version", "build_id")),
            *((name, text) for name in ("os", "os_version", "architecture", "reason", "revision")),
            *((name, text) for name in ("session_id", "subsession_id")),
            ("profile_subsession_counter", whole),
            ("experiments", pairs),
            ("source_tags", text),
            (COUNTRY, text),
            ("ping", whole),
        ],
        HISTOGRAMS: [
            ("ping", whole),
            ("submission_date", day),
            *((name, text) for name in ("metric", "process", "label", "kind")),
            ("starts", pa.list_(whole)),
            ("counts", pa.list_(whole)),
            ("shape", text),
            ("sum", whole),
            (MARK, text),
            *ping,
        ],
        SCALARS: [
            ("ping", whole),
            ("submission_date", day),
            *((name, text) for name in ("metric", "process", "label", "kind")),
            ("value_number", pa.float64()),
            ("value_text", text),
            ("value_boolean", pa.bool_()),
            (MARK, text),
            *ping,
        ],
    }
    return pa.schema((columns | _event_columns(ping))[table])


def _event_columns(ping: "Columns") -> "dict[str, Columns]":
    """Return the columns of the tables whose rows are events, which end with *ping*."""
    import pyarrow as pa

    text, whole, day = pa.string(), pa.int64(), pa.date32()
    pairs, texts = pa.map_(text, text), pa.list_(text)
    return {
        EVENTS: [
            ("ping", whole),
            ("submission_date", day),
            ("process", text),
            ("timestamp_ms", whole),
            *((name, text) for name in ("category", "method", "object", "value")),
            ("extra", pairs),
            (MARK, text),
            *ping,
        ],
        UPTAKE: [
            ("ping", whole),
            ("submission_date", day),
            *((name, text) for name in ("process", "carrier", "component", "source", "kind", "name", "word")),
            ("names", texts),
            *((name, whole) for name in ("n", "age_seconds", "duration_ms", "timestamp_ms")),
            ("anomalies", texts),
            *ping,
        ],
        ENROLLMENTS: [
            ("ping", whole),
            ("submission_date", day),
            *((name, text) for name in ("process", "carrier", "era")),
            ("timestamp_ms", whole),
            ("event_time", pa.timestamp("us")),
            *((name, text) for name in ("method", "object", "value", "branch", "reason", "experiment_type")),
            ("did_reset_value", pa.bool_()),
            *((name, text) for name in ("addon_id", "addon_version", "enrollment_id")),
            ("extra", pairs),
            ("anomalies", texts),
            *ping,
        ],
    }


@cache
def written_schema_of(table: str) -> "pa.Schema":
    """Return the schema of *table* for writing and reading rows: texts are dictionary-encoded."""
    import pyarrow as pa

    words = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [field.with_type(words) if field.type == pa.string() else field for field in schema_of(table)]
    )


def as_written(table: str, rows: "pa.Table") -> "pa.Table":
    """Return *rows* of a file in the columns of `written_schema_of`; a column that the file lacks is null."""
    import pyarrow as pa

    schema = written_schema_of(table)
    for name in LATER_COLUMNS:
        if name in schema.names and name not in rows.column_names:
            nulls = pa.nulls(rows.num_rows, schema.field(name).type)
            rows = rows.add_column(schema.get_field_index(name), name, nulls)
    return rows.cast(schema)


def text_columns_of(table: str) -> list[str]:
    """Return the names of the columns of *table* that hold texts."""
    import pyarrow as pa

    return [field.name for field in schema_of(table) if field.type == pa.string()]


def leaf_paths_of(table: str) -> list[str]:
    """Return the paths of the columns of *table* in its files, where lists and maps have parts."""
    import pyarrow as pa

    paths = []
    for field in schema_of(table):
        if pa.types.is_map(field.type):
            paths += [f"{field.name}.key_value.key", f"{field.name}.key_value.value"]
        else:
            paths.append(f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name)
    return paths
