"""The state of the server: its books, lag and disk."""

import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from storage.ledger.ledger import Ledger
from storage.progress.waiting import ConversionWatch
from telemetry_server.outcomes.timestamps import timestamp
from telemetry_server.queue.status_file import PULL, PUSH, StatusFile
from telemetry_server.reports.queries.counts import books_by_day, counts_of, damaged, summed
from telemetry_server.reports.queries.source import Source


def status_answer(source: Source, _arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of ``/api/v1/status``."""
    with source.ledger() as ledger:
        return status_of(source, ledger)


def status_of(source: Source, ledger: Ledger) -> dict[str, Any]:
    """Return the state as `status_answer` has it."""
    days = books_by_day(source, ledger)
    watch = ConversionWatch(source.root, converts=True)
    halt = watch.halt()
    disk = shutil.disk_usage(source.root.path)
    return {
        "version": source.setup.version,
        "as_of": timestamp(datetime.now(UTC)),
        "balanced": all(books.balanced for books in days.values()),
        "total": summed(days),
        "days": {day: counts_of(books) for day, books in days.items()},
        "damaged": damaged(ledger),
        "lag_seconds": round(watch.lag_seconds(), 3),
        "conversion_halted": None
        if halt is None
        else {"since": timestamp(halt.since), "reason": halt.reason},
        "disk_free_bytes": disk.free,
        "disk_total_bytes": disk.total,
        "queues": [
            {"direction": direction, **asdict(status)}
            for direction, name in (("pull", PULL), ("push", PUSH))
            for status in StatusFile(source.root.state, name).read()
        ],
    }
