"""Sums of 64-bit integers by group that are never wrapped."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from telemetry_server.aggregates.compiled.list_sums import list_totals

if TYPE_CHECKING:
    import pyarrow as pa

MAX_SUM = 2**63 - 1


class SumTooLarge(Exception):
    """A sum of *what* is past 2^63 - 1.  One line."""

    def __init__(self, what: str = "a metric") -> None:
        super().__init__(f"a sum of {what} is past 2^63 - 1")


def summed(groups: "pa.Array", values: "pa.Array") -> "tuple[pa.Array, pa.Array]":
    """
    Return the groups in order, and the sum of the *values* of each.

    Raises:
        SumTooLarge: One does not fit.
    """
    import pyarrow as pa

    rows = pa.table({"group": groups, "value": values})
    if not _is_safe(values):
        return _wide(rows)
    found = rows.group_by("group", use_threads=False).aggregate([("value", "sum")]).sort_by("group")
    return found.column("group").combine_chunks(), found.column("value_sum").combine_chunks()


def summed_columns(
    groups: "pa.Array", columns: "Mapping[str, pa.Array]"
) -> "tuple[dict[str, pa.Array], pa.Array]":
    """
    Return the sums of *columns* by group, in order of the groups, and how many values each group has.

    Raises:
        SumTooLarge: A sum does not fit.
    """
    import pyarrow as pa

    rows = pa.table({"group": groups, **columns})
    safe = [name for name, values in columns.items() if _is_safe(values)]
    wanted = [(name, "sum") for name in safe] + [("group", "count")]
    found = rows.group_by("group", use_threads=False).aggregate(wanted).sort_by("group")
    sums = {name: found.column(f"{name}_sum").combine_chunks() for name in safe}
    for name in columns.keys() - sums.keys():
        sums[name] = _wide(pa.table({"group": groups, "value": columns[name]}))[1]
    return sums, found.column("group_count").combine_chunks().cast(pa.int64())


def _is_safe(values: "pa.Array") -> bool:
    """Return whether no sum of some of *values* can be past 64 bits."""
    import pyarrow.compute as pc

    if not len(values):
        return True
    least, most = pc.min_max(values).as_py().values()
    return bool(max(abs(least or 0), abs(most or 0)) * len(values) <= MAX_SUM)


def _wide(rows: "pa.Table") -> "tuple[pa.Array, pa.Array]":
    totals: dict[int, int] = {}
    for group, value in zip(*(rows.column(name).to_pylist() for name in ("group", "value")), strict=True):
        totals[group] = totals.get(group, 0) + value
    if any(abs(total) > MAX_SUM for total in totals.values()):
        raise SumTooLarge
    import pyarrow as pa

    ordered = sorted(totals)
    return pa.array(ordered, pa.int64()), pa.array([totals[group] for group in ordered], pa.int64())


def row_samples(counts: "pa.Array") -> "pa.Array":
    """
    Return the sum of each list of *counts*.

    Raises:
        SumTooLarge: One does not fit.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    found = list_totals(counts)
    if found is not None:
        return found
    flat = counts.flatten()
    if not _is_safe(flat):
        totals = [sum(row) for row in counts.to_pylist()]
        if max(totals) > MAX_SUM:
            raise SumTooLarge
        return pa.array(totals, pa.int64())
    lengths = pc.list_value_length(counts)
    ends = pc.cumulative_sum(lengths.cast(pa.int64()))
    before = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(flat)])
    begins = pc.subtract(ends, lengths)
    return pc.subtract(before.take(ends), before.take(begins))
