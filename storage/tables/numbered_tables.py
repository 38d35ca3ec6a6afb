"""All tables as columns of numbers, for the compiled writer of Parquet."""

from collections.abc import Sequence

from storage.tables.arrow_rows import Part, places_of, tuples_of
from storage.tables.columns import ENROLLMENTS, EVENTS, HISTOGRAMS, PINGS, SCALARS, UPTAKE
from storage.tables.compiled import bucket_lists, page_bodies
from storage.tables.numbered_histograms import NumberedHistograms
from storage.tables.numbered_pings import NumberedPings
from storage.tables.numbered_scalars import NumberedScalars
from storage.tables.numbered_tuples import NumberedTuples
from storage.tables.row_groups import EncodedRows
from storage.tables.spilled_histograms import SpilledHistograms


def is_compiled() -> bool:
    """Return whether there is a compiled writer; without it, files are written by PyArrow."""
    return page_bodies.IS_COMPILED and bucket_lists.IS_COMPILED


def numbered_rows_of(
    parts: Sequence[Part], first_ping: int, spilled: SpilledHistograms | None
) -> dict[str, EncodedRows]:
    """
    Return the rows of *parts* by table; only the compiled module does this.

    PyArrow takes 47 MiB and 0.2 s to be imported: while pings are converted it is not needed.

    Args:
        first_ping: The number of the first ping; those behind it have the following ones.
        spilled: The histograms of *parts*; None if they have none.
    """
    numbered = [(rows, number) for (rows, _), number in zip(parts, places_of(parts), strict=True)]
    pings = NumberedPings([(rows.pings, keep) for rows, keep in parts], first_ping)
    found: dict[str, EncodedRows] = {PINGS: pings}
    if spilled is not None:
        found[HISTOGRAMS] = NumberedHistograms(spilled, pings)
    found[SCALARS] = NumberedScalars([(rows.scalars, number) for rows, number in numbered], pings)
    for table in (EVENTS, UPTAKE, ENROLLMENTS):
        found[table] = NumberedTuples(table, tuples_of(table, numbered), pings)
    return found
