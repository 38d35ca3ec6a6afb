"""The table of pages."""

from typing import Annotated, Literal

from pydantic import Field

from telemetry_server.access.roles import Right
from telemetry_server.reports.clients_api import ClientPingsParameters
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
from telemetry_server.reports.probes_api import PingsBehindParameters
from telemetry_server.reports.route import Route
from telemetry_server.reports.web import (
    client_pings,
    clients,
    normandy,
    one_probe,
    overview,
    pings,
    probes,
    search,
    sign_in,
    theme,
)
from telemetry_server.reports.web.probe_parameters import OneProbeParameters
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


PROBE_PAGES = (
    Route(
        "GET",
        "/clients",
        clients.clients,
        "Distinct clients.",
        Right.AGGREGATES,
        clients.ClientsPageParameters,
        can_be_public=True,
    ),
    Route(
        "GET",
        "/clients/pings",
        client_pings.pings_of_clients,
        "The pings behind a number of clients.",
        Right.RECORDS,
        ClientPingsParameters,
    ),
    Route(
        "GET",
        "/probes",
        probes.probes,
        "The list of probes.",
        Right.AGGREGATES,
        probes.ProbeListParameters,
        can_be_public=True,
    ),
    Route(
        "GET",
        "/probes/{name}",
        one_probe.one_probe,
        "One probe.",
        Right.AGGREGATES,
        OneProbeParameters,
        problems=(404,),
        can_be_public=True,
    ),
    Route(
        "GET",
        "/probes/{name}/pings",
        one_probe.pings_of_probe,
        "The pings behind a number.",
        Right.RECORDS,
        PingsBehindParameters,
    ),
    Route("GET", "/search", search.search, "Find anything.", Right.AGGREGATES, search.SearchParameters),
)

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
    *PROBE_PAGES,
    Route("GET", "/sign-in", sign_in.sign_in_page, "The form.", None, SignInParameters),
    Route("POST", "/sign-in", sign_in.sign_in, "Begin a session.", None, Empty),
    Route("POST", "/sign-out", sign_in.sign_out, "End the session.", None, Empty),
    Route("GET", "/theme", theme.choose, "Keep a theme.", None, theme.ThemeParameters),
    Route("GET", "/static/{name}", static_file, "Style and script.", None),
)
