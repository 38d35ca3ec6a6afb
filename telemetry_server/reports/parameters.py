"""The query parameters of routes as models: they check requests, and the document is made of them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from telemetry_server.reports.problems import Problem

MAX_PARAMETERS = 64
MAX_TEXT = 300
DAY_WORDS = "a day like `2026-11-27` or `20261127`, in UTC"
DAY_PATTERN = r"^([0-9]{4}-?[0-9]{2}-?[0-9]{2})?$"
OUTCOMES = ("stored", "duplicate", "quarantined", "pending", "deleted")


def _day(text: str) -> str:
    try:
        return f"{date.fromisoformat(text):%Y%m%d}"
    except ValueError:
        raise ValueError("not a date; write it like 2026-11-27 or 20261127") from None


def _day_or_hour(text: str) -> str:
    day, at, hour = text.partition("T")
    return _day(day) + at + hour


def _digits(text: Any) -> Any:
    if isinstance(text, str) and not (text.isascii() and text.isdigit()):
        raise ValueError("not a whole number; write it in decimal digits")  # pydantic takes 5.0, +5 and 5_0
    return text


def _only_json(text: Any) -> Any:
    if text != "json":
        raise ValueError("this answer has only the format json")
    return text


Whole = Annotated[int, BeforeValidator(_digits)]
Day = Annotated[
    str,
    Field(pattern=DAY_PATTERN, description=DAY_WORDS, examples=["20261127"]),
    AfterValidator(_day),
]
HOUR_WORDS = "a day like `2026-11-27` or `20261127`, or an hour like `2026-11-27T09`, in UTC"
DayOrHour = Annotated[
    str,
    Field(
        pattern=r"^([0-9]{4}-?[0-9]{2}-?[0-9]{2}(T([01][0-9]|2[0-3]))?)?$",
        description=HOUR_WORDS,
        examples=["20261127"],
    ),
    AfterValidator(_day_or_hour),
]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Format = Annotated[
    Literal["json", "csv"] | None, Field(description="`csv` for CSV; without it `Accept` decides")
]
OnlyJson = Annotated[
    Literal["json"] | None, BeforeValidator(_only_json), Field(description="`json` is the only format")
]
Reason = Annotated[str, Field(pattern=r"^[a-z_]{0,40}$", description="the name of a reason")]
Switch = Annotated[bool, Field(description="`1` or `0`")]


class Parameters(BaseModel):
    """Parameters of a route; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Empty(Parameters):
    """No parameters."""


class FormatOnly(Parameters):
    """Of an answer that comes whole."""

    format: Format = None


class JsonOnly(Parameters):
    """Of an answer that is one object with parts of its own, so that it has no CSV."""

    format: OnlyJson = None


class ListParameters(Parameters):
    """Of a list."""

    limit: Annotated[Whole, Field(ge=1, le=10_000, description="Most items of one answer")] = 100
    cursor: Annotated[
        str, Field(max_length=2000, description="`next_cursor` of the page before", examples=[""])
    ] = ""
    format: Format = None


class Span(ListParameters):
    """Of a list over days, both ends included."""

    first: Annotated[Day | None, Field(alias="from", description=DAY_WORDS)] = None
    last: Annotated[Day | None, Field(alias="to", description=DAY_WORDS)] = None


class PageParameters(Parameters):
    """Of a page: with ``format`` the same view of the API."""

    format: Format = None


class PingsParameters(Span):
    """Of the list of pings."""

    q: Annotated[
        str, Field(pattern=r"^[0-9A-Fa-f-]{0,36}$", description="a document id or its beginning")
    ] = ""
    namespace: Text = ""
    doctype: Text = ""
    channel: Text = ""
    version: Text = ""
    debug_id: Text = ""
    day: Annotated[Day | None, Field(description=DAY_WORDS)] = None
    outcome: Literal["stored", "duplicate", "quarantined", "pending", "deleted"] | None = None
    reason: Text = ""


class SubmissionsParameters(ListParameters):
    """Of the counts of submissions."""

    first: Annotated[DayOrHour | None, Field(alias="from", description=HOUR_WORDS)] = None
    last: Annotated[DayOrHour | None, Field(alias="to", description=HOUR_WORDS)] = None
    by: Annotated[Literal["hour", "day", "reason"], Field(description="What an item stands for")] = "day"


