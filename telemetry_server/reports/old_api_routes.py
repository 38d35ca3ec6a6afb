"""The table of routes of the old aggregates service."""

from telemetry_server.access.roles import Right
from telemetry_server.reports import old_api
from telemetry_server.reports.route import Route

_BY = "/aggregates_by/{by}/channels/"

OLD_API_ROUTES: tuple[Route, ...] = tuple(
    Route("GET", template, handler, summary, Right.AGGREGATES, parameters=None, can_be_public=True)
    for template, handler, summary in (
        (_BY, old_api.channels, "The channels with data."),
        (_BY + "{channel}/dates/", old_api.dates, "The dates of a channel, with versions."),
        (_BY + "{channel}/", old_api.histograms, "Histograms of a measurement by date."),
        ("/filters/", old_api.filters, "The values that histograms can be filtered by."),
    )
)
