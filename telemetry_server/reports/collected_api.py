"""The handler of ``/api/v1/collected``: what is collected, as a document."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from telemetry_server.reports.answers import Answer
from telemetry_server.reports.api import listed
from telemetry_server.reports.cursor import cursor_of, offset_after
from telemetry_server.reports.parameters import ListParameters, Text
from telemetry_server.reports.route import Ask

COLUMNS = ("name", "kind", "application", "description", "owners", "expires", "stores", "clients")


class CollectedParameters(ListParameters):
    """Of what is collected; the list is that of the probes."""

    application: Annotated[Text, Field(description="Only what this application sends")] = ""
    q: Annotated[Text, Field(description="A part of a probe's name or description, in any case")] = ""


class Collected(BaseModel):
    """Doctypes, probes, and how long data is kept."""

    model_config = ConfigDict(extra="allow")
    as_of: str | None
    days: list[str]
    suppress_below: int
    kept: dict[str, Any]
    applications: list[str]
    doctypes: list[dict[str, Any]]
    fuel: list[dict[str, str]]
    items: list[dict[str, Any]]
    next_cursor: str | None


async def collected_of(ask: Ask, given: CollectedParameters) -> dict[str, Any]:
    """Return the answer for the API and the page alike; ``next_cursor`` is that of the probes."""
    offset = offset_after(given.cursor)
    found: dict[str, Any] = await ask.services.ask_object(
        "collected",
        application=given.application,
        q=given.q,
        offset=offset,
        limit=given.limit,
        hidden=list(ask.services.options.aggregates_hidden) if ask.is_public else [],
        is_public=ask.is_public,
    )
    end = offset + given.limit
    return {**found, "next_cursor": cursor_of(end if end < found["total"] else None)}


async def collected(ask: Ask) -> Answer:
    """Answer ``/api/v1/collected``; as CSV the probes."""
    found = await collected_of(ask, ask.parameters)
    more = {name: value for name, value in found.items() if name not in ("probes", "next_cursor")}
    return listed(ask, found["probes"], found["next_cursor"], COLUMNS, more)
