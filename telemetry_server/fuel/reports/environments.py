"""Reports on installations and environments, as they are now."""

from telemetry_server.fuel.facts.clusters import PROJECTS, SIZE_ORDER
from telemetry_server.fuel.reports.question import Figures, ReportQueries, Row, counted


def _clusters_by(asked: ReportQueries, column: str, table: str, *, only_operable: bool = False) -> Figures:
    operable = " AND is_operable" if only_operable else ""
    rows = asked.rows(
        f"SELECT {column} AS value, count(*) AS count FROM fact_cluster"  # noqa: S608 - names of ours
        f" WHERE {{scope}}{operable} GROUP BY {column}"
    )
    return Figures({"clusters": sum(row["count"] for row in rows)}, {table: counted(rows)})


def hypervisors(asked: ReportQueries) -> Figures:
    """Operable environments by hypervisor."""
    return _clusters_by(asked, "hypervisor", "hypervisors", only_operable=True)


def statuses(asked: ReportQueries) -> Figures:
    """Environments by status."""
    return _clusters_by(asked, "status", "statuses")


def storage(asked: ReportQueries) -> Figures:
    """Environments by the storage options that are on."""
    return _clusters_by(asked, "storage", "storage")


def networks(asked: ReportQueries) -> Figures:
    """Environments by type of network."""
    return _clusters_by(asked, "network", "networks")


def sizes(asked: ReportQueries) -> Figures:
    """Operable environments by number of nodes."""
    figures = _clusters_by(asked, "size", "sizes", only_operable=True)
    figures.tables["sizes"].sort(key=lambda row: SIZE_ORDER.index(row["value"]))
    return figures


def operating_systems(asked: ReportQueries) -> Figures:
    """Operable environments by operating system, and installations by each that they run."""
    rows = asked.rows(
        "SELECT os AS value, count(*) AS clusters, count(DISTINCT uid) AS installations FROM fact_cluster"
        " WHERE {scope} AND is_operable GROUP BY os"
    )
    return Figures(
        {"clusters": sum(row["clusters"] for row in rows)},
        {
            name: counted([{"value": row["value"], "count": row[name]} for row in rows])
            for name in ("clusters", "installations")
        },
    )


def releases(asked: ReportQueries) -> Figures:
    """Installations by release of Fuel, and environments by release of OpenStack."""
    rows = asked.rows(
        "SELECT 'installations' AS part, release AS value, count(*) AS count FROM fact_installation"
        " WHERE {scope} GROUP BY release"
        " UNION ALL SELECT 'clusters', release_version, count(*) FROM fact_cluster"
        " WHERE {scope} GROUP BY release_version"
    )
    parts: dict[str, list[Row]] = {"installations": [], "clusters": []}
    for row in rows:
        parts[row.pop("part")].append(row)
    tables = {part: counted(rows) for part, rows in parts.items()}
    return Figures({name: sum(row["count"] for row in rows) for name, rows in tables.items()}, tables)


def environments(asked: ReportQueries) -> Figures:
    """Installations by number of environments."""
    rows = asked.rows(
        "SELECT environments, count(*) AS count,"
        " count(CASE WHEN environments_declared IS NULL OR environments_declared <> environments THEN 1 END)"
        " AS differs FROM fact_installation WHERE {scope} GROUP BY environments"
    )
    rows.sort(key=lambda row: row["environments"])
    totals = {
        "installations": sum(row["count"] for row in rows),
        "environments": sum(row["environments"] * row["count"] for row in rows),
        "declared_differs": sum(row["differs"] for row in rows),
    }
    table: list[Row] = [{"value": str(row["environments"]), "count": row["count"]} for row in rows]
    return Figures(totals, {"per_installation": table})


def projects(asked: ReportQueries) -> Figures:
    """Environments with each related project."""
    sums = ", ".join(f"count(CASE WHEN has_{name} THEN 1 END) AS {name}" for name in PROJECTS)
    found = asked.one(f"SELECT count(*) AS clusters, {sums} FROM fact_cluster WHERE {{scope}}")  # noqa: S608
    clusters = found["clusters"]
    rows: list[Row] = [
        {"value": name, "count": found[name], "share": found[name] / clusters if clusters else None}
        for name in PROJECTS
    ]
    return Figures({"clusters": clusters}, {"projects": counted(rows)})


def customisation(asked: ReportQueries) -> Figures:
    """Environments with manual changes."""
    totals = asked.one(
        "SELECT count(*) AS clusters, count(CASE WHEN is_customized THEN 1 END) AS customised"
        " FROM fact_cluster WHERE {scope}"
    )
    return Figures(totals)
