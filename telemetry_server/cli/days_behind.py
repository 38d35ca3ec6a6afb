"""Says which days an answer from aggregates does not count whole."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from telemetry_server.terminal.output import say

MOST_NAMED = 3


def say_behind(days: Sequence[str], data_dir: Path) -> None:
    """Name the *days* that are not summed up yet, of many the first and the last, and what sums them up."""
    if not days:
        return
    named = ", ".join(days) if len(days) <= MOST_NAMED else f"{len(days):,} days from {days[0]} to {days[-1]}"
    say(f"not summed up yet: {named}; run: telemetry-server aggregate --data {quote(str(data_dir))}")
