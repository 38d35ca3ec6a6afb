"""The evolution of a probe: percentiles, or shares of categories, by build or day."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from markupsafe import Markup

from telemetry_server.charts.histogram_view import CATEGORIES, buckets_of
from telemetry_server.charts.lines import LineChart, Series, line_chart
from telemetry_server.charts.page_svg import page_svg
from telemetry_server.charts.scales import percent, short_number
from telemetry_server.reports.web.chart_block import Cell, ChartBlock, KeyEntry, TableRow
from telemetry_server.reports.web.client_counts import clients_text
from telemetry_server.reports.web.templates import measure, number, plain_text, share

MAX_SERIES = 5
STYLES = ("s1 strong", "s2", "s3", "s4", "s5")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NO_DATA = "no data"
OF_WEIGHT = {"samples": "samples", "clients": "clients' shares"}
MAX_END_LABEL = 7
OF_PERCENTILES = {"50": "s1 strong", "25": "s1", "75": "s1"}


@dataclass(frozen=True, slots=True)
class EvolutionView:
    """
    What the chart is made of.

    Attributes:
        answer: Of the API, grouped by build or day.
        groups: All builds or days of the selection, with the probe or without.
        changes: The groups whose definition differs from that of the group before.
        pings_address: Returns the address of the pings behind a group; empty where the visitor may
            not see them.
        group_address: Returns the address of the same page with a group pinned.
    """

    answer: Mapping[str, Any]
    groups: Sequence[str]
    changes: Sequence[Mapping[str, str]]
    by: str
    at: str
    is_logarithmic: bool
    pings_address: Callable[[str], str]
    group_address: Callable[[str], str]
    csv: str
    json: str

    @property
    def rows(self) -> dict[str, Mapping[str, Any]]:
        """The rows of the answer by their group."""
        return {row["group"]: row for row in self.answer["rows"]}


@dataclass(frozen=True, slots=True)
class _Measure:
    """One line of the chart and column of the table."""

    name: str
    style: str
    value: Callable[[Mapping[str, Any]], float | None]
    text: Callable[[Mapping[str, Any]], str]


def is_of_categories(kind: str | None) -> bool:
    """Return whether a histogram's buckets have no order of size, so that it has no percentiles."""
    return kind in CATEGORIES or kind == "enumerated"


def evolution(view: EvolutionView) -> ChartBlock:
    """Return the chart of *view*, with its table."""
    rows = view.rows
    groups = all_groups([*view.groups, *rows], view.by)
    is_shares = is_of_categories(view.answer["kind"])
    measures = _shares(view.answer) if is_shares else _percentiles(view.answer["rows"])
    marks = _marks(view.changes, groups)
    is_unfinished = view.by == "day" and bool(groups) and groups[-1] == f"{datetime.now(UTC):%Y%m%d}"
    chart = LineChart(
        groups,
        [
            Series(
                plain_text(each.name)[:MAX_END_LABEL],
                [each.value(rows[group]) if group in rows else None for group in groups],
                each.style,
            )
            for each in measures
        ],
        is_logarithmic=view.is_logarithmic and not is_shares,
        top=1.0 if is_shares else None,
        shown=percent if is_shares else short_number,
        band=("p25", "p75"),
        bars=[rows[group]["samples"] if group in rows else None for group in groups],
        marks=[(position, letter) for position, letter, _ in marks],
        at=groups.index(view.at) if view.at in groups else None,
        is_unfinished=is_unfinished,
    )
    unit = view.by.capitalize()
    what = "Shares" if is_shares else "Percentiles, interpolated within their bucket,"
    return ChartBlock(
        id="evolution",
        title=f"Evolution by {view.by}",
        words=f"{what} and samples by {view.by}"
        + (f", {groups[0]} to {groups[-1]}, up to {_greatest(chart)}" if groups else ""),
        picture=Markup(page_svg(line_chart(chart))),  # noqa: S704 - made of escaped texts
        heads=(
            unit,
            *(plain_text(each.name) for each in measures),
            "Mean",
            "Samples",
            "Histograms",
            "Pings",
            "Clients",
        ),
        rows=[_row(view, group, rows.get(group), measures) for group in groups],
        caption=f"Evolution by {view.by}",
        key=_key(measures, OF_WEIGHT[view.answer["weight"]], is_shares=is_shares),
        notes=_notes(view, groups, is_unfinished=is_unfinished),
        marks=[
            (letter, f"{unit} {groups[position]}: the definition changed, {text}.")
            for position, letter, text in marks
        ],
        csv=view.csv,
        json=view.json,
        is_newest_first=True,
        pins=True,
        shown_at=chart.at,
    )


