"""The list of pings, and the page of one."""

from typing import Any

import orjson

from telemetry_server.access.roles import Right
from telemetry_server.reports import api
from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.parameters import OUTCOMES
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.addresses import view_of
from telemetry_server.reports.web.templates import page
from telemetry_server.reports.web.views import link_to
from telemetry_server.terminal.client_text import shown_json

FIELDS = {
    "q": "Document id",
    "namespace": "Namespace",
    "doctype": "Doctype",
    "channel": "Channel",
    "version": "Version",
    "debug_id": "Debug tag",
    "reason": "Reason",
}
MAX_MARKS = 100  # of one ping on its page
LIVE_SECONDS, EMPTY_SECONDS = 10, 2  # between two looks at what came


async def pings(ask: Ask) -> Answer:
    """Answer ``/pings``."""
    given = view_of(ask.parameters)
    of_api = {name: value for name, value in given.items() if name != "live"}
    if ask.parameters.format:
        return see_other(link_to("/api/v1/pings", of_api, format=ask.parameters.format))
    listed: Any = orjson.loads((await api.pings(ask)).body)
    return page(
        "pings.html",
        ask.services,
        ask.visitor,
        is_cacheable=True,
        items=listed["items"],
        given=given,
        fields=FIELDS,
        filters=[f"{name} {value}" for name, value in of_api.items() if name != "cursor"],
        outcomes=OUTCOMES,
        of_api=of_api,
        next_cursor=listed["next_cursor"] or "",
        is_live=ask.parameters.live,
        refresh_seconds=LIVE_SECONDS if listed["items"] else EMPTY_SECONDS,
    )


async def one_ping(ask: Ask) -> Answer:
    """Answer ``/pings/<docid>``."""
    document_id = str(api.document_id_of(ask.path["document_id"]))
    if ask.parameters.format:
        return see_other(link_to(f"/api/v1/pings/{document_id}", view_of(ask.parameters), format="json"))
    found = await api.explained(ask, document_id, with_body=ask.parameters.body)
    body = None
    if ask.parameters.body:
        whole = found.get("body", found.get("body_base64"))
        body = shown_json(orjson.dumps(whole, option=orjson.OPT_INDENT_2)).decode()
    return page(
        "ping.html",
        ask.services,
        ask.visitor,
        is_cacheable=not ask.visitor.may(Right.RECORDS),
        ping=found,
        body=body,
        most_marks=MAX_MARKS,
        may_read=ask.visitor.may(Right.RECORDS),
    )
