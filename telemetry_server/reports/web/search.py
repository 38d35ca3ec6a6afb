"""The search over everything: an exact id or name leads to its page, a part of one to a list."""

import re
from typing import Any

from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.parameters import Parameters, Text
from telemetry_server.reports.probes_api import ProbesParameters, probe_list
from telemetry_server.reports.queries.errors import BadQuery
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.addresses import address, path_of, probe_path
from telemetry_server.reports.web.templates import page

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ID_BEGINNING = re.compile(r"[0-9a-fA-F-]{4,36}")
MAX_FOUND = 20


class SearchParameters(Parameters):
    """Of the search."""

    q: Text = ""


async def search(ask: Ask) -> Answer:
    """Answer ``/search``."""
    q = ask.parameters.q.strip()
    if UUID.fullmatch(q):
        return see_other(f"/pings/{q.lower()}")
    found: dict[str, Any] = {"probes": {"items": [], "total": 0}, "pings": [], "studies": []}
    if q:
        found["probes"] = await probe_list(ask, ProbesParameters(q=q, state="all", limit=MAX_FOUND))
        exact = await _exact_probe(ask, q, found["probes"])
        if exact is not None:
            return see_other(exact)
        found["pings"] = await _pings(ask, q) if ID_BEGINNING.fullmatch(q) else []
        found["studies"], exact = await _studies(ask, q)
        if exact is not None:
            return see_other(exact)
    return page(
        "search.html",
        ask.services,
        ask.visitor,
        is_cacheable=True,
        found_by=q,
        probes=[{**item, "address": probe_path(item["name"])} for item in found["probes"]["items"]],
        probes_total=found["probes"]["total"],
        more_probes=address("/probes", {"q": q, "state": "all"}),
        pings=found["pings"],
        more_pings=address("/pings", {"q": q}),
        studies=found["studies"],
    )


async def _exact_probe(ask: Ask, q: str, found: dict[str, Any]) -> str | None:
    """Return the page of the probe that is named *q*, in this case of letters or as the only one in any."""
    names = [item["name"] for item in found["items"]]
    if q in names:
        return probe_path(q)
    alike = [name for name in names if name.casefold() == q.casefold()]
    if len(alike) == 1:
        return probe_path(alike[0])
    if found["total"] > len(names):  # the exact name may be behind the first ones
        listed = await probe_list(ask, ProbesParameters(q=q, state="all", limit=10_000))
        return probe_path(q) if any(item["name"] == q for item in listed["items"]) else None
    return None


async def _pings(ask: Ask, q: str) -> Any:
    names = ("namespace", "doctype", "channel", "version", "debug_id", "outcome", "reason")
    wanted = dict.fromkeys((*names, "first_day", "last_day"), "")
    found = await ask.services.ask_object(
        "pings", filter={**wanted, "q": q.lower()}, after=None, limit=MAX_FOUND
    )
    return found["items"]


async def _studies(ask: Ask, q: str) -> tuple[list[dict[str, str]], str | None]:
    """Return the studies and recipes whose names have *q*, and the address of the one that is named so."""
    try:
        found: Any = await ask.services.ask_object("normandy")
    except BadQuery:  # without DuckDB there are no studies
        return [], None
    names = {("studies", row["study"]) for row in found["studies"] if row["study"]}
    names |= {("recipes", row["name"]) for row in found["uptake"] if row["kind"] == "recipe" and row["name"]}
    studies = []
    for folder, name in sorted(names):
        where = path_of(f"/normandy/{folder}", name)
        if where is not None and q.casefold() in name.casefold():
            if name == q:
                return [], where
            studies.append(
                {"name": name, "kind": "study" if folder == "studies" else "recipe", "address": where}
            )
    return studies[:MAX_FOUND], None
