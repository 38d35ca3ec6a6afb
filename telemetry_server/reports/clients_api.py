"""The handler of ``/api/v1/clients/pings``: the pings behind a number of clients."""

from typing import Annotated, Any

from pydantic import Field

from telemetry_server.reports.aggregates_api import CLIENT_DIMENSIONS
from telemetry_server.reports.answers import Answer, not_kept
from telemetry_server.reports.api import PING_COLUMNS, listed, note_reading
from telemetry_server.reports.cursor import cursor_of, texts_after
from telemetry_server.reports.parameters import Span, Text
from telemetry_server.reports.route import Ask


class ClientPingsParameters(Span):
    """Of the pings behind a number of clients: values as `/api/v1/clients` gives them."""

    channel: Text = ""
    version: Annotated[Text, Field(description="The major one")] = ""
    application: Text = ""
    os: Text = ""
    os_version: Text = ""
    architecture: Text = ""
    doctype: Text = ""
    country: Text = ""


async def found_pings(ask: Ask) -> dict[str, Any]:
    """Return ``items`` and ``next_cursor``, for the API and the page alike, and note that they were read."""
    given: ClientPingsParameters = ask.parameters
    note_reading(ask, "pings behind a number", "clients")
    found: dict[str, Any] = await ask.services.ask_object(
        "pings_of_clients",
        dimensions={name: getattr(given, name) for name in CLIENT_DIMENSIONS},
        first=given.first or "",
        last=given.last or "",
        after=texts_after(given.cursor, 2),
        limit=given.limit,
    )
    return {"items": found["items"], "next_cursor": cursor_of(found["next"])}


async def pings_of_clients(ask: Ask) -> Answer:
    """Answer ``/api/v1/clients/pings``."""
    found = await found_pings(ask)
    return not_kept(listed(ask, found["items"], found["next_cursor"], PING_COLUMNS))
