"""The handlers of Fuel-stat: reports, and the rows and files that Fuel's analysts know."""

import asyncio
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import orjson
from pydantic import AfterValidator, Field

from telemetry_server.access.roles import Right
from telemetry_server.fuel.reports.flat_rows import flat_rows
from telemetry_server.observability.events import WorkFailed
from telemetry_server.reports.answers import CSV, Answer, Packed, csv_answer, json_answer, not_kept
from telemetry_server.reports.api import note_reading, owner_of
from telemetry_server.reports.parameters import Format, Parameters, Switch, Text, Whole
from telemetry_server.reports.route import Ask

TAR = "application/x-tar"
DAY_FORM = "a day like `2026-11-27`, in UTC"


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("not a date; write it like 2026-11-27") from None


FuelDay = Annotated[
    str,
    Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$", description=DAY_FORM, examples=["2026-11-27"]),
    AfterValidator(_date),
]


class FuelReportParameters(Parameters):
    """Of a report."""

    first: Annotated[
        FuelDay | None, Field(alias="from", description=f"first day of the end of operations: {DAY_FORM}")
    ] = None
    last: Annotated[FuelDay | None, Field(alias="to", description=f"last day, included: {DAY_FORM}")] = None
    release: Annotated[Text, Field(description="a release of Fuel")] = ""
    include_filtered: Annotated[Switch, Field(description="`1`: also installations that do not count")] = (
        False
    )
    suppress_below: Annotated[Whole, Field(ge=1, le=1_000_000, description="smallest group shown")] = 1
    of: Annotated[Text, Field(description="the category of `distribution`")] = ""
    format: Format = None


class PageOfRows(Parameters):
    """Of rows of one installation."""

    limit: Annotated[Whole | None, Field(ge=1, le=10_000, description="most rows of one answer (1000)")] = (
        None
    )
    cursor: Annotated[
        str, Field(pattern=r"^[0-9]{0,18}$", description="`next_cursor` of the page before", examples=[""])
    ] = ""
    paging_params: Annotated[
        str, Field(max_length=300, description='Fuel\'s own form: `{"limit": 1000, "offset": 0}`')
    ] = ""


class AggregateParameters(Parameters):
    """Of the aggregate."""

    release: Annotated[Text, Field(description="a release of Fuel")] = ""
    refresh: Annotated[Text, Field(description="with any value: computed again")] = ""


class FileParameters(Parameters):
    """Of a CSV file."""

    from_date: Annotated[Text, Field(description=f"{DAY_FORM}; 90 days ago")] = ""
    to_date: Annotated[Text, Field(description=f"{DAY_FORM}; today")] = ""


def question_of(ask: Ask, name: str) -> dict[str, Any]:
    """Return what the report *name* is asked."""
    given = ask.parameters
    return {
        "name": name,
        "first": given.first or "",
        "last": given.last or "",
        "release": given.release,
        "include_filtered": given.include_filtered,
        "suppress_below": given.suppress_below,
        "of": given.of,
    }


