"""The pages of drift and of stores: what is declared, and what is sent."""

from collections.abc import Mapping
from typing import Any

from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.probe_reports_api import drift_report, stores_report
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.addresses import probe_path, view_of
from telemetry_server.reports.web.templates import page
from telemetry_server.reports.web.views import cut_of, link_to

SILENT, UNDECLARED, EVENT = "silent", "undeclared", "event"
STATES = {
    SILENT: "defined for the newest version that sends pings, and never sent",
    UNDECLARED: "sent and not defined",
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
    cut = cut_of(found["drift"], ask.parameters.cursor, ask.parameters.limit)
    for row in cut.rows:
        row["address"] = probe_path(row["metric"]) if _has_page(row) else None
    return page(
        "drift.html",
        ask.services,
        ask.visitor,
        is_cacheable=True,
        given=given,
        of_api=of_api,
        found=found,
        cut=cut,
        states=STATES,
    )


def _has_page(row: Mapping[str, Any]) -> bool:
    """Return whether the probe of *row* has a page: some definition has its name."""
    is_sent_event = row["kind"] == EVENT and row["state"] != SILENT  # its metric includes method and object
    return row["state"] != UNDECLARED and not is_sent_event


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
