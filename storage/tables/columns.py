"""
The columns of the tables' Parquet files (StorageFormat.md, "Tables").

Names and order are part of the format.  PyArrow is an optional extra, so it is imported inside functions.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from storage.tables.parquet.kinds import Kind

if TYPE_CHECKING:
    import pyarrow as pa

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

# The column by which rows of other tables name their ping, and that of the day on which it came.
PING_KEY, DAY_COLUMN = "ping", "submission_date"

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


REPEATED_COLUMNS = (PING_KEY, DAY_COLUMN, *PING_COLUMNS)
"""The columns that rows of other tables have of their ping."""


def has_statistics(table: str, name: str) -> bool:
    """Return whether a query can skip row groups of *table* by the column *name*."""
    return name == DAY_COLUMN or name in SORT_ORDER[table] or (table, name) == (PINGS, PING_KEY)


def is_split_column(table: str, name: str) -> bool:
    """Return whether the numbers of a column, or those in its lists, are stored by significance."""
    return name in SPLIT_BYTES[table] or f"{name}.list.element" in SPLIT_BYTES[table]


def _texts(*names: str) -> dict[str, Kind]:
    return dict.fromkeys(names, Kind.TEXT)


_PING = _texts(*PING_COLUMNS)
_COLUMNS: dict[str, dict[str, Kind]] = {
    PINGS: {
        "document_id": Kind.ID,
        "submission_timestamp": Kind.MOMENT,
        DAY_COLUMN: Kind.DAY,
        **_texts("namespace", "doctype", "docversion"),
        "client_id": Kind.ID,
        "sample_id": Kind.SHORT,
        **_texts("application", "channel", "version", "build_id"),
        **_texts("os", "os_version", "architecture", "reason", "revision"),
        **_texts("session_id", "subsession_id"),
        "profile_subsession_counter": Kind.WHOLE,
        "experiments": Kind.PAIRS,
        **_texts("source_tags", COUNTRY),
        PING_KEY: Kind.WHOLE,
    },
    HISTOGRAMS: {
        PING_KEY: Kind.WHOLE,
        DAY_COLUMN: Kind.DAY,
        **_texts("metric", "process", "label", "kind"),
        "starts": Kind.WHOLES,
        "counts": Kind.WHOLES,
        **_texts("shape"),
        "sum": Kind.WHOLE,
        **_texts(MARK),
        **_PING,
    },
    SCALARS: {
        PING_KEY: Kind.WHOLE,
        DAY_COLUMN: Kind.DAY,
        **_texts("metric", "process", "label", "kind"),
        "value_number": Kind.NUMBER,
        "value_text": Kind.TEXT,
        "value_boolean": Kind.BOOLEAN,
        **_texts(MARK),
        **_PING,
    },
    EVENTS: {
        PING_KEY: Kind.WHOLE,
        DAY_COLUMN: Kind.DAY,
        "process": Kind.TEXT,
        "timestamp_ms": Kind.WHOLE,
        **_texts("category", "method", "object", "value"),
        "extra": Kind.PAIRS,
        **_texts(MARK),
        **_PING,
    },
    UPTAKE: {
        PING_KEY: Kind.WHOLE,
        DAY_COLUMN: Kind.DAY,
        **_texts("process", "carrier", "component", "source", "kind", "name", "word"),
        "names": Kind.TEXTS,
        **dict.fromkeys(("n", "age_seconds", "duration_ms", "timestamp_ms"), Kind.WHOLE),
        "anomalies": Kind.TEXTS,
        **_PING,
    },
    ENROLLMENTS: {
        PING_KEY: Kind.WHOLE,
        DAY_COLUMN: Kind.DAY,
        **_texts("process", "carrier", "era"),
        "timestamp_ms": Kind.WHOLE,
        "event_time": Kind.MOMENT,
        **_texts("method", "object", "value", "branch", "reason", "experiment_type"),
        "did_reset_value": Kind.BOOLEAN,
        **_texts("addon_id", "addon_version", "enrollment_id"),
        "extra": Kind.PAIRS,
        "anomalies": Kind.TEXTS,
        **_PING,
    },
}


def columns_of(table: str) -> Mapping[str, Kind]:
    """
    Return what each column of *table* holds, in their order.

    Raises:
        KeyError: The table is unknown.
    """
    return _COLUMNS[table]


@cache
def schema_of(table: str) -> "pa.Schema":
    """
    Return the Arrow schema of *table*.

    Raises:
        KeyError: The table is unknown.
        ImportError: PyArrow is not installed.
    """
    import pyarrow as pa

    text, whole = pa.string(), pa.int64()
    types = {
        Kind.TEXT: text,
        Kind.WHOLE: whole,
        Kind.SHORT: pa.int32(),
        Kind.NUMBER: pa.float64(),
        Kind.BOOLEAN: pa.bool_(),
        Kind.DAY: pa.date32(),
        Kind.MOMENT: pa.timestamp("us"),
        Kind.ID: pa.uuid(),
        Kind.WHOLES: pa.list_(whole),
        Kind.TEXTS: pa.list_(text),
        Kind.PAIRS: pa.map_(text, text),
    }
    return pa.schema([(name, types[kind]) for name, kind in columns_of(table).items()])


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
