"""The page of quarantine: reasons over time, a sample of each, what a replay would store today."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.cursor import cursor_of, texts_after
from telemetry_server.reports.quarantine_api import counted, tried
from telemetry_server.reports.query_problems import or_sentence
from telemetry_server.reports.route import Ask
from telemetry_server.reports.web.addresses import view_of
from telemetry_server.reports.web.stack_chart import stack_chart
from telemetry_server.reports.web.templates import page
from telemetry_server.reports.web.views import link_to

HOURS_SHOWN = 72
MAX_BARS = 744  # 31 days of hours
COLOURS = ("s1", "s2", "s3", "s4")
OTHERS = "other reasons"


@dataclass(frozen=True, slots=True)
class OverTime:
    """Counts by day or hour and by reason, as chart and as table."""

    reasons: Sequence[str]  # the most frequent first
    bars: Sequence[Mapping[str, Any]]  # the oldest first: start, total, and a count for each reason
    left_out: int  # what came before the first bar


async def quarantine(ask: Ask) -> Answer:
    """Answer ``/quarantine``."""
    wanted = ask.parameters
    given = view_of(wanted)
    counts_query = {name: value for name, value in given.items() if name not in ("limit", "cursor")}
    numbers = link_to("/api/v1/quarantine/counts", counts_query, limit="10000")
    if wanted.format:
        return see_other(
            link_to(numbers.partition("?")[0], counts_query, limit="10000", format=wanted.format)
        )
    items, samples, (trial, trial_failed), entries = await asyncio.gather(
        counted(ask), _samples(ask), or_sentence(tried(ask)), _entries(ask)
    )
    over_time = _over_time(items, wanted.by, wanted.first or "", wanted.last or "")
    parts = _parts(over_time)
    return page(
        "quarantine.html",
        ask.services,
        ask.visitor,
        is_cacheable=True,
        given=given,
        by=wanted.by,
        over_time=over_time,
        parts=parts,
        chart=stack_chart(_grouped(over_time, parts), [*parts.items()], total="total"),
        samples=samples["reasons"],
        most=max((row["count"] for row in samples["reasons"]), default=1),
        as_of=samples["as_of"],
        trial=trial,
        trial_failed=trial_failed,
        entries=entries,
        numbers=numbers,
    )


async def _samples(ask: Ask) -> Any:
    wanted = ask.parameters
    return await ask.services.ask_object(
        "quarantine_samples",
        first_day=wanted.first or "",
        last_day=wanted.last or "",
        reason=wanted.reason,
        histogram=wanted.histogram,
    )


async def _entries(ask: Ask) -> dict[str, Any] | None:
    """Return the entries of the chosen reason or histogram; None where neither is chosen."""
    wanted = ask.parameters
    if not wanted.reason and not wanted.histogram:
        return None
    found: Any = await ask.services.ask_object(
        "quarantine",
        first_day=wanted.first or "",
        last_day=wanted.last or "",
        reason=wanted.reason,
        histogram=wanted.histogram,
        limit=wanted.limit,
        after=texts_after(wanted.cursor, 5),
        with_bodies=False,
    )
    return {"items": found["items"], "next_cursor": cursor_of(found["next"]) or ""}


def _over_time(items: Sequence[Mapping[str, Any]], by: str, first: str, last: str) -> OverTime:
    totals: Counter[str] = Counter()
    counts: dict[str, Counter[str]] = {}
    for item in items:
        totals[item["reason"]] += item["count"]
        when = item["hour"][:13] if by == "hour" else item["day"]
        counts.setdefault(when, Counter())[item["reason"]] += item["count"]
    reasons = [reason for reason, _ in totals.most_common()]
    bars: list[dict[str, Any]] = []
    if counts:
        for start in _starts(by, items[-1]["day"], first, last):
            of_start = counts.get(f"{start:%Y-%m-%dT%H}" if by == "hour" else f"{start:%Y%m%d}", Counter())
            shown = f"{start:%Y-%m-%d %H:00}" if by == "hour" else f"{start:%Y-%m-%d}"
            bars.append(
                {
                    "start": shown,
                    "total": of_start.total(),
                    **{reason: of_start[reason] for reason in reasons},
                }
            )
    return OverTime(reasons, bars, totals.total() - sum(bar["total"] for bar in bars))


def _starts(by: str, oldest: str, first: str, last: str) -> list[datetime]:
    """Return the hours or days that are shown, the oldest first."""
    now = datetime.now(UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0)
    step = timedelta(hours=1) if by == "hour" else timedelta(days=1)
    end = min(now, datetime.strptime(f"{last}23", "%Y%m%d%H")) if last else now
    begin = datetime.strptime(first or oldest, "%Y%m%d")
    if by == "hour" and not first:
        begin = max(begin, end - (HOURS_SHOWN - 1) * step)
    if by == "day":
        end = end.replace(hour=0)
    number = min(MAX_BARS, max(1, (end - begin) // step + 1))
    return [end - back * step for back in reversed(range(number))]


def _parts(over_time: OverTime) -> dict[str, str]:
    """Return the parts of the stack, with classes: the most frequent reasons, all others as one."""
    parts = dict(zip(over_time.reasons, COLOURS, strict=False))
    return parts | {OTHERS: "s5"} if len(over_time.reasons) > len(COLOURS) else parts


def _grouped(over_time: OverTime, parts: Mapping[str, str]) -> list[Mapping[str, Any]]:
    others = [reason for reason in over_time.reasons if reason not in parts]
    return [{**bar, OTHERS: sum(bar[reason] for reason in others)} for bar in over_time.bars]