def all_groups(known: Sequence[str], by: str) -> list[str]:
    """Return the groups along x, in order: of days also those on which nothing came."""
    numbers = sorted({group for group in known if group.isdigit()})
    others = sorted({group for group in known if not group.isdigit()})
    if by == "day" and numbers:
        first, last = (date.fromisoformat(each) for each in (numbers[0], numbers[-1]))
        numbers = [f"{first + timedelta(days=each):%Y%m%d}" for each in range((last - first).days + 1)]
    return [*numbers, *others]


def _percentiles(rows: Sequence[Mapping[str, Any]]) -> list[_Measure]:
    wanted = [each["p"] for each in rows[0]["percentiles"]] if rows else []
    return [_percentile(place, p) for place, p in enumerate(wanted)]


def _percentile(place: int, p: float) -> _Measure:
    def value(row: Mapping[str, Any]) -> float | None:
        found = row["percentiles"][place]
        estimate: float | None = found["estimate"]
        if estimate is not None:
            return estimate
        start: int | None = found["value"]
        return start

    def text(row: Mapping[str, Any]) -> str:
        at_least = "≥ " if row["percentiles"][place]["at_least"] else ""
        return at_least + measure(value(row))

    return _Measure(f"p{p}", OF_PERCENTILES.get(str(p), "s1 dotted"), value, text)


def _shares(answer: Mapping[str, Any]) -> list[_Measure]:
    """Return the shares of the most frequent categories; of a boolean that of the trues."""
    kind = answer["kind"]
    totals: Counter[str] = Counter()
    for row in answer["rows"]:
        totals.update({bucket.name: bucket.count for bucket in buckets_of(kind, row)})
    names = [name for name, count in totals.most_common(MAX_SERIES) if count]
    if kind == "boolean":
        names = ["true"]
    return [_share(kind, name, STYLES[place]) for place, name in enumerate(names)]


def _share(kind: str, name: str, style: str) -> _Measure:
    def value(row: Mapping[str, Any]) -> float | None:
        if not sum(row["counts"]):
            return None
        return next((bucket.share for bucket in buckets_of(kind, row) if bucket.name == name), 0.0)

    def text(row: Mapping[str, Any]) -> str:
        found = value(row)
        return NO_DATA if found is None else share(found)

    return _Measure(name, style, value, text)


def _row(
    view: EvolutionView, group: str, row: Mapping[str, Any] | None, measures: Sequence[_Measure]
) -> TableRow:
    head = Cell(group, view.group_address(group) if row is not None else "")
    if row is None:
        cells = [Cell(NO_DATA) for _ in measures] + [Cell(NO_DATA)] * 5
        return TableRow(group, head, cells, is_pinned=group == view.at)
    behind = view.pings_address(group)
    cells = [Cell(each.text(row)) for each in measures]
    cells.append(Cell(measure(row["mean"])))
    cells += [Cell(number(row[name]), behind) for name in ("samples", "instances", "pings")]
    cells.append(Cell(clients_text(row), behind))
    return TableRow(group, head, cells, is_pinned=group == view.at)


def _key(measures: Sequence[_Measure], of: str, *, is_shares: bool) -> list[KeyEntry]:
    if is_shares:
        found = [KeyEntry(f"line {each.style.split()[0]}", plain_text(each.name)) for each in measures]
    else:
        last = measures[-1].name if measures else ""
        words = f"{', '.join(each.name for each in measures)} ({last}: {last[1:]}% of {of} are at or below)"
        found = [KeyEntry("line s1", words)]
    return [*found, KeyEntry("s5", "samples")]


def _marks(changes: Sequence[Mapping[str, str]], groups: Sequence[str]) -> list[tuple[int, str, str]]:
    """Return place, letter and text of the changes; past the alphabet they have no letter."""
    found = [
        (groups.index(each["group"]), plain_text(each["detail"]))
        for each in changes
        if each["group"] in groups
    ]
    letters = [*LETTERS, *([""] * len(found))]
    return [(place, letters[count], text) for count, (place, text) in enumerate(found)]


def _notes(view: EvolutionView, groups: Sequence[str], *, is_unfinished: bool) -> list[str]:
    notes = []
    if is_unfinished:
        notes.append(f"The last day is unfinished: {groups[-1]} until now.")
    if missing := len(groups) - len(view.rows):
        units = f"{view.by}s" if missing > 1 else view.by
        notes.append(f"{missing:,} {units} without data: a gap in the lines.")
    return notes


def _greatest(chart: LineChart) -> str:
    values = [value for series in chart.series for value in series.values if value is not None]
    return chart.shown(max(values)) if values else "nothing"
