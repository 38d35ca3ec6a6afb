"""The list of pings, and the page of one."""

from typing import Any
from urllib.parse import urlencode

import orjson

from telemetry_server.access.roles import Right
from telemetry_server.reports import api
from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.parameters import OUTCOMES
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.templates import page
from telemetry_server.terminal.client_text import shown_json

FIELDS = ("q", "namespace", "doctype", "channel", "version", "reason")


async def pings(ask: Ask) -> Answer:
    """Answer ``/pings``."""
    if ask.parameters.format:
        return see_other(f"/api/v1/pings?{ask.target.partition('?')[2]}")
    listed: Any = orjson.loads((await api.pings(ask)).body)
    given = {
        (field.alias or name): value
        for name, field in type(ask.parameters).model_fields.items()
        if (value := getattr(ask.parameters, name)) not in ("", None, 100, False) and name != "format"
    }
    query = urlencode({name: value for name, value in given.items() if name != "cursor"})
    next_query = urlencode({**given, "cursor": listed["next_cursor"]}) if listed["next_cursor"] else ""
    return page(
        "pings.html",
        ask.services,
        ask.visitor,
        is_cacheable=True,
        items=listed["items"],
        given=given,
        fields=FIELDS,
        filters=[f"{name} {value}" for name, value in given.items() if name != "cursor"],
        outcomes=OUTCOMES,
        query=query,
        next_query=next_query,
    )


async def one_ping(ask: Ask) -> Answer:
    """Answer ``/pings/<docid>``."""
    document_id = str(api.document_id_of(ask.path["document_id"]))
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
        may_read=ask.visitor.may(Right.RECORDS),
    )
