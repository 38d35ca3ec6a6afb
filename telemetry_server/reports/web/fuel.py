"""The pages of Fuel-stat: charts of all installations, one page a report, and files to download."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from telemetry_server.access.roles import Right
from telemetry_server.fuel.facts.categories import CATEGORIES
from telemetry_server.fuel.reports.names import DISTRIBUTION, NAMES
from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.fuel_api import found_report, question_of
from telemetry_server.reports.queries.errors import NothingFound
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.templates import page

# The charts of the first page: a report, its table, and how it is headed.
CHARTS = (
    ("environments", "per_installation", "Installations by number of environments", "Environments"),
    ("statuses", "statuses", "Environments by status", "Status"),
    ("environment-sizes", "sizes", "Operable environments by number of nodes", "Nodes"),
    ("hypervisors", "hypervisors", "Operable environments by hypervisor", "Hypervisor"),
    ("os", "clusters", "Operable environments by operating system", "System"),
)
FILES = (
    ("clusters", "Environments"),
    ("nodes", "Nodes"),
    ("plugins", "Plugins"),
    ("vm", "Virtual machines"),
    ("volume", "Volumes"),
    ("flavor", "Flavors"),
    ("image", "Images"),
    ("tenant", "Tenants"),
    ("keystone_user", "Keystone users"),
)
DEFAULT_DAYS = 30  # of the files
SHARES = frozenset({"share", "ratio", "low", "high"})
MAX_ROWS = 1000  # of a table on a page; JSON and CSV have all


async def overview(ask: Ask) -> Answer:
    """Answer ``/fuel``."""
    if ask.parameters.format:
        return see_other(f"/api/v1/fuel/reports/environments?{ask.target.partition('?')[2]}")
    charts = []
    for name, table, title, heading in CHARTS:
        found = await found_report(ask, question_of(ask, name))
        charts.append(
            {"report": name, "title": title, "heading": heading, "rows": with_bars(found["tables"][table])}
        )
        if name == "environments":
            totals, through, generated = found["totals"], found["data_through"], found["generated_at"]
    return await _page(
        ask,
        "fuel.html",
        charts=charts,
        totals=totals,
        data_through=through,
        generated_at=generated,
        reports=NAMES,
        has_rows=ask.visitor.may(Right.RECORDS),
        has_failures=ask.services.options.failures is not None and ask.visitor.may(Right.CONTACTS),
    )


async def report(ask: Ask) -> Answer:
    """Answer ``/fuel/<report>``."""
    name = ask.path["report"]
    if name not in NAMES:
        raise NothingFound("No report has this name.")
    if ask.parameters.format:
        return see_other(f"/api/v1/fuel/reports/{name}?{ask.target.partition('?')[2]}")
    found = None
    if name != DISTRIBUTION or ask.parameters.of:
        found = await found_report(ask, question_of(ask, name))
    tables = {} if found is None else {name: _shown(rows) for name, rows in found["tables"].items()}
    return await _page(
        ask,
        "fuel_report.html",
        name=name,
        report=NAMES[name],
        found=found,
        tables=tables,
        categories=sorted(CATEGORIES) if name == DISTRIBUTION else (),
        shares=SHARES,
    )


async def files(ask: Ask) -> Answer:
    """Answer ``/fuel/files``."""
    today = datetime.now(UTC).date()
    first = ask.parameters.first or (today - timedelta(days=DEFAULT_DAYS)).isoformat()
    last = ask.parameters.last or today.isoformat()
    query = urlencode({"from_date": first, "to_date": last})
    return await _page(ask, "fuel_files.html", files=FILES, first=first, last=last, dates=query)


async def _page(ask: Ask, template: str, **values: Any) -> Answer:
    given = {
        (field.alias or name): value
        for name, field in type(ask.parameters).model_fields.items()
        if (value := getattr(ask.parameters, name)) != field.default and name != "format"
    }
    every = {"from": "", "to": "", "release": "", "include_filtered": False, "suppress_below": 1, "of": ""}
    for name in ("include_filtered",):
        if name in given:
            given[name] = "1"
    return page(
        template,
        ask.services,
        ask.visitor,
        is_cacheable=True,
        given={**every, **given},
        query=urlencode(given),
        releases=await _releases(ask),
        **values,
    )


async def _releases(ask: Ask) -> list[str]:
    """Return the releases of Fuel that installations have."""
    question = {
        **dict.fromkeys(("first", "last", "release", "of"), ""),
        "name": "releases",
        "include_filtered": True,
        "suppress_below": 1,
    }
    found = await found_report(ask, question)
    return sorted(row["value"] for row in found["tables"]["installations"])


def with_bars(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return *rows* with the length of a bar for each, in percent of the longest."""
    longest = max((row["count"] for row in rows), default=0)
    return [
        {**row, "bar": f"{100 * row['count'] / longest:.2f}" if longest else "0"} for row in rows[:MAX_ROWS]
    ]


def _shown(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a table as the template draws it."""
    columns = [name for name in rows[0] if name != "value"] if rows else []
    has_bars = "count" in columns
    return {
        "columns": columns,
        "rows": with_bars(rows) if has_bars else rows[:MAX_ROWS],
        "has_bars": has_bars,
        "more": max(0, len(rows) - MAX_ROWS),
    }
