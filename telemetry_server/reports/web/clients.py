"""The page of clients: how many there are by day, week or month, and which versions they have."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from markupsafe import Markup
from pydantic import Field

from telemetry_server.charts.lines import LineChart, Series, line_chart
from telemetry_server.charts.page_svg import page_svg
from telemetry_server.charts.scales import percent, short_number
from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.parameters import DAY_WORDS, Day, Format, Parameters
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.addresses import address, view_of
from telemetry_server.reports.web.chart_block import Cell, ChartBlock, KeyEntry, TableRow
from telemetry_server.reports.web.client_counts import clients_text, least_clients
from telemetry_server.reports.web.client_pings import UNKNOWN, pings_address
from telemetry_server.reports.web.periods import is_unfinished, periods_between
from telemetry_server.reports.web.templates import number, page, plain_text, share

API = "/api/v1/clients"
SPLITS = {
    "version": "Version",
    "channel": "Channel",
    "os": "System",
    "application": "Application",
    "country": "Country",
}
STYLES = ("s1 strong", "s2", "s3", "s4", "s5")
SPANS = (7, 28, 90)  # days
MAX_SERIES = len(STYLES)
MAX_LINES = 20
MAX_END_LABEL = 7
Found = Mapping[str, Any]


class ClientsPageParameters(Parameters):
    """Of the page."""

    by: Annotated[Literal["day", "week", "month"], Field(description="what a place along x stands for")] = (
        "day"
    )
    split: Annotated[
        Literal["version", "channel", "os", "application", "country"],
        Field(description="what the lines stand for"),
    ] = "version"
    first: Annotated[Day | None, Field(alias="from", description=DAY_WORDS)] = None
    last: Annotated[Day | None, Field(alias="to", description=DAY_WORDS)] = None
    format: Format = None


async def clients(ask: Ask) -> Answer:
    """Answer ``/clients``."""
    given: ClientsPageParameters = ask.parameters
    bounds = {name: value for name, value in view_of(given).items() if name in ("from", "to")}
    if given.format:
        return see_other(address(API, {"by": given.by, **bounds, "format": given.format}))
    # The rows add up to what is beside them: periods and values to the whole, splits to their period.
    by_period = await _ask(ask, [given.by])
    by_split = await _ask(ask, [given.by, given.split], totals_by=[given.by])
    tables = {name: await _ask(ask, [name]) for name in SPLITS}
    whole = await _ask(ask, [])
    rows = by_period["rows"]
    # A period that is not shown does not follow from its parts.
    periods_shown = {row[given.by] for row in rows}
    parts = [row for row in by_split["rows"] if row[given.by] in periods_shown]
    periods = periods_between(given.by, [row[given.by] for row in rows])
    blocks: dict[str, Any] = {"total": None, "adoption": None}
    if rows:
        blocks["total"] = _total(ask, periods, rows, bounds)
        blocks["adoption"] = _adoption(ask, periods, rows, parts, bounds)
    return page(
        "clients.html",
        ask.services,
        ask.visitor,
        is_cacheable=True,
        given=given,
        view=view_of(given),
        splits=SPLITS,
        whole=whole["rows"][0] if whole["rows"] else None,
        whole_clients=clients_text(whole["rows"][0]) if whole["rows"] else "",
        sealed=len(whole["sealed_days"]),
        whole_pings=pings_address(ask, bounds),
        tables=[_table(ask, name, found, bounds) for name, found in tables.items()],
        suppressed=by_period["suppressed"]["cells"] + by_split["suppressed"]["cells"],
        left_out=by_period["left_out"]["automation"],
        as_of=by_period["as_of"],
        periods=periods,
        spans=_spans(given, by_period["through_day"]),
        reset=address("/clients", view_of(given, first=None, last=None)),
        **blocks,
    )


def _spans(given: ClientsPageParameters, through_day: str | None) -> list[tuple[str, str, bool]]:
    """Return words, address, and whether it is shown, of the last days with data, and of all days."""
    if through_day is None:
        return []
    last = date.fromisoformat(through_day)
    firsts = {f"{days} days": f"{last - timedelta(days=days - 1):%Y%m%d}" for days in SPANS}
    spans = [
        (words, address("/clients", view_of(given, first=first, last=None)), given.first == first)
        for words, first in firsts.items()
    ]
    is_whole = given.first is None and given.last is None
    return [*spans, ("All", address("/clients", view_of(given, first=None, last=None)), is_whole)]


async def _ask(ask: Ask, by: Sequence[str], totals_by: Sequence[str] = ()) -> dict[str, Any]:
    given: ClientsPageParameters = ask.parameters
    return await ask.services.ask_object(
        "clients",
        by=list(by),
        first=given.first or "",
        last=given.last or "",
        totals_by=list(totals_by),
        is_public=ask.is_public,
    )


def _api(by: str, bounds: Mapping[str, Any], **more: str) -> str:
    return address(API, {"by": by, **bounds, **more})


def _total(ask: Ask, periods: Sequence[str], rows: Sequence[Found], bounds: Mapping[str, Any]) -> ChartBlock:
    given: ClientsPageParameters = ask.parameters
    by_period = {row[given.by]: row for row in rows}
    values = [least_clients(by_period[each]) if each in by_period else None for each in periods]
    most = max(filter(None, values), default=0)
    unfinished = is_unfinished(given.by, periods[-1])
    chart = LineChart(
        periods,
        [Series(short_number(values[-1] or 0), values, "s1 strong")],
        shown=short_number,
        bars=[by_period[each]["pings"] if each in by_period else None for each in periods],
        bars_name="pings",
        is_unfinished=unfinished,
    )
    return ChartBlock(
        id="clients",
        title=f"Distinct clients by {given.by}",
        words=f"Line of distinct clients by {given.by}, {periods[0]} to {periods[-1]}, up to {most:,}",
        picture=Markup(page_svg(line_chart(chart))),  # noqa: S704 - escaped texts
        heads=(given.by.capitalize(), "Clients", "Pings"),
        rows=[
            _period_row(each, by_period.get(each), pings_address(ask, bounds, given.by, each))
            for each in periods
        ],
        caption=f"Clients by {given.by}",
        key=(KeyEntry("line s1", "distinct clients"), KeyEntry("s5", "pings")),
        notes=_unfinished_notes(given.by, periods[-1]) if unfinished else (),
        csv=_api(given.by, bounds, format="csv"),
        json=_api(given.by, bounds),
        is_newest_first=True,
    )


def _unfinished_notes(by: str, last: str) -> list[str]:
    return [f"The last {by} is unfinished: {last} until now."]


def _period_row(period: str, row: Found | None, pings: str) -> TableRow:
    if row is None:
        return TableRow(period, Cell(period), [Cell("no data")] * 2)
    return TableRow(period, Cell(period), [Cell(clients_text(row), pings), Cell(number(row["pings"]), pings)])


def _adoption(
    ask: Ask,
    periods: Sequence[str],
    totals: Sequence[Found],
    rows: Sequence[Found],
    bounds: Mapping[str, Any],
) -> ChartBlock:
    given: ClientsPageParameters = ask.parameters
    total = {row[given.by]: least_clients(row) for row in totals}
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        counts.setdefault(row[given.split], {})[row[given.by]] = least_clients(row)
    names = sorted(counts, key=lambda name: (-sum(counts[name].values()), name))
    shown = _in_order(given.split, names[:MAX_SERIES])
    unfinished = is_unfinished(given.by, periods[-1])
    chart = LineChart(
        periods,
        [
            Series(
                plain_text(name)[:MAX_END_LABEL],
                [counts[name].get(each, 0) / total[each] if total.get(each) else None for each in periods],
                style,
            )
            for name, style in zip(shown, STYLES, strict=False)
        ],
        top=1.0,
        shown=percent,
        is_unfinished=unfinished,
    )
    what = SPLITS[given.split].lower()
    more = len(names) - len(shown)
    notes = [
        f"A client with two {what}s in a {given.by} counts for both, so shares may add up to more than 100%."
    ]
    if more:
        notes.append(f"{more:,} more {what}s are in the table of JSON and CSV, not in the chart.")
    by = f"{given.by},{given.split}"
    return ChartBlock(
        id="adoption",
        title=f"Adoption by {what}",
        words=f"Lines of the share of clients by {what} and {given.by}, {periods[0]} to {periods[-1]}",
        picture=Markup(page_svg(line_chart(chart))),  # noqa: S704 - escaped texts
        heads=(given.by.capitalize(), *(plain_text(name) for name in shown), "All clients"),
        rows=_adoption_rows(ask, periods, total, {name: counts[name] for name in shown}, bounds),
        caption=f"Share of clients by {what}",
        key=[
            KeyEntry(f"line {style.split()[0]}", plain_text(name))
            for name, style in zip(shown, STYLES, strict=False)
        ],
        notes=[*notes, *(_unfinished_notes(given.by, periods[-1]) if unfinished else [])],
        csv=_api(by, bounds, format="csv"),
        json=_api(by, bounds),
        is_newest_first=True,
    )


def _adoption_rows(
    ask: Ask,
    periods: Sequence[str],
    total: Mapping[str, int],
    counts: Mapping[str, Mapping[str, int]],
    bounds: Mapping[str, Any],
) -> list[TableRow]:
    by, split = ask.parameters.by, ask.parameters.split
    return [
        _adoption_row(
            each,
            total.get(each),
            [of_value.get(each, 0) for of_value in counts.values()],
            [pings_address(ask, bounds, by, each, **{split: value}) for value in counts],
        )
        for each in periods
    ]


def _adoption_row(period: str, total: int | None, counts: Sequence[int], pings: Sequence[str]) -> TableRow:
    if not total:
        return TableRow(period, Cell(period), [Cell("no data")] * (len(counts) + 1))
    cells = [
        Cell(f"{share(count / total)} ({number(count)})", where if count else "")
        for count, where in zip(counts, pings, strict=True)
    ]
    return TableRow(period, Cell(period), [*cells, Cell(number(total))])


def _in_order(split: str, names: Sequence[str]) -> list[str]:
    """Return versions with the newest first, other names by their frequency."""
    if split != "version":
        return list(names)
    return sorted(names, key=lambda name: (-int(name) if name.isascii() and name.isdigit() else 1, name))


def _table(ask: Ask, name: str, found: Found, bounds: Mapping[str, Any]) -> dict[str, Any]:
    rows = sorted(found["rows"], key=lambda row: (-least_clients(row), row[name]))
    most = least_clients(rows[0]) if rows else 1
    return {
        "name": name,
        "words": SPLITS[name],
        "rows": [
            {
                **row,
                "value": row[name],
                "clients_text": clients_text(row),
                "share": least_clients(row) / (most or 1),
                "pings_address": pings_address(ask, bounds, **{name: row[name]}),
            }
            for row in rows[:MAX_LINES]
        ],
        "more": max(0, len(rows) - MAX_LINES),
        "is_unknown": all(row[name] == UNKNOWN for row in rows),
        "suppressed": found["suppressed"]["cells"],
        "json": _api(name, bounds),
        "csv": _api(name, bounds, format="csv"),
    }
