"""The page of the pings behind a number of clients."""

from collections.abc import Mapping
from typing import Any

from telemetry_server.access.roles import Right
from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.clients_api import found_pings
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.addresses import address, view_of
from telemetry_server.reports.web.periods import days_of
from telemetry_server.reports.web.templates import page

PATH = "/clients/pings"
# Values as aggregates write them: of a ping without one, and of those that are counted together.
UNKNOWN, OTHER = "UNKNOWN", "OTHER"


def pings_address(ask: Ask, bounds: Mapping[str, Any], by: str = "", period: str = "", **value: str) -> str:
    """
    Return the address of the pings behind a number; empty where the visitor may not see them.

    Args:
        bounds: ``from`` and ``to`` of the view.
        by, period: The day, week or month that the number is of; empty for all.
        value: The value of a dimension that the number is of.
    """
    if not ask.visitor.may(Right.RECORDS) or OTHER in value.values():
        return ""
    days = dict(bounds)
    if period:
        first, last = days_of(by, period)
        days = {"from": max(first, days.get("from", first)), "to": min(last, days.get("to", last))}
    return address(PATH, {**value, **days})


async def pings_of_clients(ask: Ask) -> Answer:
    """Answer ``/clients/pings``."""
    given = view_of(ask.parameters)
    if ask.parameters.format:
        return see_other(address(f"/api/v1{PATH}", given | {"format": ask.parameters.format}))
    found = await found_pings(ask)
    after = given | {"cursor": found["next_cursor"]} if found["next_cursor"] else {}
    return page(
        "probe_pings.html",
        ask.services,
        ask.visitor,
        section="clients",
        name="clients",
        title="clients",
        path="/clients",
        filters=[
            f"{key.replace('_', ' ')} {value}"
            for key, value in given.items()
            if key not in ("cursor", "limit")
        ],
        items=found["items"],
        next_address=address(PATH, after) if after else "",
        api=address(f"/api/v1{PATH}", given),
        csv=address(f"/api/v1{PATH}", given | {"format": "csv"}),
    )
