"""The transparency page: what is collected, who answers for it, why, and how long it is kept."""

from collections.abc import Mapping
from typing import Any

import orjson

from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.collected_api import CollectedParameters, collected_of
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.addresses import address, probe_path, view_of
from telemetry_server.reports.web.static_files import STYLE, style
from telemetry_server.reports.web.templates import page, rendered

API = "/api/v1/collected"
FOR_EVER = "for ever"
MADE_OF = {
    "generator": "made by the generator",
    "schema": "made from the registered schema",
    "definitions": "made from the definitions of the application",
}
ARRIVALS = {
    "exact": "to the microsecond",
    "hour": "to the hour",
    "day": "to the day",
}
ACTIONS = {
    "unwanted": "refuses pings",
    "affected_by_bug": "refuses pings that a bug affects",
    "drop": "removes",
    "redact": "replaces the values of",
    "rewrite_keys": "replaces keys in",
    "coarsen": "stores less exactly:",
}
CLIENT_IDS = {
    "allowed": "stored if the ping has one",
    "required": "needed",
    "forbidden": "not allowed: the store is anonymous",
}


async def collected(ask: Ask) -> Answer:
    """Answer ``/collected``."""
    given: CollectedParameters = ask.parameters
    view = view_of(given)
    if given.format:
        return see_other(address(API, {**view, "format": given.format}))
    found = await collected_of(ask, given)
    of_list = {name: value for name, value in view.items() if name not in ("limit", "cursor")}
    cursor = found["next_cursor"]
    return page(
        "collected.html",
        ask.services,
        ask.visitor,
        is_cacheable=True,
        given=view,
        next_address=address("/collected", view_of(given, cursor=cursor)) if cursor else "",
        csv=address(API, {**of_list, "limit": 10_000, "format": "csv"}),
        json=address(API, {**of_list, "limit": 10_000}),
        **_shown(found, has_links=not ask.is_public),
    )


def static_files_of(found: Mapping[str, Any], instance: str) -> dict[str, bytes]:
    """Return the files of the page that needs no server, by name; *found* holds all probes."""
    text = rendered("collected_static.html", style=STYLE, instance=instance, **_shown(found, has_links=False))
    return {"index.html": text.encode("utf-8", "replace"), STYLE: style()}


def _shown(found: Mapping[str, Any], *, has_links: bool) -> dict[str, Any]:
    """Return what both forms of the page show."""
    return {
        "found": found,
        "doctypes": [_doctype(each) for each in found["doctypes"]],
        "probes": [
            {**each, "address": probe_path(each["name"]) if has_links and each["metric"] else ""}
            for each in found["probes"]
        ],
        "kept": [(what, words) for what, words in _kept(found["kept"]) if words],
        "client_ids": CLIENT_IDS,
        "actions": ACTIONS,
    }


def _doctype(doctype: Mapping[str, Any]) -> dict[str, Any]:
    sample = doctype["sample"]
    text = ""
    if sample is not None:
        text = orjson.dumps(sample["ping"], option=orjson.OPT_INDENT_2).decode()
    return {
        **doctype,
        "exactness": f"time of arrival {ARRIVALS[doctype['arrival']]}, version of the application "
        f"{'up to its first dot' if doctype['version'] == 'major' else 'whole'}",
        "sample_text": text,
        "made_of": MADE_OF[sample["made_of"]] if sample else "",
    }


def _kept(kept: Mapping[str, Any]) -> list[tuple[str, str]]:
    contacts = "" if kept["contacts"] is None else days_of(kept["contacts"])
    ids = "as long as its record" if kept["ids"] is None else days_of(kept["ids"])
    return [
        ("Records: pings as they are stored, and tables of them", days_of(kept["records"])),
        ("Sums of many pings, without client ids once their records are gone", FOR_EVER),
        ("Pings as they were received", f"{days_of(kept['raw'])}, and until they are converted"),
        ("Pings that were refused", days_of(kept["quarantine"])),
        ("The id of a ping, to find repeats", ids),
        ("Contacts in failure reports of Fuel, encrypted", contacts),
        (
            "Everything of a client that asks for deletion",
            f"at most {days_of(kept['after_deletion_request'])} after its request",
        ),
        (
            "The address of the sender",
            "its network (/24 or /48), as long as pings as they were received"
            if kept["client_address"] == "truncated"
            else "not kept",
        ),
    ]


def days_of(days: float | None) -> str:
    """Return a time in days, in words."""
    if days is None:
        return FOR_EVER
    return f"{days:g} {'day' if days == 1 else 'days'}"
