"""Failure reports with their contacts, for support: ``/api/v1/fuel/failures``."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from telemetry_server.access.roles import Right
from telemetry_server.fuel.database.errors import FuelDatabaseError
from telemetry_server.fuel.database.failure_filter import FailureFilter
from telemetry_server.observability.events import WorkFailed
from telemetry_server.reports.answers import Answer, csv_answer, json_answer, not_kept
from telemetry_server.reports.api import note_reading
from telemetry_server.reports.cursor import cursor_of, texts_after
from telemetry_server.reports.parameters import Empty, Span, Text
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.route import Ask, Route

if TYPE_CHECKING:
    from telemetry_server.fuel.support.archive import FailurePage

CSV_COLUMNS = (
    *("received_at", "report_id", "master_node_uid", "cluster_id", "operation", "external_id"),
    *("error_type", "summary", "times", "state"),
)


def _uid(text: str) -> str:
    return text.strip()


class FailuresParameters(Span):
    """Of the list of failure reports; days are those of arrival."""

    uid: Annotated[Text, AfterValidator(_uid), Field(description="a master_node_uid")] = ""


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Contact(_Open):
    """Who asked to be called."""

    last_name: str | None
    first_name: str | None
    email: str | None
    company: str | None
    phone: str | None
    job_title: str | None
    country: str | None


class MessageState(_Open):
    """Where the message about it is."""

    state: str
    times: int
    deliveries: list[dict[str, Any]]


class FailureReport(_Open):
    """A failed operation, as its installation reported it."""

    report_id: str
    received_at: str
    occurred_at: str | None
    master_node_uid: str
    cluster_id: int | None
    operation: str | None
    external_id: int | None
    error: dict[str, Any]
    environment: dict[str, Any]
    contact: Contact | None
    contact_problem: str | None
    message: MessageState | None


class FailureReports(_Open):
    """A page of failure reports."""

    items: list[FailureReport]
    next_cursor: str | None


async def failures(ask: Ask) -> Answer:
    """Answer ``/api/v1/fuel/failures``."""
    found = await listed(ask)
    cursor = next_cursor(found)
    if ask.wants_csv:
        rows = [_flat(item) for item in found.items]
        return not_kept(csv_answer(CSV_COLUMNS, rows, {}))
    return not_kept(json_answer({"items": found.items, "next_cursor": cursor}))


async def one_failure(ask: Ask) -> Answer:
    """Answer ``/api/v1/fuel/failures/<report_id>``."""
    return not_kept(json_answer(await found_failure(ask)))


async def listed(ask: Ask) -> "FailurePage":
    """Return the failures that *ask* wants, and note in the access log that contacts were read."""
    given = ask.parameters
    after = texts_after(given.cursor, 2)
    wanted = FailureFilter(
        master_node_uid=given.uid,
        first=_day(given.first),
        before=_day(given.last, days=1),
        after=None if after is None else (datetime.fromisoformat(after[0]), after[1]),
    )
    found = await _page(ask, wanted, given.limit)
    note_reading(ask, "contacts of failure reports", given.uid)
    return found


async def found_failure(ask: Ask) -> dict[str, Any]:
    """Return the failure whose id is in the path; raises `Problem`."""
    try:
        report_id = str(UUID(ask.path["report_id"]))
    except ValueError:
        raise Problem("not-found", "The id of a failure report is a UUID.") from None
    found = await _page(ask, FailureFilter(report_id=report_id), 1)
    if not found.items:
        raise Problem("not-found", "There is no failure report with this id.")
    note_reading(ask, "contact of a failure report", report_id)
    return found.items[0]


def next_cursor(found: "FailurePage") -> str | None:
    """Return the cursor of the next page; None at the end."""
    if found.after is None:
        return None
    moment, report_id = found.after
    return cursor_of([moment.isoformat(timespec="microseconds").replace("+00:00", "Z"), report_id])


async def _page(ask: Ask, wanted: FailureFilter, limit: int) -> "FailurePage":
    archive = ask.services.options.failures
    if archive is None:
        raise Problem("not-found", "This server takes no failure reports: the setting fuel is false.")
    try:
        return await asyncio.get_running_loop().run_in_executor(None, archive.page, wanted, limit)
    except FuelDatabaseError as error:
        WorkFailed("reading failure reports", str(error)).emit()
        raise Problem(
            "unavailable", "The Fuel database does not answer; the server's log says why."
        ) from None


def _day(text: str | None, *, days: int = 0) -> datetime | None:
    return None if not text else datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=days)


def _flat(item: dict[str, Any]) -> list[Any]:
    message = item["message"] or {}
    more = {
        "error_type": item["error"].get("type"),
        "summary": item["error"].get("summary"),
        "times": message.get("times"),
        "state": message.get("state"),
    }
    return [{**item, **more}.get(name) for name in CSV_COLUMNS]


FUEL_FAILURE_ROUTES = (
    Route(
        "GET",
        "/api/v1/fuel/failures",
        failures,
        "Failure reports with their contacts, the newest first; CSV has no contacts.",
        Right.CONTACTS,
        FailuresParameters,
        FailureReports,
        has_csv=True,
        problems=(404,),
    ),
    Route(
        "GET",
        "/api/v1/fuel/failures/{report_id}",
        one_failure,
        "One failure report with its contact.",
        Right.CONTACTS,
        Empty,
        FailureReport,
        problems=(404,),
    ),
)
