"""The handlers of ``/api/v1/histogram`` and ``/api/v1/clients``."""

import re
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from telemetry_server.reports.answers import Answer, csv_answer, json_answer
from telemetry_server.reports.parameters import DAY_WORDS, Day, Format, Parameters, Switch, Text
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.route import Ask

DIMENSIONS = ("channel", "version", "application", "os", "os_version", "architecture", "doctype")
CLIENT_DIMENSIONS = (*DIMENSIONS, "country")
CLIENT_GROUPINGS = ("day", "week", "month", "build", *CLIENT_DIMENSIONS)
_PERCENTILE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")
MAX_PERCENTILES = 20
BUCKET_COLUMNS = ("group", "start", "label", "count")


def _percentiles(text: str) -> str:
    parts = text.split(",")
    if len(parts) > MAX_PERCENTILES or not all(
        _PERCENTILE.fullmatch(part.strip()) and float(part) <= 100 for part in parts
    ):
        raise ValueError(f"not at most {MAX_PERCENTILES} numbers from 0 to 100, separated by commas")
    return text


Percentiles = Annotated[str, AfterValidator(_percentiles), Field(max_length=300, examples=["50,99.9"])]
DEFAULT_PERCENTILES = "5,25,50,75,95"


def _client_groupings(text: str) -> str:
    for name in text.split(","):
        if name.strip() not in CLIENT_GROUPINGS:
            raise ValueError(f"not names of {', '.join(CLIENT_GROUPINGS)}, separated by commas")
    return text


class SelectionParameters(Parameters):
    """Which measurements count, and by what they are grouped."""

    by: Literal["build", "day", "version", "branch"] = "build"
    experiment: Annotated[Text, Field(description="Of `by=branch`")] = ""
    application: Text = ""
    doctype: Text = ""
    channel: Text = ""
    version: Annotated[Text, Field(description="The major one; what follows its first dot is ignored")] = ""
    os: Text = ""
    os_version: Text = ""
    architecture: Text = ""
    process: Text = ""
    label: Annotated[Text | None, Field(description="Key of a keyed measurement; without it all")] = None
    first: Annotated[Day | None, Field(alias="from", description=DAY_WORDS)] = None
    last: Annotated[Day | None, Field(alias="to", description=DAY_WORDS)] = None
    as_of: Annotated[
        Day | None, Field(description=f"Only pings that came up to the end of that day: {DAY_WORDS}")
    ] = None
    format: Format = None


class HistogramParameters(SelectionParameters):
    """Of a histogram."""

    metric: Annotated[Text, Field(min_length=1, description="Name of the measurement", examples=["GC_MS"])]
    weight: Annotated[Literal["samples", "clients"], Field(description="What counts the same")] = "samples"
    percentiles: Percentiles = DEFAULT_PERCENTILES
    compare: Annotated[
        str,
        Field(
            pattern=r"^([0-9]{1,4}|[0-9]{8})?$",
            description="A major version, or a build date, whose histogram is beside the rows",
        ),
    ] = ""
    merge: Annotated[
        Literal["coarsen"] | None, Field(description="Add histograms whose definitions differ")
    ] = None
    smoothed: Annotated[Switch, Field(description="`1`: shares by client as GLAM shows them")] = False
    total: Annotated[Switch, Field(description="`1`: all groups together as one row")] = False


class ClientsParameters(Parameters):
    """Of counts of clients."""

    by: Annotated[
        str, AfterValidator(_client_groupings), Field(max_length=200, examples=["version,channel,day"])
    ] = "day"
    first: Annotated[Day | None, Field(alias="from", description=DAY_WORDS)] = None
    last: Annotated[Day | None, Field(alias="to", description=DAY_WORDS)] = None
    format: Format = None


class _Answered(BaseModel):
    model_config = ConfigDict(extra="allow")


class HistogramPercentile(_Answered):
    """One percentile: the start of its bucket, and a value between it and the next."""

    p: float
    value: int | None
    estimate: float | None
    at_least: bool


