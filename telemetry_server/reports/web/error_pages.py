"""Error pages: the real status, and what to do."""

from telemetry_server.reports.answers import Answer
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.services import Services
from telemetry_server.reports.visitor import Visitor
from telemetry_server.reports.web.templates import page


def error_page(services: Services, problem: Problem, visitor: Visitor) -> Answer:
    """Return the page of *problem*."""
    return page(
        "error.html",
        services,
        visitor,
        status=problem.status,
        title=problem.title,
        detail=problem.detail,
    )
