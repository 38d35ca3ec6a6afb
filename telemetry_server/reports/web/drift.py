"""The pages of drift and of stores: what is declared, and what is sent."""

from typing import Any

from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.probe_reports_api import drift_report, stores_report
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.addresses import view_of
from telemetry_server.reports.web.templates import page
from telemetry_server.reports.web.views import cut_of, link_to

STATES = {
    "silent": "defined for the newest version that sends pings, and never sent",
    "undeclared": "sent and not defined",
    "expired": "sent after it expired",
    "broken": "sent against its definition",
}
OF_LISTS = ("limit", "cursor")


async def drift(ask: Ask) -> Answer:
    """Answer ``/drift``."""
    given = view_of(ask.parameters)
    of_api = {name: value for name, value in given.items() if name not in OF_LISTS}
    if ask.parameters.format:
        return see_other(link_to("/api/v1/drift", of_api, format=ask.parameters.format))
    found = await drift_report(ask)
    return page(
        "drift.html",
        ask.services,
        ask.visitor,
        is_cacheable=True,
        given=given,
        of_api=of_api,
        found=found,
        cut=cut_of(found["drift"], ask.parameters.cursor, ask.parameters.limit),
        states=STATES,
    )


async def stores(ask: Ask) -> Answer:
    """Answer ``/stores``."""
    given = view_of(ask.parameters)
    of_api = {name: value for name, value in given.items() if name not in OF_LISTS}
    if ask.parameters.format:
        return see_other(link_to("/api/v1/stores", of_api, format=ask.parameters.format))
    found = await stores_report(ask)
    rows: list[Any] = found["shared"]
    if ask.parameters.store:
        rows = [metric for store in found["stores"] for metric in store["metrics"]]
    return page(
        "stores.html",
        ask.services,
        ask.visitor,
        is_cacheable=True,
        given=given,
        of_api=of_api,
        found=found,
        store=ask.parameters.store,
        cut=cut_of(rows, ask.parameters.cursor, ask.parameters.limit),
    )
