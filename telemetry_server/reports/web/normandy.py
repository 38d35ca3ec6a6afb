"""The pages of Normandy: the overview, one recipe, one study."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from telemetry_server.normandy.vocabulary import MEANINGS, RECIPE, STATUSES
from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.normandy_api import question_of
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.addresses import path_of
from telemetry_server.reports.web.templates import page

CARRIERS = ("histogram", "event", "glean")


async def overview(ask: Ask) -> Answer:
    """Answer ``/normandy``."""
    if ask.parameters.format:
        return see_other(f"/api/v1/normandy/uptake?{ask.target.partition('?')[2]}")
    found: Any = await ask.services.ask_object("normandy", **question_of(ask))
    uptake = sorted(found["uptake"], key=_least_successful)
    return _page(
        ask,
        "normandy.html",
        runner=[row for row in found["uptake"] if row["kind"] == "runner"],
        actions=[row for row in uptake if row["kind"] == "action"],
        recipes=[row for row in uptake if row["kind"] == RECIPE],
        studies=found["studies"],
        anomalies=found["anomalies"],
        suppressed=found["suppressed"],
    )


async def recipe(ask: Ask) -> Answer:
    """Answer ``/normandy/recipes/<id>``."""
    found: Any = await ask.services.ask_object("recipe", name=ask.path["id"], **question_of(ask))
    words = [word for row in found["recipes"] for word in row["words"]]
    return _page(
        ask,
        "recipe.html",
        recipe=ask.path["id"],
        rows=found["recipes"],
        days=_by_day(found["days"], "word"),
        meanings=[(word, _meaning(word)) for word in dict.fromkeys(words)],
    )


async def study(ask: Ask) -> Answer:
    """Answer ``/normandy/studies/<slug>``."""
    found: Any = await ask.services.ask_object("study", name=ask.path["slug"], **question_of(ask))
    return _page(
        ask,
        "study.html",
        study=ask.path["slug"],
        rows=found["studies"],
        days=_by_day(found["days"], "method"),
    )


def _page(ask: Ask, template: str, **values: Any) -> Answer:
    given = {
        (field.alias or name): value
        for name, field in type(ask.parameters).model_fields.items()
        if (value := getattr(ask.parameters, name)) and name != "format"
    }
    return page(
        template,
        ask.services,
        ask.visitor,
        is_cacheable=True,
        given=given,
        query=urlencode(given),
        carriers=CARRIERS,
        address=_address,
        **values,
    )


def _address(folder: str, name: str) -> str | None:
    """Return the address of the page of *name*; None where it does not fit into a path."""
    return path_of(f"/normandy/{folder}", name)


def _least_successful(row: Mapping[str, Any]) -> tuple[bool, float, int]:
    value = row["success_rate"]["value"]
    return not row["is_unhealthy"], 1.0 if value is None else value, -row["n"]


def _meaning(word: str) -> str:
    names = STATUSES[RECIPE].get(word, ())
    return "; or ".join(f"{name}: {MEANINGS[name]}" for name in names) or "recipes do not report this"


def _by_day(rows: Iterable[Mapping[str, Any]], column: str) -> dict[str, Any]:
    """Return a table for each carrier: columns, and a row a day."""
    tables: dict[str, Any] = {}
    for row in rows:
        table = tables.setdefault(row["carrier"], {"columns": [], "days": {}})
        if row[column] not in table["columns"]:
            table["columns"].append(row[column])
        table["days"].setdefault(row["day"], {})[row[column]] = row["n"]
    return tables
