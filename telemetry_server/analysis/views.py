"""The names that a SQL session offers: views over the committed files, and macros."""

from collections.abc import Iterator

from storage.tables.columns import EVENTS, HISTOGRAMS, PINGS, SCALARS

FILES_OF = {
    PINGS: "ping_files",
    HISTOGRAMS: "histogram_files",
    SCALARS: "scalar_files",
    EVENTS: "event_files",
}
"""Table to the name under which its Arrow dataset is registered."""

# Ids are 16 bytes in the files, and text for users.
_TABLE_VIEW = """
CREATE VIEW {table} AS
SELECT * REPLACE (document_id::VARCHAR AS document_id, client_id::VARCHAR AS client_id) FROM {files}
"""

_BUCKETS_VIEW = """
CREATE VIEW histogram_buckets AS
SELECT * EXCLUDE (starts, counts, sum), unnest(starts) AS start, unnest(counts) AS count FROM histograms
"""

# Source of the rule: the first bucket that is not empty at which 100 * cumulated >= q * all, in integers
# and decimals: as floats, 99.9 / 100 picks a neighbour of the right bucket.
_PERCENTILE_MACRO = """
CREATE MACRO percentile(starts, counts, q) AS list_extract(starts, list_position(
  list_transform(range(1, len(counts) + 1), lambda i:
    counts[i] > 0 AND
    100 * list_sum(list_slice(counts, 1, i))::BIGINT >= q * list_sum(counts)::BIGINT), true))
"""

# `shape` is the column of the rows that are merged: equal starts of several shapes mean different buckets.
_MERGE_MACRO = """
CREATE MACRO merge(starts, counts) AS CASE
  WHEN count(DISTINCT shape) > 1
  THEN error('rows of several shapes cannot be merged: add shape to GROUP BY, or filter by shape')
  ELSE list_reduce(
    list(struct_pack(starts := starts, counts := counts)),
    lambda a, b: struct_pack(
      starts := list_sort(list_distinct(list_concat(a.starts, b.starts))),
      counts := list_transform(
        list_sort(list_distinct(list_concat(a.starts, b.starts))),
        lambda s: coalesce(a.counts[list_position(a.starts, s)], 0)
                + coalesce(b.counts[list_position(b.starts, s)], 0))))
END
"""


def definitions() -> Iterator[str]:
    """Yield the statements that make all views and macros, in their order."""
    for table, files in FILES_OF.items():
        yield _TABLE_VIEW.format(table=table, files=files)
    yield _BUCKETS_VIEW
    yield _PERCENTILE_MACRO
    yield _MERGE_MACRO
