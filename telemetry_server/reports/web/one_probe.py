"""The page of one probe: its counts, evolution, distribution, percentiles and definition."""

from typing import Any

from telemetry_server.reports.aggregates_api import histogram_arguments, histogram_of, is_hidden
from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.probes_api import behind, probe_of
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.queries.errors import NothingFound
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.addresses import address, probe_path, view_of
from telemetry_server.reports.web.branches import Branches, branches_of
from telemetry_server.reports.web.definition_view import definition_lines, facts_of
from telemetry_server.reports.web.distribution import DistributionView, distribution, percentile_lines
from telemetry_server.reports.web.evolution import EvolutionView, evolution
from telemetry_server.reports.web.filter_form import filter_form
from telemetry_server.reports.web.probe_notes import Empty, notes_of, why_empty
from telemetry_server.reports.web.probe_parameters import OneProbeParameters
from telemetry_server.reports.web.probe_question import Found, ProbeView, answer_of, check_groups
from telemetry_server.reports.web.templates import page, plain_text

UNDEFINED = "undefined"


async def one_probe(ask: Ask) -> Answer:
    """Answer ``/probes/<name>``."""
    given: OneProbeParameters = ask.parameters
    name = ask.path["name"]
    probe = await _probe(ask, name)
    view = ProbeView(ask, name, probe["metric"], given)
    if given.format:
        return see_other(f"{view.api()}&format={given.format}")
    check_groups(given)
    if ask.is_public and is_hidden(ask, view.metric):
        raise Problem("not-found", f"No probe is named {name}.")
    shown: dict[str, Any] = {
        "scope_words": _scope_words(view),
        "evolution": None,
        "distribution": [],
        "percentiles": [],
        "branches": None,
    }
    offered: Found = {
        "values": {},
        "hidden": 0,
        "suppress_below": 1,
        "groups": [],
        "shapes": [],
        "changes": [],
    }
    answer: Found = {"rows": [], "kind": None, "as_of": None, "suppressed": {"cells": 0}}
    empty: Empty | None = None
    scope: Found | None = None
    if view.metric:
        asked = given.asked(view.metric)
        offered = await ask.services.ask_object(
            "metric_view", **histogram_arguments(asked), is_public=ask.is_public
        )
        answer = await answer_of(view)
        if answer["rows"]:
            scope = await _add_charts(view, answer, offered, shown)
        if scope is None:
            empty = await why_empty(view, answer, offered)
    return page(
        "one_probe.html",
        ask.services,
        ask.visitor,
        is_cacheable=True,
        view=view,
        name=name,
        title=plain_text(name),
        given=given,
        facts=facts_of(probe),
        definitions=definition_lines(probe, offered["shapes"], given.by),
        form=filter_form(view, offered["values"], answer),
        answer=answer,
        scope=scope,
        notes=notes_of(view, answer, offered),
        empty=empty,
        keys=_keys(view, offered),
        **shown,
    )


async def _probe(ask: Ask, name: str) -> Found:
    """Return the definitions of a probe; of a metric that pings have and nothing defines, none."""
    try:
        return await probe_of(ask, name)
    except NothingFound as error:
        given: OneProbeParameters = ask.parameters
        try:
            await histogram_of(ask, given.asked(name, experiment="", by="build", first=None, last=None))
        except Problem as problem:
            if problem.name == "not-found":
                raise Problem("not-found", str(error)) from None
            raise
        return {"name": name, "kind": UNDEFINED, "metric": name, "definitions": []}


