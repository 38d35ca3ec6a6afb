"""Reports on nodes, as they are now."""

from telemetry_server.fuel.facts.values import UNKNOWN
from telemetry_server.fuel.reports.question import Figures, ReportQueries, Row, counted


def server_types(asked: ReportQueries) -> Figures:
    """All nodes by maker, and by maker and product."""
    makers = asked.rows(
        "SELECT maker AS value, count(*) AS count, count(DISTINCT uid) AS installations,"
        " count(CASE WHEN is_virtual THEN 1 END) AS virtual FROM fact_node WHERE {scope} GROUP BY maker"
    )
    types = asked.rows(
        "SELECT server_type AS value, count(*) AS count, count(DISTINCT uid) AS installations FROM fact_node"
        " WHERE {scope} GROUP BY server_type"
    )
    for row in makers:
        row["class"] = _class_of(row, row.pop("virtual"))
    nodes = sum(row["count"] for row in makers)
    return Figures({"nodes": nodes}, {"manufacturers": counted(makers), "types": counted(types)})


def _class_of(row: Row, virtual: int) -> str:
    if row["value"] == UNKNOWN and not virtual:
        return UNKNOWN
    return "virtual" if virtual == row["count"] else "mixed" if virtual else "physical"


def node_types(asked: ReportQueries) -> Figures:
    """Nodes of operable environments by their roles, together and one by one."""
    combinations = asked.rows(
        "SELECT roles AS value, count(*) AS count,"
        " count(CASE WHEN has_compute_and_storage THEN 1 END) AS families FROM fact_node"
        " WHERE {scope} AND is_operable GROUP BY roles"
    )
    roles = asked.rows(
        "SELECT role AS value, count(*) AS count FROM fact_role WHERE {scope} AND is_operable GROUP BY role"
    )
    totals = {
        "nodes": sum(row["count"] for row in combinations),
        "compute_and_storage": sum(row.pop("families") for row in combinations),
    }
    return Figures(totals, {"combinations": counted(combinations), "roles": counted(roles)})
