"""The marks of rows whose values aggregates leave out."""

from storage.tables.columns import EVENTS, HISTOGRAMS, SCALARS
from storage.tables.rows import ScalarKey
from telemetry_server.pings.left_out import LEFT_OUT, LeftOut
from telemetry_server.records.events import Event
from telemetry_server.records.fields import Record
from telemetry_server.records.scalars import SIMPLE_MEASUREMENT


class RowMarks:
    """The marks that a record has for its rows."""

    def __init__(self, left_out: LeftOut) -> None:
        self._left_out = left_out

    @classmethod
    def of(cls, record: Record) -> "RowMarks | None":
        """Return the marks that *record* has; None if it has none, as nearly all."""
        metadata = record["metadata"]
        if LEFT_OUT not in metadata:
            return None
        left_out = LeftOut.of(metadata)
        return cls(left_out) if left_out else None

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
