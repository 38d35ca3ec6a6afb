"""The page of what Fuel's reports leave out."""

import orjson

from telemetry_server.reports.answers import Answer, not_kept
from telemetry_server.reports.api import note_reading
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.templates import page


async def left_out(ask: Ask) -> Answer:
    """Answer ``/fuel/left-out``."""
    note_reading(ask, "fuel left out", "")
    found = orjson.loads(await ask.services.pool.run("fuel_left_out", {}))
    return not_kept(page("fuel_left_out.html", ask.services, ask.visitor, **found))
