"""The names that a SQL session offers: views over the committed files, and macros."""

from collections.abc import Iterator

from storage.tables.columns import EVENTS, HISTOGRAMS, PINGS, SCALARS
from telemetry_server.probes.anonymity import GROUPED_FIELDS, MIN_GROUP_PINGS, Doctypes

FILES_OF = {
    PINGS: "ping_files",
    HISTOGRAMS: "histogram_files",
    SCALARS: "scalar_files",
    EVENTS: "event_files",
}
"""Table to the name under which its Arrow dataset is registered."""

# Ids are 16 bytes in the files, and text for users.
_IDS = "document_id::VARCHAR AS document_id, client_id::VARCHAR AS client_id"
_TABLE_VIEW = "CREATE VIEW {table} AS SELECT * REPLACE ({ids}) FROM {files}"

# Of pings of anonymous stores, the system is shown where as many pings as a group needs have all of these
# columns alike: then no statement makes a smaller group of them.
_ALIKE = (
    *("namespace", "doctype", "submission_date", "application", "channel", "version", "build_id"),
    *("architecture", *GROUPED_FIELDS),
)
_PINGS_VIEW = """
CREATE VIEW {table} AS
SELECT * REPLACE ({ids}) FROM {files} WHERE NOT {is_anonymous}
UNION ALL
SELECT * EXCLUDE (pings_alike) REPLACE ({ids}, {shown}, MAP {{}}::MAP(VARCHAR, VARCHAR) AS experiments)
FROM (
  SELECT *, count(*) OVER (PARTITION BY {alike}) AS pings_alike FROM {files} WHERE {is_anonymous})
"""
_VALUES_VIEW = """
CREATE VIEW {table} AS
SELECT * REPLACE ({ids}, CASE WHEN NOT {is_anonymous} THEN os END AS os) FROM {files}
"""

_BUCKETS_VIEW = """
CREATE VIEW histogram_buckets AS
SELECT * EXCLUDE (starts, counts, sum), unnest(starts) AS start, unnest(counts) AS count FROM histograms
"""

# The first bucket that is not empty at which 100 * cumulated >= q * all.  Counts are compared as integers:
# as floats, 99.9 / 100 picks a neighbour of the right bucket.  Shares are sums of fractions, which floats
# hold only nearly: what differs by less than the last digits counts as equal.
_PERCENTILE_MACRO = """
CREATE MACRO percentile(starts, counts, q) AS list_extract(starts, list_position(
  list_transform(range(1, len(counts) + 1), lambda i: counts[i] > 0 AND CASE
    WHEN typeof(counts) IN ('DOUBLE[]', 'FLOAT[]')
    THEN 100 * list_sum(list_slice(counts, 1, i)) >= q * list_sum(counts) * (1 - 1e-12)
    ELSE 100000000 * list_sum(list_slice(counts, 1, i))::HUGEINT
         >= (q::DECIMAL(9, 6) * 1000000)::BIGINT * list_sum(counts)::HUGEINT
    END), true))
"""

# `shape` is the column of the rows that are merged: equal starts of several shapes mean different buckets.
_MERGE_MACRO = """
CREATE MACRO merge(starts, counts) AS CASE
  WHEN count(DISTINCT shape) > 1
  THEN error('rows of several shapes cannot be merged: add shape to GROUP BY, or filter by shape')
  ELSE (
    SELECT struct_pack(
      starts := coalesce(list(start ORDER BY start), []), counts := coalesce(list(total ORDER BY start), []))
    FROM (
      SELECT start, sum(count) AS total
      FROM (SELECT unnest(flatten(list(starts))) AS start, unnest(flatten(list(counts))) AS count)
      GROUP BY start))
END
"""

# Counts of one client as parts of 1: merged over clients, every client weighs the same.
_SHARES_MACRO = """
CREATE MACRO shares(counts) AS list_transform(counts, lambda c: c / list_sum(counts)::DOUBLE)
"""


def definitions(anonymous: Doctypes = ()) -> Iterator[str]:
    """
    Yield the statements that make all views and macros, in their order.

    Args:
        anonymous: Doctypes of anonymous stores; the views limit what statements can group their pings by.
    """
    for table, files in FILES_OF.items():
        view = _TABLE_VIEW
        if anonymous:
            view = _PINGS_VIEW if table == PINGS else _VALUES_VIEW
        yield view.format(
            table=table,
            files=files,
            ids=_IDS,
            is_anonymous=f"(namespace, doctype) IN ({', '.join(map(_pair, sorted(anonymous)))})",
            alike=", ".join(_ALIKE),
            shown=", ".join(
                f"CASE WHEN pings_alike >= {MIN_GROUP_PINGS} THEN {name} END AS {name}"
                for name in GROUPED_FIELDS
            ),
        )
    yield _BUCKETS_VIEW
    yield _PERCENTILE_MACRO
    yield _MERGE_MACRO
    yield _SHARES_MACRO


def _pair(texts: tuple[str, str]) -> str:
    quoted = ("'" + text.replace("'", "''") + "'" for text in texts)
    return f"({', '.join(quoted)})"
