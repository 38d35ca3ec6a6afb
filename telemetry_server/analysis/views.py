"""The names that a SQL session offers: views over the committed files, and macros."""

from collections.abc import Iterator

from storage.tables.columns import EVENTS, HISTOGRAMS, PING_COLUMNS, PINGS, SCALARS, schema_of

FILES_OF = {
    PINGS: "ping_files",
    HISTOGRAMS: "histogram_files",
    SCALARS: "scalar_files",
    EVENTS: "event_files",
}
"""Table to the name under which its Arrow dataset is registered."""

# Ids are 16 bytes in the files, and text for users.
_PINGS_VIEW = """
CREATE VIEW pings AS
SELECT * EXCLUDE (ping) REPLACE (document_id::VARCHAR AS document_id, client_id::VARCHAR AS client_id)
FROM ping_files
"""

# Rows name their ping by number.  GROUP BY shows the planner that a row finds one ping at most, so that a
# statement that aggregates and uses no ids reads no pings.
_TABLE_VIEW = """
CREATE VIEW {table} AS
SELECT ids.document_id::VARCHAR AS document_id, {own}, ids.client_id::VARCHAR AS client_id, {repeated}
FROM {files} AS rows LEFT JOIN (
  SELECT submission_date, ping, any_value(document_id) AS document_id, any_value(client_id) AS client_id
  FROM ping_files GROUP BY submission_date, ping
) AS ids USING (submission_date, ping)
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


def definitions() -> Iterator[str]:
    """Yield the statements that make all views and macros, in their order."""
    yield _PINGS_VIEW
    for table in (HISTOGRAMS, SCALARS, EVENTS):
        own = [f"rows.{name}" for name in schema_of(table).names if name not in ("ping", *PING_COLUMNS)]
        repeated = [f"rows.{name}" for name in PING_COLUMNS]
        yield _TABLE_VIEW.format(
            table=table, files=FILES_OF[table], own=", ".join(own), repeated=", ".join(repeated)
        )
    yield _BUCKETS_VIEW
    yield _PERCENTILE_MACRO
    yield _MERGE_MACRO
    yield _SHARES_MACRO
