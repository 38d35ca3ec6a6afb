"""The filters of a probe's page: a form whose selects list what the data has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from telemetry_server.reports.web.addresses import view_of
from telemetry_server.reports.web.probe_question import ProbeView
from telemetry_server.reports.web.templates import plain_text

MAX_OPTIONS = 300
WORDS = {
    "channel": "Channel",
    "version": "Version",
    "os": "System",
    "process": "Process",
    "application": "Application",
    "os_version": "System version",
    "architecture": "Architecture",
    "doctype": "Ping type",
    "label": "Key",
}
FIRST = ("channel", "version", "os", "process")
MORE = ("application", "os_version", "architecture", "doctype")


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a select."""

    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form; a select where it has options."""

    name: str
    words: str
    value: str
    options: Sequence[Option] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True)
class FilterForm:
    """The fields that are always there, and those behind "More filters"."""

    first: Sequence[Field]
    more: Sequence[Field]
    is_more_open: bool
    summary: Sequence[str]  # what is chosen, in words
    hidden: Mapping[str, Any]


def filter_form(
    view: ProbeView, values: Mapping[str, Sequence[Mapping[str, Any]]], answer: Mapping[str, Any]
) -> FilterForm:
    """Return the form of a view."""
    given = view.given
    chosen = view_of(given)
    groups = [str(row["group"]) for row in answer["rows"]]
    by_name = {name: _select(name, getattr(given, name), values.get(name, ())) for name in (*FIRST, *MORE)}
    first = [
        *(by_name[name] for name in FIRST),
        _compare(view, values.get("version", ()), groups),
        Field("by", "By", given.by, [Option("build", "build"), Option("day", "day of arrival")]),
        Field("from", "From", str(chosen.get("from", "")), hint="2026-11-27"),
        Field("to", "To", str(chosen.get("to", "")), hint="2026-11-27"),
    ]
    labels = values.get("label", ())
    more = [
        *(by_name[name] for name in MORE),
        *([_label(given.label, labels)] if labels or given.label else []),
        Field("experiment", "Experiment", given.experiment, hint="its name"),
        Field("at", "One branch" if given.experiment else f"One {given.by}", given.at, hint="all"),
        Field("weight", "Lines by", given.weight, [Option("samples", "sample"), Option("clients", "client")]),
        Field("percentiles", "Percentiles", given.percentiles),
        Field("scale", "Scale", given.scale, [Option("log", "logarithmic"), Option("linear", "linear")]),
        Field(
            "merge",
            "Definitions",
            given.merge or "",
            [Option("", "the newest alone"), Option("coarsen", "added where possible")],
        ),
        Field("as_of", "As of the end of", given.as_of or "", hint="today"),
    ]
    names = {field.name for field in more}
    hidden = {"limit": chosen["limit"]} if "limit" in chosen else {}
    summary = [_in_words(name, value) for name, value in chosen.items() if name != "limit"]
    return FilterForm(first, more, bool(names & chosen.keys()), summary, hidden)


def _in_words(name: str, value: Any) -> str:
    if name == "compare":
        return f"compared with {plain_text(value)}"
    return f"{WORDS.get(name, name).lower()} {plain_text(value)}"


def _select(name: str, value: str, values: Sequence[Mapping[str, Any]]) -> Field:
    known = [str(each["value"]) for each in values[:MAX_OPTIONS]]
    if value and value not in known:
        known = [value, *known]
    numbers = [each for each in known if each.isascii() and each.isdigit()]
    others = [each for each in known if each not in numbers]
    ordered = [*sorted(numbers, key=int, reverse=True), *others] if name == "version" else sorted(known)
    return Field(
        name, WORDS[name], value, [Option("", "all"), *(Option(each, plain_text(each)) for each in ordered)]
    )


def _compare(view: ProbeView, versions: Sequence[Mapping[str, Any]], groups: Sequence[str]) -> Field:
    given = view.given
    if given.experiment:
        known = groups
    else:
        known = [
            each
            for each in sorted({str(each["value"]) for each in versions}, reverse=True)
            if each.isascii() and each.isdigit() and len(each) <= 4
        ]
        if given.by == "build":
            known = [*known, *(each for each in reversed(groups) if len(each) == 8 and each.isdigit())]
    if given.compare and given.compare not in known:
        known = [given.compare, *known]
    none = "the next branch" if given.experiment else "nothing"
    options = [Option("", none), *(Option(each, plain_text(each)) for each in known[:MAX_OPTIONS])]
    return Field("compare", "Compare with", given.compare, options)


def _label(value: str, labels: Sequence[Mapping[str, Any]]) -> Field:
    if len(labels) > MAX_OPTIONS:
        return Field("label", WORDS["label"], value, hint="all")
    return _select("label", value, labels)
