"""Sums facts up into cells: one for each combination of metric, process, label, shape and dimensions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from telemetry_server.aggregates.checked_sums import row_samples, summed, summed_columns
from telemetry_server.aggregates.columns import joined, lengths_of, lists_of, parted, ranked, whole_number
from telemetry_server.aggregates.compiled.list_sums import distinct_pairs, summed_lists

if TYPE_CHECKING:
    import pyarrow as pa

MAX_CODE = 2**62
WORDS = ("metric", "process", "label", "shape")
# Words that unions leave out.
UNIONS = (("process",), ("label",), ("process", "label"))
NUMBERS = ("sum", "sum_samples", "sum_unknown", "instances", "pings", "without_client")


class TooManyCells(Exception):
    """One batch has more combinations than numbers; no real data has."""


@cache
def cell_schema() -> "pa.Schema":
    """
    Return the columns of cells.

    A cell whose process or label is null is the union of several: it has only ``pings``, because a ping
    that is in two of them is one ping.
    """
    import pyarrow as pa

    whole = pa.int64()
    return pa.schema(
        [
            *((name, pa.dictionary(pa.int32(), pa.string())) for name in WORDS),
            ("dimensions", pa.int32()),
            ("starts", pa.list_(whole)),
            ("counts", pa.list_(whole)),
            *((name, whole) for name in NUMBERS),
            ("clients", pa.list_(whole)),
        ]
    )


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys of facts as numbers, and what these stand for."""

    ranks: "Mapping[str, pa.Array]"
    words: "Mapping[str, pa.Array]"
    sizes: Mapping[str, int]  # of each part, its null included

    @classmethod
    def of(cls, facts: "pa.Table") -> "_Keys":
        """Return the keys of *facts*."""
        import pyarrow as pa
        import pyarrow.compute as pc

        ranks, words, sizes, product = {}, {}, {}, 1
        for name in WORDS:
            ranks[name], words[name] = ranked(facts.column(name).combine_chunks())
            sizes[name] = len(words[name]) + 1
            product *= sizes[name]
        ranks["dimensions"] = facts.column("dimensions").combine_chunks().cast(pa.int64())
        sizes["dimensions"] = (pc.max(ranks["dimensions"]).as_py() or 0) + 1
        if product * sizes["dimensions"] > MAX_CODE:
            raise TooManyCells
        return cls(ranks, words, sizes)

    def codes(self) -> "pa.Array":
        """Return the key of each fact as one number."""
        code = self.ranks["metric"]
        for name in (*WORDS[1:], "dimensions"):
            code = joined(code, self.sizes[name], self.ranks[name])
        return code

    def united(self, codes: "pa.Array", unions: Sequence[str]) -> "pa.Array":
        """Return *codes* with null for the parts in *unions*."""
        parts: dict[str, pa.Array | int] = {}
        for name in reversed((*WORDS[1:], "dimensions")):
            codes, part = parted(codes, self.sizes[name])
            parts[name] = self.sizes[name] - 1 if name in unions else part
        for name in (*WORDS[1:], "dimensions"):
            codes = joined(codes, self.sizes[name], parts[name])
        return codes

    def columns(self, codes: "pa.Array") -> "dict[str, pa.Array]":
        """Return the columns that *codes* stand for."""
        import pyarrow as pa

        found = {}
        codes, dimensions = parted(codes, self.sizes["dimensions"])
        found["dimensions"] = dimensions.cast(pa.int32())
        for name in reversed(WORDS):
            codes, ranks = (codes, codes) if name == "metric" else parted(codes, self.sizes[name])
            found[name] = _words(ranks, self.words[name])
        return found


def _words(ranks: "pa.Array", words: "pa.Array") -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    is_known = pc.less(ranks, whole_number(len(words)))
    known = pc.if_else(is_known, ranks, pa.scalar(None, pa.int64())).cast(pa.int32())
    return pa.DictionaryArray.from_arrays(known, words.cast(pa.string()))


def cells_of(facts: "pa.Table", no_client: int) -> "pa.Table":
    """
    Return the cells of *facts*, in order, with the unions of their processes and labels.

    Args:
        no_client: The number of a missing client; it is more than that of any client.

    Raises:
        SumTooLarge: A sum does not fit into 64 bits; nothing is wrapped.
        TooManyCells: Keys do not.
    """
    import pyarrow as pa

    keys = _Keys.of(facts)
    number, codes = ranked(keys.codes())
    starts, counts = _lists(facts, number, len(codes))
    columns = {
        "starts": starts,
        "counts": counts,
        **_numbers(facts, number, no_client),
        "clients": _clients(facts, number, len(codes), no_client),
    }
    unions = [_union(facts, keys, codes, number, each) for each in UNIONS]
    found = [each for each in unions if each is not None]
    if found:
        codes, columns = _with_unions(codes, columns, found)
    return pa.table({**keys.columns(codes), **columns}, schema=cell_schema())


