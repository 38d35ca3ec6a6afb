"""The marks of rows whose values aggregates leave out."""

from storage.tables.columns import EVENTS, HISTOGRAMS, SCALARS
from storage.tables.rows import ScalarKey
from telemetry_server.pings.left_out import LeftOut
from telemetry_server.records.events import Event
from telemetry_server.records.fields import Record
from telemetry_server.records.scalars import SIMPLE_MEASUREMENT


class RowMarks:
    """The marks that *record* has for its rows; false if it has none."""

    def __init__(self, record: Record) -> None:
        self._left_out = LeftOut.of(record["metadata"])

    def __bool__(self) -> bool:
        return bool(self._left_out)

    def of_histogram(self, metric: str, process: str, label: str) -> str | None:
        """Return a mark for which a histogram is left out; None if it counts."""
        return self._left_out.mark_of(HISTOGRAMS, process, metric, label)

    def of_scalar(self, key: ScalarKey) -> str | None:
        """Return a mark for which a scalar is left out; None if it counts."""
        metric, process, label, kind = key
        if kind == SIMPLE_MEASUREMENT:
            return None
        return self._left_out.mark_of(SCALARS, process, metric, label)

    def of_event(self, event: Event) -> str | None:
        """Return a mark for which an event is left out; None if it counts."""
        names = (event.category, event.method, event.object)
        metric = ".".join(name for name in names if name is not None)
        return self._left_out.mark_of(EVENTS, event.process, metric, "")
