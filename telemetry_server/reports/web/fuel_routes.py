"""The table of pages of Fuel-stat."""

from telemetry_server.access.roles import Right
from telemetry_server.reports.fuel_api import FuelReportParameters
from telemetry_server.reports.parameters import Empty
from telemetry_server.reports.route import Route
from telemetry_server.reports.web import fuel, fuel_left_out

_PARAMETERS = (Right.AGGREGATES, FuelReportParameters)

FUEL_PAGE_ROUTES = (
    Route("GET", "/fuel", fuel.overview, "Installations and environments.", *_PARAMETERS, problems=(404,)),
    Route("GET", "/fuel/files", fuel.files, "Files to download.", *_PARAMETERS, problems=(404,)),
    Route(
        "GET",
        "/fuel/left-out",
        fuel_left_out.left_out,
        "Builds that do not count, and refused items.",
        Right.RECORDS,
        Empty,
        problems=(404,),
    ),
    Route("GET", "/fuel/{report}", fuel.report, "One report.", *_PARAMETERS, problems=(404,)),
)
