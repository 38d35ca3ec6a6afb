"""Quarantine over time, and what a replay would do: the API's part of the page of quarantine."""

from typing import Any

from telemetry_server.reports.answers import Answer
from telemetry_server.reports.api import cut
from telemetry_server.reports.route import Ask

COUNT_COLUMNS = ("day", "hour", "reason", "count")
REPLAY_COLUMNS = (
    *("reason", "held", "tried", "stored", "duplicate", "unchanged", "waiting", "now_refused_as"),
)


async def counted(ask: Ask) -> list[dict[str, Any]]:
    """Return how many pings and histograms are in quarantine by day or hour and by reason."""
    given = ask.parameters
    found: Any = await ask.services.ask_object(
        "quarantine_counts",
        by=given.by,
        first_day=given.first or "",
        last_day=given.last or "",
        reason=given.reason,
        histogram=given.histogram,
    )
    return list(found["items"])


async def counts(ask: Ask) -> Answer:
    """Answer ``/api/v1/quarantine/counts``."""
    return cut(ask, await counted(ask), COUNT_COLUMNS)


async def tried(ask: Ask) -> list[dict[str, Any]]:
    """Return what a replay would do with the newest submissions of each reason, or with more of one."""
    everything = {"first_day": "", "last_day": "", "reason": "", "histogram": ""}
    held: Any = await ask.services.ask_object("quarantine_counts", by="day", **everything)
    # What quarantine holds is part of the question, so that another content is another question.
    state = [[item["day"], item["reason"], item["count"]] for item in held["items"]]
    found: Any = await ask.services.ask_object("replay", reason=ask.parameters.reason, held=state)
    return list(found["items"])


async def replay(ask: Ask) -> Answer:
    """Answer ``/api/v1/quarantine/replay``."""
    return cut(ask, await tried(ask), REPLAY_COLUMNS)
