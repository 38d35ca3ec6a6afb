"""The first page: what came, what was refused and why, the newest pings."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.stack_chart import PARTS, stack_chart
from telemetry_server.reports.web.templates import moment, number, page

SPANS = {"1h": 1, "24h": 24, "7d": 168, "30d": 720}
SPAN_WORDS = {"1h": "1 hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
SPAN_TITLES = {**SPAN_WORDS, "1h": "hour"}
MAX_ATTENTION = 5
MIN_FREE_SHARE = 0.05
MAX_LAG_SECONDS = 60.0
OUTCOMES = ("stored", "duplicate", "quarantined", "pending", "deleted")


@dataclass(frozen=True, slots=True)
class Attention:
    """One line of the list of what needs attention."""

    badge: str
    fact: str
    remedy: str
    pings: str = ""  # query of the list of these pings, for a link


async def overview(ask: Ask) -> Answer:
    """Answer ``/``."""
    last = ask.parameters.last
    data: Any = await ask.services.ask_object("overview", hours=SPANS[last])
    numbers = _numbers_query(data)
    if ask.parameters.format:
        return see_other(f"/api/v1/submissions?{numbers}&format={ask.parameters.format}")
    if not data["status"]["total"]["received"]:
        return page("empty.html", ask.services, ask.visitor, command=_first_command(ask))
    attention = _attention(data)
    at = _bar_at(data["bars"], ask.parameters.at or "")
    return page(
        "overview.html",
        ask.services,
        ask.visitor,
        is_cacheable=True,
        data=data,
        state=data["status"],
        last=last,
        spans=SPAN_WORDS,
        span=SPAN_TITLES[last],
        outcomes=OUTCOMES,
        chart=stack_chart(data["bars"], at=at),
        key=PARTS,
        pinned=at is not None,
        shown_bar=data["bars"][-1 if at is None else at],
        attention=attention[:MAX_ATTENTION],
        more_attention=max(0, len(attention) - MAX_ATTENTION),
        numbers=numbers,
        since=numbers.partition("from=")[2][:10].replace("-", ""),
    )


def _bar_at(bars: list[dict[str, Any]], at: str) -> int | None:
    """Return the number of the bar for *at*, a day or an hour; None where the span has none."""
    start = f"{at[:4]}-{at[4:6]}-{at[6:8]}" + (f" {at[9:]}:00" if "T" in at else "")
    return next((number for number, bar in enumerate(bars) if bar["start"] == start), None)


def _numbers_query(data: dict[str, Any]) -> str:
    """Return the query of ``/api/v1/submissions`` that has the numbers of the chart."""
    start = data["bars"][0]["start"]  # like 2026-11-27 09:00, or 2026-11-27
    first = start[:10] if data["by"] == "day" else f"{start[:10]}T{start[11:13]}"
    return f"by={data['by']}&from={first}&limit=10000"


def _first_command(ask: Ask) -> str:
    options = ask.services.options
    trust = "--insecure " if options.edge_url.startswith("https") else ""
    path = options.example_path.replace("{id}", str(uuid4()))
    return f"curl -i {trust}{options.edge_url}{path} -d '{options.example_ping}'"


def _attention(data: dict[str, Any]) -> list[Attention]:
    """Return what needs attention, the worst first."""
    found = []
    status = data["status"]
    if (halt := status["conversion_halted"]) is not None:
        fact = f"Conversion stands still since {moment(halt['since'])}: {halt['reason']}"
        found.append(Attention("error", fact, "Nothing is lost."))
    for day in data["unbalanced_days"]:
        fact = f"The counts do not balance: {number(day['missing'])} submissions are missing on {day['day']}."
        found.append(Attention("error", fact, "Run telemetry-server audit."))
    if status["disk_free_bytes"] < status["disk_total_bytes"] * MIN_FREE_SHARE:
        remedy = "Below min_free_bytes pings are refused."
        found.append(Attention("error", "Less than 5% of the disk is free.", remedy))
    for queue in status["queues"]:
        if queue["state"] in ("away", "stopped"):
            fact = f"The queue {queue['url']} is {queue['state']} since {moment(queue['since'])}."
            found.append(Attention("error", fact, queue["detail"]))
    if status["lag_seconds"] > MAX_LAG_SECONDS and status["conversion_halted"] is None:
        fact = f"Conversion is {number(round(status['lag_seconds']))} s behind."
        found.append(Attention("pending", fact, "See telemetry-server doctor."))
    for entry in data["reasons"]:
        count = entry["count"]
        fact = (
            f"{number(count)} {'ping was' if count == 1 else 'pings were'} quarantined as {entry['reason']}."
        )
        found.append(Attention("error", fact, "See them", f"outcome=quarantined&reason={entry['reason']}"))
    if data["awaited_revisions"]:
        fact = (
            f"{number(status['total']['pending'])} pings are pending:"
            " their definitions have not been fetched yet."
        )
        found.append(Attention("pending", fact, "They are tried again every 30 s. Nothing is lost."))
    return found
