"""The pages of failure reports, for support."""

from typing import Any
from urllib.parse import urlencode

from telemetry_server.access.roles import Right
from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.fuel_failures import (
    FailuresParameters,
    found_failure,
    listed,
    next_cursor,
)
from telemetry_server.reports.parameters import Empty
from telemetry_server.reports.route import Ask, Route
from telemetry_server.reports.web.templates import page


async def failures_page(ask: Ask) -> Answer:
    """Answer ``/fuel/failures``."""
    if ask.parameters.format:
        return see_other(f"/api/v1/fuel/failures?{ask.target.partition('?')[2]}")
    found = await listed(ask)
    given: dict[str, Any] = {
        (field.alias or name): value
        for name, field in type(ask.parameters).model_fields.items()
        if (value := getattr(ask.parameters, name)) not in ("", None, 100) and name != "format"
    }
    cursor = next_cursor(found)
    return page(
        "fuel_failures.html",
        ask.services,
        ask.visitor,
        items=found.items,
        given=given,
        query=urlencode(given),
        next_query=urlencode({**given, "cursor": cursor}) if cursor else "",
    )


async def failure_page(ask: Ask) -> Answer:
    """Answer ``/fuel/failures/<report_id>``."""
    return page("fuel_failure.html", ask.services, ask.visitor, failure=await found_failure(ask))


FUEL_FAILURE_PAGES = (
    Route(
        "GET",
        "/fuel/failures",
        failures_page,
        "Failure reports.",
        Right.CONTACTS,
        FailuresParameters,
        problems=(404,),
    ),
    Route(
        "GET",
        "/fuel/failures/{report_id}",
        failure_page,
        "One failure report.",
        Right.CONTACTS,
        Empty,
        problems=(404,),
    ),
)
