"""The form of an address with a wrong parameter: what was given, with the wrong field marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin
from urllib.parse import parse_qsl

from telemetry_server.reports.parameters import MAX_PARAMETERS, shown_name
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.route import Route
from telemetry_server.reports.web.addresses import NOT_OF_THE_VIEW, address


@dataclass(frozen=True, slots=True)
class GivenField:
    """One parameter as it was given; a select where only some values are possible."""

    name: str
    value: str
    options: Sequence[str]
    is_wrong: bool


@dataclass(frozen=True, slots=True)
class Correction:
    """What a page offers instead of a view with a wrong parameter."""

    path: str
    fields: Sequence[GivenField]
    without: str  # the address without the wrong parameter
    wrong: str


def correction_of(problem: Problem, route: Route | None, target: str) -> Correction | None:
    """Return the form for *target*; None where no parameter of a page's address is wrong."""
    wrong = problem.members.get("parameter")
    if problem.name != "bad-parameter" or wrong is None or route is None or route.method != "GET":
        return None
    path, _, query = target.partition("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict")
    except ValueError:
        return None
    given = {name: value for name, value in reversed(pairs) if name not in NOT_OF_THE_VIEW or name == wrong}
    known = {} if route.parameters is None else route.parameters.model_fields
    annotations = {field.alias or name: field.annotation for name, field in known.items()}
    fields = [
        GivenField(name, value, _options(annotations[name]), is_wrong=name == wrong)
        for name, value in reversed(given.items())
        if name in annotations
    ]
    rest = {name: value for name, value in reversed(given.items()) if shown_name(name) != wrong}
    return Correction(path, fields, address(path, rest), wrong)


def _options(annotation: Any) -> list[str]:
    """Return the texts that a parameter may have; empty where it may have any."""
    if get_origin(annotation) is Literal:
        return [str(each) for each in get_args(annotation)]
    found = [_options(each) for each in get_args(annotation) if each is not type(None)]
    return found[0] if len(found) == 1 else []
