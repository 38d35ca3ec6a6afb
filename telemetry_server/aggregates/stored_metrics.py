"""Which metrics the tables have, counted or not: a summary has no metric whose values all have a mark."""

from collections.abc import Iterable

from storage.tables.columns import HISTOGRAMS, SCALARS
from storage.tables.reading import PartReader, PartSource
from telemetry_server.aggregates.columns import combined, one_array
from telemetry_server.aggregates.day_pings import BATCH_ROWS
from telemetry_server.aggregates.facts import measure_of
from telemetry_server.aggregates.row_sums import DayFiles


def is_stored(days: Iterable[DayFiles], metric: str) -> bool:
    """
    Return whether some ping of *days* has a value of *metric*, perhaps one that breaks its definition.

    Raises:
        OSError, pyarrow.ArrowInvalid: A file cannot be read.
    """
    return any(
        any(_has_histogram(path, metric) for path in day.paths.get(HISTOGRAMS, ()))
        or any(_has_scalar(path, metric) for path in day.paths.get(SCALARS, ()))
        for day in days
    )


def _has_histogram(path: PartSource, metric: str) -> bool:
    with PartReader(HISTOGRAMS, path) as part:
        return any(rows.num_rows for rows in part.of_metric(metric, ("kind",)))


def _has_scalar(path: PartSource, metric: str) -> bool:
    """Return whether a file has a scalar that is summed up as *metric*."""
    with PartReader(SCALARS, path) as part:
        for rows in part.batches(("metric", "kind"), BATCH_ROWS):
            _, pairs = combined([one_array(rows.column(name)) for name in ("metric", "kind")])
            measures = (measure_of(name, kind) for name, kind in pairs)
            if any(found is not None and found[0] == metric for found in measures):
                return True
    return False
