"""The list of probes."""

from typing import Any, Literal

from telemetry_server.access.roles import Right
from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.probes_api import ProbesParameters, next_cursor, probe_list
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.addresses import address, probe_path, view_of
from telemetry_server.reports.web.templates import page

API = "/api/v1/probes"
STATES = {"current": "not expired", "expired": "expired", "all": "all"}
SORTS = {"name": "name", "samples": "samples", "clients": "clients"}


class ProbeListParameters(ProbesParameters):
    """Of the page: as of the API, but expired probes are left out unless they are asked for."""

    state: Literal["current", "expired", "all"] = "current"


def _pings_of(ask: Ask, item: dict[str, Any], days: list[str]) -> str:
    """Return the address of the pings behind the counts of a probe; empty where they may not be seen."""
    where = probe_path(item["name"])
    if not (item["samples"] and where and ask.visitor.may(Right.RECORDS)):
        return ""
    metric = {"metric": item["metric"]} if item["metric"] != item["name"] else {}
    bounds = {"by": "day", "from": days[0], "to": days[-1], "merge": "coarsen"}
    return address(f"{where}/pings", {**metric, **bounds})


async def probes(ask: Ask) -> Answer:
    """Answer ``/probes``."""
    given: ProbeListParameters = ask.parameters
    view = view_of(given)
    asked = {**{name: value for name, value in view.items() if name != "cursor"}, "state": given.state}
    if given.format:
        return see_other(address(API, {**asked, **view, "format": given.format}))
    found = await probe_list(ask, given)
    cursor = next_cursor(given, found)
    items = [
        {**item, "address": probe_path(item["name"]), "pings_address": _pings_of(ask, item, found["days"])}
        for item in found["items"]
    ]
    words: dict[str, Any] = {name: value for name, value in view.items() if name not in ("cursor", "limit")}
    return page(
        "probes.html",
        ask.services,
        ask.visitor,
        is_cacheable=True,
        given=given,
        view=view,
        items=items,
        found=found,
        filters=[f"{name} {value}" for name, value in words.items()],
        states=STATES,
        sorts=SORTS,
        is_searched=bool(given.q or given.kind or given.owner or given.store),
        next_address=address("/probes", view_of(given, cursor=cursor)) if cursor else "",
        expired_address=address("/probes", view_of(given, state="all", cursor=None)),
        csv=address(API, {**asked, "limit": 10_000, "format": "csv"}),
        json=address(API, {**asked, "limit": 10_000}),
    )
