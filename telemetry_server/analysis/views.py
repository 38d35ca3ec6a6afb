"""The names that a SQL session offers: views over the committed files, and macros."""

from collections.abc import Iterator

from storage.tables.columns import (
    ENROLLMENTS,
    EVENTS,
    HISTOGRAMS,
    PING_COLUMNS,
    PINGS,
    SCALARS,
    UPTAKE,
    schema_of,
)
from telemetry_server.probes.anonymity import GROUPED_FIELDS, MIN_GROUP_PINGS, Doctypes

FILES_OF = {
    PINGS: "ping_files",
    HISTOGRAMS: "histogram_files",
    SCALARS: "scalar_files",
    EVENTS: "event_files",
    UPTAKE: "uptake_files",
    ENROLLMENTS: "enrollment_files",
}
"""Table to the name under which its Arrow dataset is registered."""

# Ids are 16 bytes in the files, and text for users.
_IDS = "document_id::VARCHAR AS document_id, client_id::VARCHAR AS client_id"
_PINGS_VIEW = "CREATE VIEW pings AS SELECT * EXCLUDE (ping) REPLACE ({ids}) FROM ping_files"

# Of pings of anonymous stores, the system is shown where as many pings as a group needs have all of these
# columns alike: then no statement makes a smaller group of them.
_ALIKE = (
    *("namespace", "doctype", "submission_date", "application", "channel", "version", "build_id"),
    *("architecture", *GROUPED_FIELDS),
)
_LIMITED_PINGS_VIEW = """
CREATE VIEW pings AS
SELECT * EXCLUDE (ping) REPLACE ({ids}) FROM ping_files WHERE NOT {is_anonymous}
UNION ALL
SELECT * EXCLUDE (ping, pings_alike)
  REPLACE ({ids}, {shown}, NULL::VARCHAR AS country, MAP {{}}::MAP(VARCHAR, VARCHAR) AS experiments)
FROM (
  SELECT *, count(*) OVER (PARTITION BY {alike}) AS pings_alike FROM ping_files WHERE {is_anonymous})
"""

# Rows name their ping by number.  GROUP BY shows the planner that a row finds one ping at most, so that a
# statement that aggregates and uses no ids reads no pings.
_TABLE_VIEW = """
CREATE VIEW {table} AS
SELECT ids.document_id::VARCHAR AS document_id, {arrival}{own},
  ids.client_id::VARCHAR AS client_id, {repeated}
FROM {files} AS rows LEFT JOIN (
  SELECT submission_date, ping, any_value(document_id) AS document_id, any_value(client_id) AS client_id,
    any_value(submission_timestamp) AS submission_timestamp
  FROM ping_files GROUP BY submission_date, ping
) AS ids USING (submission_date, ping)
"""

_ARRIVAL = "ids.submission_timestamp AS submission_timestamp, "

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
    is_anonymous = f"(namespace, doctype) IN ({', '.join(map(_pair, sorted(anonymous)))})"
    pings_view = _LIMITED_PINGS_VIEW if anonymous else _PINGS_VIEW
    shown = (
        f"CASE WHEN pings_alike >= {MIN_GROUP_PINGS} THEN {name} END AS {name}" for name in GROUPED_FIELDS
    )
    yield pings_view.format(
        ids=_IDS, is_anonymous=is_anonymous, alike=", ".join(_ALIKE), shown=", ".join(shown)
    )
    for table in (HISTOGRAMS, SCALARS, EVENTS, UPTAKE, ENROLLMENTS):
        own = [f"rows.{name}" for name in schema_of(table).names if name not in ("ping", *PING_COLUMNS)]
        repeated = [f"rows.{name}" for name in PING_COLUMNS]
        if anonymous:
            repeated[PING_COLUMNS.index("os")] = f"CASE WHEN NOT {is_anonymous} THEN rows.os END AS os"
        yield _TABLE_VIEW.format(
            table=table,
            files=FILES_OF[table],
            arrival=_ARRIVAL if table in (UPTAKE, ENROLLMENTS) else "",
            own=", ".join(own),
            repeated=", ".join(repeated),
        )
    yield _BUCKETS_VIEW
    yield _PERCENTILE_MACRO
    yield _MERGE_MACRO
    yield _SHARES_MACRO


def _pair(texts: tuple[str, str]) -> str:
    quoted = ("'" + text.replace("'", "''") + "'" for text in texts)
    return f"({', '.join(quoted)})"