async def found_report(ask: Ask, question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a report, from the facts of the last ETL."""
    state = orjson.loads(await ask.services.pool.run("fuel_data_through", {}))
    key = ("fuel_report", orjson.dumps(question).decode(), str(state["data_through"]), _deletions(ask))
    found: dict[str, Any] | None = ask.services.kept.find(key)
    if found is None:
        # The moment makes it another question for those who share answers.
        found = await ask.services.ask_object("fuel_report", **question, facts_of=list(key[2:]))
        ask.services.kept.keep(key, found)
    return found


def _deletions(ask: Ask) -> str:
    """Return a text that changes with each deletion order, so that older answers are not used again."""
    try:
        return str(ask.services.access_file.root.orders.stat().st_mtime_ns)
    except OSError:
        return ""  # no order yet


async def report(ask: Ask) -> Answer:
    """Answer ``/api/v1/fuel/reports/<name>``."""
    name = ask.path["name"]
    found = await found_report(ask, question_of(ask, name))
    if not ask.wants_csv:
        return json_answer(found)
    return csv_answer(*flat_rows(found), {"Content-Disposition": _attachment(f"{name}.csv")})


async def start_report(ask: Ask) -> Answer:
    """Answer ``POST /api/v1/fuel/reports/<name>`` by a job."""
    question = question_of(ask, ask.path["name"])
    done = [0.0]

    def note(share: float) -> None:
        done[0] = share

    work = ask.services.pool.run("fuel_report", question, note)
    job = ask.services.jobs.start(owner_of(ask), work, lambda: done[0])
    return json_answer(job.as_json(), status=202, headers={"Location": f"/api/v1/jobs/{job.id}"})


async def aggregate(ask: Ask) -> Answer:
    """Answer ``/api/v1/json/report/installations``."""
    release, kept, deletions = ask.parameters.release, ask.services.kept, _deletions(ask)
    found = None if ask.parameters.refresh else kept.find(("fuel_aggregate", release, deletions))
    if found is None:
        aggregates = orjson.loads(await ask.services.pool.run("fuel_aggregate", {"release": release}))
        for name, value in aggregates.items():
            # One for each release that was found; a release without installations is not kept.
            if not name or value["installations"]["count"]:
                kept.keep(("fuel_aggregate", name, deletions), value)
        found = aggregates[release]
    return json_answer(found)


async def summary(ask: Ask) -> Answer:
    """Answer ``/api/v1/json/summary``."""
    return json_answer(orjson.loads(await ask.services.pool.run("fuel_rows", {"what": "summary"})))


async def installation_info(ask: Ask) -> Answer:
    """Answer ``/api/v1/json/installation_info/<uid>``."""
    uid = ask.path["uid"]
    note_reading(ask, "fuel installation", uid)
    found = orjson.loads(await ask.services.pool.run("fuel_rows", {"what": "installation", "uid": uid}))
    archive = ask.services.options.failures
    if archive is not None and ask.visitor.may(Right.CONTACTS):
        note_reading(ask, "fuel contact", uid)
        contact = await asyncio.get_running_loop().run_in_executor(None, archive.contact_of, uid)
        if contact is not None and isinstance(found["structure"], dict):
            found["structure"].setdefault("user_information", {}).update(contact)
    return not_kept(json_answer(found))


async def filtered_installations(ask: Ask) -> Answer:
    """Answer ``/api/v1/json/installation_infos/filtered``."""
    return await _rows(ask, "filtered")


async def action_logs(ask: Ask) -> Answer:
    """Answer ``/api/v1/json/action_logs/<uid>``."""
    return await _rows(ask, "action_logs", uid=ask.path["uid"])


async def oswls(ask: Ask) -> Answer:
    """Answer ``/api/v1/json/oswls/<uid>`` and ``/api/v1/json/oswls/<uid>/<resource_type>``."""
    resource_type = ask.path.get("resource_type", "")
    return await _rows(ask, "oswls", uid=ask.path["uid"], resource_type=resource_type)


async def _rows(ask: Ask, what: str, **wanted: str) -> Answer:
    given = ask.parameters
    page = given.paging_params
    if given.limit is not None or given.cursor:
        page = orjson.dumps({"limit": given.limit or 1000, "offset": int(given.cursor or 0)}).decode()
    note_reading(ask, f"fuel {what.replace('_', ' ')}", wanted.get("uid", ""))
    found = orjson.loads(
        await ask.services.pool.run("fuel_rows", {"what": what, "paging_params": page, **wanted})
    )
    end = found["paging_params"]["offset"] + len(found["objs"])
    found["next_cursor"] = str(end) if end < found["paging_params"]["total"] and found["objs"] else None
    return not_kept(json_answer(found))


async def csv_file(ask: Ask) -> Answer:
    """Answer ``/api/v1/csv/<name>``."""
    name, given = ask.path["name"], ask.parameters
    note_reading(ask, "fuel csv", name)
    arguments = {"name": name, "first": given.from_date, "last": given.to_date}
    found = orjson.loads(await ask.services.pool.run("fuel_csv", arguments, lambda _share: None))
    for detail in found["broken"]:
        WorkFailed(f"a row of the Fuel file {name}", detail).emit()
    kind = TAR if found["file"].endswith(".tar") else CSV
    headers = {"Content-Disposition": _attachment(found["file"])}
    return not_kept(Answer(b"", kind, headers=headers, packed=Packed(Path(found["path"]), found["bytes"])))


def _attachment(name: str) -> str:
    return f"attachment; filename={quote(name)}"