def _with_unions(
    codes: "pa.Array", columns: "Mapping[str, pa.Array]", unions: "Sequence[tuple[pa.Array, pa.Array]]"
) -> "tuple[pa.Array, dict[str, pa.Array]]":
    """Return keys and columns of cells with those of *unions* among them, in order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = len(codes)
    codes = pa.concat_arrays([codes, *(keys for keys, _ in unions)])
    order = pc.array_sort_indices(codes)
    # A union has the values behind those of the last cell: zeros.
    places = pc.min_element_wise(order, pa.scalar(cells, pa.uint64()))
    zero = pa.array([0], pa.int64())
    found = {}
    for name, column in columns.items():
        if name == "pings":
            found[name] = pa.concat_arrays([column, *(pings for _, pings in unions)]).take(order)
        elif pa.types.is_list(column.type):
            # Cells keep their order, and a union has an empty list: the numbers stay where they are.
            lengths = pc.list_value_length(column).cast(pa.int64())
            found[name] = lists_of(column.flatten(), pa.concat_arrays([lengths, zero]).take(places))
        else:
            found[name] = pa.concat_arrays([column, zero]).take(places)
    return codes.take(order), found


def _lists(facts: "pa.Table", number: "pa.Array", cells: int) -> "tuple[pa.Array, pa.Array]":
    """Return starts and counts of each cell."""
    import pyarrow.compute as pc

    starts = facts.column("starts").combine_chunks()
    lists = facts.column("counts").combine_chunks()
    found = summed_lists(number, cells, starts, lists)
    if found is not None:
        return found
    counts = lists.flatten()
    start, distinct = ranked(starts.flatten())
    size = len(distinct) + 1
    buckets = joined(number.take(pc.list_parent_indices(starts)), size, start)
    codes, totals = summed(buckets, counts)
    cell, place = parted(codes, size)
    lengths = lengths_of(cell, cells)
    return lists_of(distinct.take(place), lengths), lists_of(totals, lengths)


def _clients(facts: "pa.Table", number: "pa.Array", cells: int, no_client: int) -> "pa.Array":
    """Return the numbers of the clients with samples in each cell."""
    import pyarrow.compute as pc

    clients = facts.column("client").combine_chunks()
    has_samples = pc.greater(row_samples(facts.column("counts").combine_chunks()), whole_number(0))
    is_client = pc.and_(pc.less(clients, whole_number(no_client)), has_samples)
    lengths, distinct = _distinct(number.filter(is_client), cells, clients.filter(is_client), no_client)
    return lists_of(distinct, lengths)


def _distinct(groups: "pa.Array", count: int, members: "pa.Array", size: int) -> "tuple[pa.Array, pa.Array]":
    """Return how many distinct *members*, all below *size*, each group has, and these by group, in order."""
    import pyarrow.compute as pc

    found = distinct_pairs(groups, count, members, size)
    if found is not None:
        return found
    pairs = joined(groups, size, members).unique()
    group, member = parted(pairs.take(pc.array_sort_indices(pairs)), size)
    return lengths_of(group, count), member


def _distinct_counts(groups: "pa.Array", count: int, members: "pa.Array", size: int) -> "pa.Array":
    """Return how many distinct *members*, all below *size*, each group has."""
    found = distinct_pairs(groups, count, members, size)
    if found is not None:
        return found[0]
    group, _ = parted(joined(groups, size, members).unique(), size)
    return lengths_of(group, count)


def _numbers(facts: "pa.Table", number: "pa.Array", no_client: int) -> "dict[str, pa.Array]":
    import pyarrow as pa
    import pyarrow.compute as pc

    sums = facts.column("sum").combine_chunks()
    is_known = sums.is_valid()
    samples = row_samples(facts.column("counts").combine_chunks())
    values = {
        "sum": sums.fill_null(0),
        "sum_samples": pc.if_else(is_known, samples, pa.scalar(0, pa.int64())),
        "sum_unknown": pc.invert(is_known).cast(pa.int64()),
        "without_client": pc.equal(facts.column("client"), whole_number(no_client))
        .combine_chunks()
        .cast(pa.int64()),
    }
    found, instances = summed_columns(number, values)
    ping = facts.column("ping").combine_chunks().cast(pa.int64())
    # A ping may have several instances of one cell: those of several children.
    pings = _distinct_counts(number, len(instances), ping, (pc.max(ping).as_py() or 0) + 1)
    return {**found, "instances": instances, "pings": pings}


def _union(
    facts: "pa.Table", keys: _Keys, codes: "pa.Array", number: "pa.Array", unions: Sequence[str]
) -> "tuple[pa.Array, pa.Array] | None":
    """Return keys of the unions that have more than one cell, and how many pings each has."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if all(keys.sizes[name] == 2 for name in unions):
        return None  # one process, one label
    key_of_cell = keys.united(codes, unions)
    counted = key_of_cell.value_counts()
    wanted = counted.field("values").filter(pc.greater(counted.field("counts"), whole_number(1)))
    if not len(wanted):
        return None
    wanted = wanted.take(pc.array_sort_indices(wanted))
    place = pc.index_in(key_of_cell, value_set=wanted).cast(pa.int64()).take(number)
    is_wanted = place.is_valid()
    ping = facts.column("ping").combine_chunks().cast(pa.int64()).filter(is_wanted)
    size = (pc.max(ping).as_py() or 0) + 1
    return wanted, _distinct_counts(place.filter(is_wanted), len(wanted), ping, size)
