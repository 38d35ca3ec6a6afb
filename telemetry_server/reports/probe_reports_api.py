"""The reports on drift and on stores: one reading of them for the API and for the pages."""

from typing import Any

from telemetry_server.reports.answers import Answer, csv_answer, json_answer
from telemetry_server.reports.route import Ask

DRIFT_COLUMNS = ("state", "metric", "kind", "pings", "pings_per_day", "owners", "reasons")


async def _found(ask: Ask, query: str) -> Any:
    """Return the answer of *query*, from the process for pages or from the one for long queries."""
    given = ask.parameters
    days = {"first_day": given.first or "", "last_day": given.last or ""}
    found = await ask.services.ask_object(f"{query}_at_once", **days)
    return await ask.services.ask_object(query, **days) if "takes_long" in found else found


async def drift_report(ask: Ask) -> dict[str, Any]:
    """Return ``days``, ``drift`` as the parameters want it, ``as_of``, ``schema_violations``, ``states``."""
    given = ask.parameters
    found = await _found(ask, "drift")
    wanted = given.q.casefold()
    named = [row for row in found["drift"] if wanted in row["metric"].casefold()]
    states: dict[str, int] = {}
    for row in named:
        states[row["state"]] = states.get(row["state"], 0) + 1
    rows = [row for row in named if given.state in (None, row["state"])]
    return {**found, "drift": rows, "states": states, "all": len(found["drift"])}


async def drift(ask: Ask) -> Answer:
    """Answer ``/api/v1/drift``."""
    found = await drift_report(ask)
    if not ask.wants_csv:
        return json_answer({name: found[name] for name in ("days", "drift", "suppressed")})
    return csv_answer(DRIFT_COLUMNS, [[row[name] for name in DRIFT_COLUMNS] for row in found["drift"]], {})


async def stores_report(ask: Ask) -> dict[str, Any]:
    """Return ``stores`` and ``shared`` as the parameters want them, ``as_of``, and all ``names``."""
    given = ask.parameters
    found = await _found(ask, "stores")
    names = [store["store"] for store in found["stores"]]
    if given.store:
        found["stores"] = [store for store in found["stores"] if store["store"] == given.store]
        found["shared"] = [row for row in found["shared"] if given.store in row["by_store"]]
    return {**found, "names": names}


async def stores(ask: Ask) -> Answer:
    """Answer ``/api/v1/stores``; as CSV the metrics of each store."""
    found = await stores_report(ask)
    if not ask.wants_csv:
        return json_answer({name: found[name] for name in ("stores", "shared", "suppressed")})
    rows = [
        [store["store"], metric["metric"], metric["process"], metric["count"]]
        for store in found["stores"]
        for metric in store["metrics"]
    ]
    return csv_answer(("store", "metric", "process", "pings"), rows, {})
