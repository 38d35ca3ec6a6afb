"""The table of pages."""

from typing import Literal

from telemetry_server.access.roles import Right
from telemetry_server.reports.parameters import (
    Empty,
    OnePingParameters,
    PageParameters,
    Parameters,
    PingsParameters,
)
from telemetry_server.reports.route import Route
from telemetry_server.reports.web import overview, pings, sign_in
from telemetry_server.reports.web.static_files import static_file


class OverviewParameters(PageParameters):
    """Of the first page."""

    last: Literal["1h", "24h", "7d", "30d"] = "24h"


class SignInParameters(Parameters):
    """Of the form."""

    next: str = "/"


PAGE_ROUTES = (
    Route("GET", "/", overview.overview, "What came, by hour.", Right.AGGREGATES, OverviewParameters),
    Route("GET", "/pings", pings.pings, "The list of pings.", Right.AGGREGATES, PingsParameters),
    Route("GET", "/pings/{document_id}", pings.one_ping, "One ping.", Right.AGGREGATES, OnePingParameters),
    Route("GET", "/sign-in", sign_in.sign_in_page, "The form.", None, SignInParameters),
    Route("POST", "/sign-in", sign_in.sign_in, "Begin a session.", None, Empty),
    Route("POST", "/sign-out", sign_in.sign_out, "End the session.", None, Empty),
    Route("GET", "/static/{name}", static_file, "Style and script.", None),
)
