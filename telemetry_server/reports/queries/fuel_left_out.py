"""What Fuel's reports leave out: builds that do not count, and items that the collector refused."""

from typing import Any

import sqlalchemy as sa

from telemetry_server.fuel.database.refused_items import list_refused
from telemetry_server.reports.queries.fuel import from_facts, fuel_of, reading_collector
from telemetry_server.reports.queries.source import Source

MAX_BUILDS = 1000
MAX_ITEMS = 100
_BUILDS = """
SELECT release, value AS build, count(*) AS installations FROM fact_category
WHERE category = 'fuel-build' AND is_filtered
GROUP BY release, value ORDER BY count(*) DESC, release, value LIMIT :most
"""


def left_out_answer(source: Source, _arguments: dict[str, Any]) -> dict[str, Any]:
    """Return ``builds``, those of the most installations first, and ``items``, the newest first."""

    def builds(connection: sa.Connection) -> list[dict[str, Any]]:
        return [dict(row) for row in connection.execute(sa.text(_BUILDS), {"most": MAX_BUILDS}).mappings()]

    with reading_collector(source) as read:
        refused = read(lambda connection: list_refused(connection, MAX_ITEMS))
    items = [
        {
            "received_at": item.last_received_at.isoformat(),
            "doctype": item.doctype,
            "uid": item.key[0] if item.key else None,
            "external_id": item.key[-1] if len(item.key) > 1 else None,
            "times": item.times,
            "reason": item.reason,
        }
        for item in reversed(refused)
    ]
    return {"builds": from_facts(fuel_of(source), lambda facts: facts.read(builds)), "items": items}