class HistogramRow(_Answered):
    """One build, day, version or branch."""

    group: str
    starts: list[int]
    counts: list[float]
    sum: int | None
    samples: int
    instances: int
    pings: int
    clients: int | None
    without_client: int
    sum_unknown: int
    mean: float | None
    percentiles: list[HistogramPercentile]


class Histogram(_Answered):
    """The distribution of a measurement."""

    metric: str
    kind: str | None
    weight: Literal["samples", "clients"]
    as_of: str | None
    rows: list[HistogramRow]
    suppressed: dict[str, int]
    other_shapes: list[dict[str, Any]]
    left_out: dict[str, int]
    sealed_days: list[str]


class ClientsRow(_Answered):
    """Clients and pings of one combination of values."""

    clients: int | None
    pings: int


class Clients(_Answered):
    """Distinct clients."""

    as_of: str | None
    rows: list[ClientsRow]
    suppressed: dict[str, int]
    sealed_days: list[str]


async def histogram(ask: Ask) -> Answer:
    """Answer ``/api/v1/histogram``."""
    found = await histogram_of(ask, ask.parameters)
    if not ask.wants_csv:
        return json_answer(found)
    rows: Any = found["rows"]
    lines = [
        [row["group"], start, label, count]
        for row in rows
        for start, label, count in zip(
            row["starts"], row.get("labels", [""] * len(row["starts"])), row["counts"], strict=True
        )
    ]
    return csv_answer(BUCKET_COLUMNS, lines, {})


async def histogram_of(ask: Ask, given: HistogramParameters) -> dict[str, object]:
    """
    Return the answer to *given*, for the API and for pages alike.

    Raises:
        Problem: The metric is unknown, or the public does not see it.
    """
    if given.by == "branch" and not given.experiment:
        raise Problem("bad-parameter", "by=branch needs an experiment.", members={"parameter": "experiment"})
    if ask.is_public and is_hidden(ask, given.metric):
        raise _no_such_metric(given.metric)
    found = await ask.services.ask_object("histogram", **histogram_arguments(given), is_public=ask.is_public)
    if "unknown" in found:
        raise _no_such_metric(given.metric)
    return found


def histogram_arguments(given: HistogramParameters) -> dict[str, object]:
    """Return the arguments of the query ``histogram``."""
    return {
        "metric": given.metric,
        "by": given.by,
        "experiment": given.experiment,
        "dimensions": {name: getattr(given, name) for name in DIMENSIONS},
        "process": given.process,
        "label": given.label,
        "first": given.first or "",
        "last": given.last or "",
        "weight": given.weight,
        "percentiles": [part.strip() for part in given.percentiles.split(",")],
        "compare": given.compare,
        "merges": given.merge is not None,
        "is_smoothed": given.smoothed,
        "is_total": given.total,
        "as_of": given.as_of or "",
    }


def is_hidden(ask: Ask, metric: str) -> bool:
    """Return whether the public does not see *metric*."""
    return any(fnmatchcase(metric, pattern) for pattern in ask.services.options.aggregates_hidden)


def _no_such_metric(metric: str) -> Problem:
    return Problem(
        "not-found",
        f"No revision defines {metric}, and no ping has it.",
        members={"reason": "no_such_metric"},
    )


async def clients(ask: Ask) -> Answer:
    """Answer ``/api/v1/clients``."""
    given = ask.parameters
    by = list(dict.fromkeys(name.strip() for name in given.by.split(",")))
    found = await ask.services.ask_object(
        "clients",
        by=by,
        first=given.first or "",
        last=given.last or "",
        totals_by=None,
        is_public=ask.is_public,
    )
    if not ask.wants_csv:
        return json_answer(found)
    columns = [*by, "clients", "pings"]
    rows: Any = found["rows"]
    return csv_answer(columns, [[row[name] for name in columns] for row in rows], {})
