"""Error pages: the real status, and what to do."""

from telemetry_server.reports.answers import Answer
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.route import Route
from telemetry_server.reports.services import Services
from telemetry_server.reports.visitor import Visitor
from telemetry_server.reports.web.templates import page
from telemetry_server.reports.web.wrong_parameter import correction_of


def error_page(
    services: Services, problem: Problem, visitor: Visitor, route: Route | None, target: str
) -> Answer:
    """Return the page of *problem*, which a request for *target* met."""
    return page(
        "error.html",
        services,
        visitor,
        status=problem.status,
        title=problem.title,
        detail=problem.detail,
        correction=correction_of(problem, route, target),
    )