class QuarantineParameters(ListParameters):
    """Of what is in quarantine."""

    day: Annotated[Day | None, Field(description=DAY_WORDS)] = None
    first: Annotated[Day | None, Field(alias="from", description=DAY_WORDS)] = None
    last: Annotated[Day | None, Field(alias="to", description=DAY_WORDS)] = None
    reason: Reason = ""
    histogram: Annotated[Text, Field(description="only dropped histograms of this name")] = ""
    bodies: Annotated[Switch, Field(description="`1`: with bodies (role analyst)")] = False


class QuarantineCountParameters(Span):
    """Of what is in quarantine, counted."""

    by: Annotated[Literal["day", "hour"], Field(description="What an item stands for")] = "day"
    reason: Reason = ""
    histogram: Annotated[Text, Field(description="only dropped histograms of this name")] = ""


class ReplayParameters(ListParameters):
    """Of a trial of a replay."""

    reason: Reason = ""


class ReportParameters(Parameters):
    """Of a report that comes whole, over days of arrival, both ends included."""

    first: Annotated[Day | None, Field(alias="from", description=DAY_WORDS)] = None
    last: Annotated[Day | None, Field(alias="to", description=DAY_WORDS)] = None
    format: Format = None


class DriftParameters(ReportParameters):
    """Of the table of drift."""

    state: Literal["silent", "undeclared", "expired", "broken"] | None = None
    q: Annotated[Text, Field(description="part of a probe's name, in any case")] = ""


class StoresParameters(ReportParameters):
    """Of the report on stores."""

    store: Annotated[Text, Field(description="only this store")] = ""


class NormandyParameters(Parameters):
    """Of figures of uptake and studies."""

    first: Annotated[Day | None, Field(alias="from", description=DAY_WORDS)] = None
    last: Annotated[Day | None, Field(alias="to", description=DAY_WORDS)] = None
    channel: Text = ""
    version: Text = ""
    carrier: Annotated[
        Literal["histogram", "event", "glean"] | None, Field(description="how the reports came")
    ] = None
    format: Format = None


class OnePingParameters(JsonOnly):
    """Of one ping."""

    body: Annotated[Switch, Field(description="`1`: with the body (role analyst)")] = False


Model = TypeVar("Model", bound=BaseModel)


def parsed(model: type[Model], query: str) -> Model:
    """
    Return the parameters in *query*, the part of a target behind ``?``; an empty value counts as absent.

    Raises:
        Problem: One is unknown, wrong, or given twice; it names the parameter.
    """
    try:
        pairs = parse_qsl(
            query,
            keep_blank_values=True,
            strict_parsing=False,
            max_num_fields=MAX_PARAMETERS,
            errors="strict",
        )
    except ValueError:  # too many, or not UTF-8
        raise Problem("bad-parameter", "The query string cannot be read.") from None
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise _bad(name, "given twice")
        values[name] = value
    return checked(
        model, {name: value for name, value in values.items() if value or not _is_known(model, name)}
    )


def checked(model: type[Model], values: Mapping[str, Any]) -> Model:
    """
    Return *values* as a *model*.

    Raises:
        Problem: One of them is wrong.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = ".".join(str(part) for part in first["loc"][:1]) or "the body"
        if first["type"] == "extra_forbidden":
            raise _bad(
                name, f"unknown; known are {', '.join(_names(model))}" if _names(model) else "unknown"
            ) from None
        raise _bad(name, _reason(model, name, first)) from None


def days_asked(given: PingsParameters | QuarantineParameters) -> dict[str, str]:
    """
    Return the first and the last day that are wanted; an empty end is open.

    Raises:
        Problem: A day is given beside a span.
    """
    if given.day and (given.first or given.last):
        raise _bad("day", "give either day, or from and to")
    return {"first_day": given.day or given.first or "", "last_day": given.day or given.last or ""}


def _reason(model: type[BaseModel], name: str, error: Mapping[str, Any]) -> str:
    if error["type"] == "string_pattern_mismatch":
        field = next((f for key, f in model.model_fields.items() if name in (key, f.alias)), None)
        return (
            f"not valid; expected is {field.description if field and field.description else 'another form'}"
        )
    message = str(error["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _names(model: type[BaseModel]) -> Sequence[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _is_known(model: type[BaseModel], name: str) -> bool:
    return name in _names(model)


def shown_name(name: str) -> str:
    """Return *name* as problems show the name of a parameter."""
    return name if name.isprintable() and len(name) <= 60 else ascii(name[:60])


def _bad(name: str, why: str) -> Problem:
    shown = shown_name(name)
    return Problem("bad-parameter", f"{shown}: {why}", members={"parameter": shown})
