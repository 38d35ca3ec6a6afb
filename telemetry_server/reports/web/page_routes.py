"""The table of pages."""

from typing import Annotated, Literal

from pydantic import Field

from telemetry_server.access.roles import Right
from telemetry_server.reports.parameters import (
    DayOrHour,
    Empty,
    NormandyParameters,
    OnePingParameters,
    PageParameters,
    Parameters,
    PingsParameters,
    Switch,
)
from telemetry_server.reports.route import Route
from telemetry_server.reports.web import normandy, overview, pings, sign_in
from telemetry_server.reports.web.static_files import static_file


class OverviewParameters(PageParameters):
    """Of the first page."""

    last: Literal["1h", "24h", "7d", "30d"] = "24h"
    at: DayOrHour | None = None


class PingsPageParameters(PingsParameters):
    """Of the list of pings, which can also show pings as they come."""

    live: Annotated[Switch, Field(description="`1`: new pings appear by themselves")] = False


class SignInParameters(Parameters):
    """Of the form."""

    next: str = "/"


PAGE_ROUTES = (
    Route("GET", "/", overview.overview, "What came, by hour.", Right.AGGREGATES, OverviewParameters),
    Route("GET", "/pings", pings.pings, "The list of pings.", Right.AGGREGATES, PingsPageParameters),
    Route("GET", "/pings/{document_id}", pings.one_ping, "One ping.", Right.AGGREGATES, OnePingParameters),
    Route("GET", "/normandy", normandy.overview, "Uptake and studies.", Right.AGGREGATES, NormandyParameters),
    Route(
        "GET",
        "/normandy/recipes/{id}",
        normandy.recipe,
        "One recipe.",
        Right.AGGREGATES,
        NormandyParameters,
        problems=(404,),
    ),
    Route(
        "GET",
        "/normandy/studies/{slug}",
        normandy.study,
        "One study.",
        Right.AGGREGATES,
        NormandyParameters,
        problems=(404,),
    ),
    Route("GET", "/sign-in", sign_in.sign_in_page, "The form.", None, SignInParameters),
    Route("POST", "/sign-in", sign_in.sign_in, "Begin a session.", None, Empty),
    Route("POST", "/sign-out", sign_in.sign_out, "End the session.", None, Empty),
    Route("GET", "/static/{name}", static_file, "Style and script.", None),
)