async def _add_charts(view: ProbeView, answer: Found, offered: Found, shown: dict[str, Any]) -> Found | None:
    """Fill in what is drawn; return the row that the counts are of, None where it has nothing."""
    given = view.given
    if given.experiment:
        return await _add_branches(view, answer, shown)
    shown["evolution"] = evolution(
        EvolutionView(
            answer=answer,
            groups=offered["groups"],
            changes=offered["changes"],
            by=given.by,
            at=given.at,
            is_logarithmic=given.scale == "log",
            pings_address=lambda group: view.pings(group=group),
            group_address=lambda group: view.with_(at=group),
            csv=view.csv(),
            json=view.api(),
        )
    )
    more = {"total": True, "compare": given.compare, **view.bounds()}
    found = {weight: await answer_of(view, weight=weight, **more) for weight in ("samples", "clients")}
    if not found["samples"]["rows"]:
        return None
    # By client the days whose records are gone do not count.
    found = {weight: each for weight, each in found.items() if each["rows"]}
    compared = {weight: (each.get("compare") or {}).get("row") for weight, each in found.items()}
    _add_distribution(
        view,
        DistributionView(
            kind=found["samples"]["kind"],
            rows={weight: each["rows"][0] for weight, each in found.items()},
            compared=compared,
            compared_name=given.compare,
            scope=_scope_words(view),
            bucket_address=lambda start: view.pings_of_scope(bucket=start),
            csv={weight: view.csv(weight=weight, **more) for weight in found},
            json={weight: view.api(weight=weight, **more) for weight in found},
            merges=given.merge is not None and bool(answer["other_shapes"]),
        ),
        shown,
    )
    row: Found = found["samples"]["rows"][0]
    return row


async def _add_branches(view: ProbeView, answer: Found, shown: dict[str, Any]) -> Found | None:
    by_weight = {weight: await answer_of(view, weight=weight) for weight in ("samples", "clients")}
    branches: Branches | None = branches_of(view.given, by_weight, lambda group: view.pings(group=group))
    if branches is None:
        return None
    shown["branches"] = branches
    shown["scope_words"] = f"branch {plain_text(branches.chosen_name)} of {_scope_words(view)}"
    _add_distribution(
        view,
        DistributionView(
            kind=answer["kind"],
            rows=branches.chosen,
            compared=branches.compared,
            compared_name=branches.compared_name,
            scope=shown["scope_words"],
            bucket_address=lambda start: view.pings(bucket=start, group=branches.chosen_name),
            csv={weight: view.csv(weight=weight) for weight in by_weight},
            json={weight: view.api(weight=weight) for weight in by_weight},
        ),
        shown,
    )
    return branches.chosen["samples"]


def _add_distribution(view: ProbeView, drawn: DistributionView, shown: dict[str, Any]) -> None:
    shown["distribution"] = distribution(drawn)
    shown["percentiles"] = percentile_lines(drawn)
    shown["compared_name"] = plain_text(drawn.compared_name) if drawn.compared.get("samples") else ""


def _scope_words(view: ProbeView) -> str:
    given = view.given
    if given.experiment:
        return f"experiment {plain_text(given.experiment)}"
    if given.at:
        return f"{given.by} {given.at}"
    if given.first or given.last:
        return f"{given.by}s {given.first or 'from the first'} to {given.last or 'the last'}"
    return f"all {given.by}s"


def _keys(view: ProbeView, offered: Found) -> Found | None:
    """Return the keys of a keyed probe, the most frequent first."""
    labels = offered["values"].get("label") or []
    if not labels or view.given.label:
        return None
    most = labels[0]["samples"] or 1
    shown = labels[: view.given.limit]
    return {
        "rows": [
            {**each, "address": view.with_(label=each["value"]), "share": each["samples"] / most}
            for each in shown
        ],
        "more": len(labels) - len(shown),
        "all_address": view.with_(limit=10_000),
    }


async def pings_of_probe(ask: Ask) -> Answer:
    """Answer ``/probes/<name>/pings``."""
    name = ask.path["name"]
    given = view_of(ask.parameters)
    path = f"{probe_path(name)}/pings"
    if ask.parameters.format:
        return see_other(f"/api/v1{address(path, given | {'format': ask.parameters.format})}")
    found = await behind(ask)
    after = given | {"cursor": found["next_cursor"]} if found["next_cursor"] else {}
    return page(
        "probe_pings.html",
        ask.services,
        ask.visitor,
        name=name,
        title=plain_text(name),
        path=probe_path(name),
        filters=[
            f"{key.replace('_', ' ')} {value}"
            for key, value in given.items()
            if key not in ("cursor", "limit")
        ],
        items=found["items"],
        next_address=address(path, after) if after else "",
        api=f"/api/v1{address(path, given)}",
        csv=f"/api/v1{address(path, given | {'format': 'csv'})}",
    )
