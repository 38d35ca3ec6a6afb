"""The handlers of ``/api/v1/normandy/…``."""

from typing import Any

from telemetry_server.normandy.answers import flat_rows
from telemetry_server.reports.answers import Answer, csv_answer, json_answer
from telemetry_server.reports.route import Ask


async def uptake(ask: Ask) -> Answer:
    """Answer ``/api/v1/normandy/uptake``."""
    return await _figures(ask, "uptake")


async def recipes(ask: Ask) -> Answer:
    """Answer ``/api/v1/normandy/recipes``."""
    return await _figures(ask, "recipes")


async def studies(ask: Ask) -> Answer:
    """Answer ``/api/v1/normandy/studies``."""
    return await _figures(ask, "studies")


async def _figures(ask: Ask, report: str) -> Answer:
    found: Any = await ask.services.ask_object(report, **question_of(ask))
    if ask.wants_csv:
        return csv_answer(*flat_rows(found[report]), {})
    return json_answer(found)


def question_of(ask: Ask) -> dict[str, str]:
    """Return the fields of `telemetry_server.normandy.answers.Question` that were asked for."""
    given = ask.parameters
    return {
        "first_day": given.first or "",
        "last_day": given.last or "",
        "channel": given.channel,
        "version": given.version,
        "carrier": given.carrier or "",
    }
