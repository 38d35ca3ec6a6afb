"""Collects the rows that stored records put into the tables."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from storage.tables.rows import NO_SUM, ShapeKey, ShapeValues, TableRows
from telemetry_server.convert.compiled.ping_text import HistogramsText
from telemetry_server.normandy.record_rows import normandy_rows_of
from telemetry_server.records.definitions import FindsSpecFile, Layouts, RecordLayouts
from telemetry_server.records.events import event_row, events_of
from telemetry_server.records.fields import Record, object_at
from telemetry_server.records.histograms import HistogramRow, glean_rows_of, plain_rows_of
from telemetry_server.records.left_out_values import RowMarks
from telemetry_server.records.record_text import (
    HistogramRows,
    LayoutKeys,
    append_rows,
    as_mapping,
    open_record,
)
from telemetry_server.records.scalars import glean_scalars_of
from telemetry_server.records.sections import Section, sections_of
from telemetry_server.records.shapes import Shape, shape_id
from telemetry_server.tables.column_collectors import Numbers, PingCollector
from telemetry_server.tables.glean_collector import GleanCollector
from telemetry_server.tables.scalar_collector import ScalarCollector


class ShapeKeys:
    """
    Numbers of metrics with their shapes.

    It knows the rows, and not who collects them: objects that refer to each other would keep the memory of a
    task until the next garbage collection.
    """

    def __init__(self, rows: TableRows) -> None:
        self._rows = rows
        self._numbers: dict[ShapeKey, int] = {}
        self._number_of: dict[tuple[str, Shape], int] = {}

    def number_of(self, metric: str, shape: Shape) -> int:
        """Return the number of *metric* with *shape*."""
        number = self._number_of.get((metric, shape))
        if number is None:
            values = shape.kind, shape.starts, shape.labels
            number = self.finder([((metric, shape.kind, shape_id(shape)), values)])(0)
            self._number_of[metric, shape] = number
        return number

    def finder(self, numbered: Sequence[tuple[ShapeKey, ShapeValues]]) -> Callable[[int], int]:
        """Return a function that gives a position in *numbered* its number."""
        numbers, keys, shapes = self._numbers, self._rows.histograms.shape_keys, self._rows.shapes

        # Each task calls it for all of its metrics: a few times a ping.
        def number_at(position: int) -> int:
            key, values = numbered[position]
            number = numbers.get(key)
            if number is None:
                number = numbers[key] = len(keys)
                keys.append(key)
                shapes[key[2]] = values
            return number

        return number_at


class RowCollector:
    """
    Collects rows of records, one after another.

    Args:
        files: Finds the definitions that the records' histograms were packed by.
    """

    def __init__(self, files: FindsSpecFile) -> None:
        self._files = files
        self._rows = TableRows()
        self._pings = PingCollector(self._rows.pings)
        self._scalars = ScalarCollector(self._rows.scalars)
        self._words = Numbers(self._rows.histograms.words)
        self._keys = ShapeKeys(self._rows)
        # By the id of a `Layouts`, which is held here so that its id is not given out again.
        self._known: dict[int, tuple[Layouts, LayoutKeys]] = {}
        held = self._rows.histograms
        # Rows that compiled code appends: buckets in their place, and other columns that `_join` appends.
        columns = (*(bytearray() for _ in range(6)), held.starts, held.counts)
        self._columns = HistogramRows._make((self._words, held.large, *columns))
        self._glean = GleanCollector(self._columns, self._scalars.rows, self._keys.number_of)

    @property
    def rows(self) -> TableRows:
        """All rows so far."""
        self._pings.join()
        self._join()
        return self._rows

    def add(self, text: bytes, item: int = 0, opened: Record | None = None) -> None:
        """
        Add the rows of the record in *text*.

        Args:
            item: A number that goes with the record.
            opened: The record, where it is open already.

        Raises:
            ValueError, KeyError: It is not a stored record.
        """
        record = open_record(text) if opened is None else opened
        ping = self._pings.count
        self._pings.add(record)
        self._rows.items.append(item)
        marks = RowMarks.of(record)
        first_histogram, first_scalar = (0, 0) if marks is None else self._lengths()
        sections = sections_of(record)
        layouts = RecordLayouts(record, self._files) if sections else None
        if layouts is not None:
            self._add_sections(ping, sections, layouts)
        self._add_metrics(ping, object_at(record, "metrics"))
        if marks is not None:
            self._mark(first_histogram, first_scalar, marks)
        if layouts is not None:
            events = list(events_of(record, sections))
            for event in events:
                mark = None if marks is None else marks.of_event(event)
                self._rows.events.append((ping, *event_row(event), mark))
            normandy = normandy_rows_of(record, sections, events, layouts)
            self._rows.uptake += [(ping, *row) for row in normandy.uptake]
            self._rows.enrollments += [(ping, *row) for row in normandy.enrollments]

    def _lengths(self) -> tuple[int, int]:
        """Return how many histograms and scalars there are."""
        self._join()
        return len(self._rows.histograms.pings), len(self._rows.scalars)

    def _add_sections(self, ping: int, sections: list[Section], layouts: RecordLayouts) -> None:
        for section in sections:
            of_section = layouts.of_section(section.place)
            if of_section is not None:
                self._add_section(ping, section, of_section)
        self._scalars.add_sections(ping, sections)

    def _add_metrics(self, ping: int, metrics: Mapping[str, Any]) -> None:
        if not metrics or self._glean.add(ping, metrics):
            return
        for row in glean_rows_of(metrics):
            self._add_histogram(ping, row)
        self._scalars.add(ping, glean_scalars_of(metrics))

    def _add_section(self, ping: int, section: Section, layouts: Layouts) -> None:
        for name, is_keyed in (("histograms", False), ("keyedHistograms", True)):
            if name not in section.content:
                continue
            histograms = section.content[name]
            if isinstance(histograms, HistogramsText):
                keys = (self._known.get(id(layouts)) or self._keys_of(layouts))[1]
                process = section.process
                if append_rows(
                    histograms, layouts, keys, self._columns, ping=ping, process=process, keyed=is_keyed
                ):
                    continue
                histograms = as_mapping(histograms)
            for row in plain_rows_of(section.process, histograms, layouts.shape, is_keyed=is_keyed):
                self._add_histogram(ping, row)

    def _keys_of(self, layouts: Layouts) -> tuple[Layouts, LayoutKeys]:
        known = layouts, LayoutKeys(self._keys.finder(layouts.numbered))
        self._known[id(layouts)] = known
        return known

    def _join(self) -> None:
        """Append what was added as bytes to the columns."""
        self._scalars.join()
        if not self._columns.pings:
            return
        held = self._rows.histograms
        columns = (held.pings, held.processes, held.labels, held.keys, held.lengths, held.sums)
        for column, appended in zip(columns, self._columns[2:], strict=False):
            column.frombytes(appended)
            appended.clear()

    def _add_histogram(self, ping: int, row: HistogramRow) -> None:
        self._join()
        columns = self._rows.histograms
        columns.pings.append(ping)
        columns.processes.append(self._words[row.process])
        columns.labels.append(self._words[row.label])
        columns.keys.append(self._keys.number_of(row.metric, row.shape))
        columns.sums.append(NO_SUM if row.sum is None else row.sum)
        columns.add_buckets(row.starts, row.counts)

    def _mark(self, first_histogram: int, first_scalar: int, marks: RowMarks) -> None:
        """Mark what aggregates leave out among the last histograms and scalars."""
        self._join()
        columns, scalars = self._rows.histograms, self._rows.scalars
        for place in range(first_histogram, len(columns.pings)):
            metric, _, _ = columns.shape_keys[columns.keys[place]]
            process, label = columns.words[columns.processes[place]], columns.words[columns.labels[place]]
            mark = marks.of_histogram(metric, process, label)
            if mark is not None:
                columns.marks[place] = mark
        for place in range(first_scalar, len(scalars)):
            mark = marks.of_scalar(scalars.scalar_keys[scalars.keys[place]])
            if mark is not None:
                scalars.marks[place] = mark
