"""What a replay would do today with the newest refused submissions; nothing is changed."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from time import monotonic
from typing import Any

from storage.ledger.ledger import Ledger
from storage.ledger.values import StoredFile
from storage.partitions.frames import read_lines
from telemetry_server.coordinator.conversion_worker import Worker
from telemetry_server.coordinator.work_items import (
    AwaitingResult,
    ItemResult,
    QuarantinedItem,
    RefusedResult,
    StoredResult,
    Task,
)
from telemetry_server.outcomes.outcome import QuarantineReason
from telemetry_server.outcomes.quarantine_line import read_submission_line
from telemetry_server.reports.queries.source import Source

TRIED_OF_EACH = 20
TRIED_OF_ONE = 500
MAX_SECONDS = 10.0


@dataclass(slots=True)
class _Tried:
    """What became of the submissions that were refused for one reason."""

    tried: int = 0
    stored: int = 0
    duplicate: int = 0
    unchanged: int = 0
    waiting: int = 0
    now_refused_as: Counter[str] = field(default_factory=Counter)

    def count(self, result: ItemResult, reason: str, *, is_repeat: bool) -> None:
        """Count the result of a submission that was refused for *reason*."""
        self.tried += 1
        match result:
            case StoredResult() if is_repeat:
                self.duplicate += 1
            case StoredResult():
                self.stored += 1
            case AwaitingResult():
                self.waiting += 1
            case RefusedResult(reason=new) if new != reason:
                self.now_refused_as[new] += 1
            case _:
                self.unchanged += 1


def replay_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Return all items of ``/api/v1/quarantine/replay``: the newest of each reason, or more of one.

    Conflicts and dropped histograms are never replayed; what broke a rule of privacy only by its name.
    """
    only = arguments["reason"]
    wanted = set(QuarantineReason) - {QuarantineReason.PRIVACY_VIOLATION}
    deadline = monotonic() + MAX_SECONDS
    worker = replace(source.setup.conversion, tables=False).worker()
    items = []
    with source.ledger() as ledger:
        files: dict[str, list[StoredFile]] = {}
        for file in ledger.files("quarantine"):
            reason = file.directory.split("/")[2]
            if reason in wanted and only in ("", reason):
                files.setdefault(reason, []).append(file)
        for reason, of_reason in sorted(files.items()):
            limit = TRIED_OF_ONE if only else TRIED_OF_EACH
            lines = list(islice(_newest_lines(source, of_reason, limit), limit))
            tried = _try(worker, ledger, lines, reason, deadline)
            items.append(
                {
                    "reason": reason,
                    "held": sum(file.records for file in of_reason),
                    "tried": tried.tried,
                    "stored": tried.stored,
                    "duplicate": tried.duplicate,
                    "unchanged": tried.unchanged,
                    "waiting": tried.waiting,
                    "now_refused_as": dict(sorted(tried.now_refused_as.items())),
                }
            )
    return {"items": [item for item in items if item["held"]]}


def _newest_lines(source: Source, files: list[StoredFile], limit: int) -> Iterator[bytes]:
    for file in sorted(files, key=lambda each: (each.directory, each.name), reverse=True):
        try:
            stream = (source.root.path / file.path).open("rb")
        except FileNotFoundError:  # merged or expired meanwhile
            continue
        with stream:
            yield from reversed(deque(read_lines(stream, file.length), maxlen=limit))


def _try(worker: Worker, ledger: Ledger, lines: list[bytes], reason: str, deadline: float) -> _Tried:
    tried = _Tried()
    for line in lines:
        if monotonic() > deadline:
            break
        _, submission = read_submission_line(line)
        (result,) = worker.convert(Task((QuarantinedItem(submission, reason),))).results
        is_repeat = isinstance(result, StoredResult) and (
            ledger.seen_digest(result.document_id, result.namespace, result.doctype) is not None
        )
        tried.count(result, reason, is_repeat=is_repeat)
    return tried
