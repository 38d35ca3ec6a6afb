"""The table of routes of Fuel-stat."""

from telemetry_server.access.roles import Right
from telemetry_server.reports import fuel_api, fuel_models
from telemetry_server.reports.models import JobState
from telemetry_server.reports.parameters import Empty
from telemetry_server.reports.route import Route

_REPORT = "/api/v1/fuel/reports/{name}"
_JSON = "/api/v1/json"

FUEL_ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        _REPORT,
        fuel_api.report,
        "One report on installations, their environments, nodes and operations.",
        Right.AGGREGATES,
        fuel_api.FuelReportParameters,
        fuel_models.FuelReport,
        has_csv=True,
        problems=(404,),
    ),
    Route(
        "POST",
        _REPORT,
        fuel_api.start_report,
        "The same report, made by a job.",
        Right.AGGREGATES,
        fuel_api.FuelReportParameters,
        fuel_models.FuelReport,
        problems=(404, 413),
        other_answers={202: JobState},
    ),
    Route(
        "GET",
        f"{_JSON}/report/installations",
        fuel_api.aggregate,
        "The aggregate of installations and environments, kept for an hour.",
        Right.AGGREGATES,
        fuel_api.AggregateParameters,
        fuel_models.FuelAggregate,
        problems=(404,),
    ),
    Route(
        "GET",
        f"{_JSON}/summary",
        fuel_api.summary,
        "How many rows the collector has.",
        Right.AGGREGATES,
        Empty,
        fuel_models.FuelSummary,
        problems=(404,),
    ),
    Route(
        "GET",
        f"{_JSON}/installation_info/{{uid}}",
        fuel_api.installation_info,
        "The structure of one installation.",
        Right.RECORDS,
        Empty,
        fuel_models.FuelInstallation,
        problems=(404,),
    ),
    Route(
        "GET",
        f"{_JSON}/installation_infos/filtered",
        fuel_api.filtered_installations,
        "Installations that do not count in reports.",
        Right.RECORDS,
        fuel_api.PageOfRows,
        fuel_models.FuelPage,
        problems=(404,),
    ),
    Route(
        "GET",
        f"{_JSON}/action_logs/{{uid}}",
        fuel_api.action_logs,
        "The action logs of one installation.",
        Right.RECORDS,
        fuel_api.PageOfRows,
        fuel_models.FuelPage,
        problems=(404,),
    ),
    Route(
        "GET",
        f"{_JSON}/oswls/{{uid}}",
        fuel_api.oswls,
        "The workload records of one installation.",
        Right.RECORDS,
        fuel_api.PageOfRows,
        fuel_models.FuelPage,
        problems=(404,),
    ),
    Route(
        "GET",
        f"{_JSON}/oswls/{{uid}}/{{resource_type}}",
        fuel_api.oswls,
        "The same of one type of resource.",
        Right.RECORDS,
        fuel_api.PageOfRows,
        fuel_models.FuelPage,
        problems=(404,),
    ),
    Route(
        "GET",
        "/api/v1/csv/{name}",
        fuel_api.csv_file,
        "A CSV file of clusters, nodes, plugins or a type of resource; `all` is a tar archive of them.",
        Right.RECORDS,
        fuel_api.FileParameters,
        has_csv=True,
        problems=(404,),
    ),
)
