"""The handlers of ``/api/v1/probes…``: the list, one probe, and the pings behind one of its numbers."""

from typing import Annotated, Any, Literal

from pydantic import Field

from telemetry_server.reports.aggregates_api import (
    HistogramParameters,
    SelectionParameters,
    histogram_arguments,
    is_hidden,
)
from telemetry_server.reports.answers import Answer, json_answer, not_kept
from telemetry_server.reports.api import PING_COLUMNS, listed, note_reading
from telemetry_server.reports.cursor import cursor_of, offset_after, texts_after
from telemetry_server.reports.parameters import DAY_WORDS, Day, ListParameters, Text, Whole
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.route import Ask

PROBE_COLUMNS = (
    *("name", "kind", "histogram_kind", "keyed", "expires", "is_expired", "owners", "stores"),
    *("metric", "samples", "clients", "revisions", "last_revision"),
)


class ProbesParameters(ListParameters):
    """Of the list of probes."""

    q: Annotated[Text, Field(description="A part of the name, in any case")] = ""
    kind: Annotated[Text, Field(description="`histogram`, `scalar`, `event`, `usecounter`, `glean`")] = ""
    store: Annotated[Text, Field(description="A store, or a ping of Glean")] = ""
    owner: Annotated[Text, Field(description="A part of an owner's address")] = ""
    state: Annotated[
        Literal["current", "expired", "all"] | None,
        Field(description="By expiry; with it also metrics that are seen and not defined"),
    ] = None
    sort: Annotated[Literal["name", "samples", "clients"], Field(description="What comes first")] = "name"
    first: Annotated[Day | None, Field(alias="from", description=DAY_WORDS)] = None
    last: Annotated[Day | None, Field(alias="to", description=DAY_WORDS)] = None


class PingsBehindParameters(SelectionParameters):
    """Of the pings behind a number."""

    metric: Annotated[Text, Field(description="Where it differs from the probe's name")] = ""
    merge: Annotated[Literal["coarsen"] | None, Field(description="Those of earlier definitions, too")] = None
    group: Annotated[Text, Field(description="One build, day or branch")] = ""
    bucket: Annotated[
        int | None, Field(ge=-(2**31), lt=2**63, description="The start of a bucket with samples")
    ] = None
    limit: Annotated[Whole, Field(ge=1, le=10_000, description="Most items of one answer")] = 100
    cursor: Annotated[
        str, Field(max_length=2000, description="`next_cursor` of the page before", examples=[""])
    ] = ""


async def probe_list(ask: Ask, given: ProbesParameters) -> dict[str, Any]:
    """Return a page of the list of probes, for the API and the page alike."""
    return await ask.services.ask_object(
        "probes",
        q=given.q,
        kind=given.kind,
        store=given.store,
        owner=given.owner,
        state=given.state or "",
        sort=given.sort,
        first=given.first or "",
        last=given.last or "",
        offset=offset_after(given.cursor),
        limit=given.limit,
        hidden=list(ask.services.options.aggregates_hidden) if ask.is_public else [],
        is_public=ask.is_public,
    )


def next_cursor(given: ProbesParameters, found: dict[str, Any]) -> str | None:
    """Return the cursor behind the page *found*; None on the last one."""
    end = offset_after(given.cursor) + given.limit
    return cursor_of(end if end < found["total"] else None)


async def probes(ask: Ask) -> Answer:
    """Answer ``/api/v1/probes``."""
    given = ask.parameters
    found = await probe_list(ask, given)
    return listed(ask, found["items"], next_cursor(given, found), PROBE_COLUMNS)


async def one_probe(ask: Ask) -> Answer:
    """Answer ``/api/v1/probes/<name>``."""
    return json_answer(await probe_of(ask, ask.path["name"]))


async def probe_of(ask: Ask, name: str) -> dict[str, Any]:
    """
    Return the definitions of a probe.

    Raises:
        Problem: The public does not see it.
        NothingFound: No revision defines it.
    """
    if ask.is_public and is_hidden(ask, name):
        raise Problem("not-found", f"No probe is named {name}.", members={"reason": "no_such_metric"})
    return await ask.services.ask_object("probe", name=name)


async def behind(ask: Ask) -> dict[str, Any]:
    """Return ``items`` and ``next_cursor`` of the pings behind a number, and note that they were read."""
    given: PingsBehindParameters = ask.parameters
    name = ask.path["name"]
    values = {field: getattr(given, field) for field in SelectionParameters.model_fields}
    asked = HistogramParameters(**{**values, "merge": given.merge, "metric": given.metric or name})
    if asked.by == "branch" and not asked.experiment:
        raise Problem("bad-parameter", "by=branch needs an experiment.", members={"parameter": "experiment"})
    note_reading(ask, "pings behind a number", name)
    found: dict[str, Any] = await ask.services.ask_object(
        "pings_behind",
        histogram=histogram_arguments(asked),
        group=given.group,
        bucket=given.bucket,
        after=texts_after(given.cursor, 2),
        limit=given.limit,
    )
    return {"items": found["items"], "next_cursor": cursor_of(found["next"])}


async def pings_behind(ask: Ask) -> Answer:
    """Answer ``/api/v1/probes/<name>/pings``."""
    found = await behind(ask)
    return not_kept(listed(ask, found["items"], found["next_cursor"], PING_COLUMNS))
