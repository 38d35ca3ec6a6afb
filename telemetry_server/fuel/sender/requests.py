"""Makes the requests that are due now: the preview prints them, and the sender sends the same bytes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from telemetry_server.fuel.sender.sanitiser import Sanitiser
from telemetry_server.fuel.sender_state.documents import Document, Kind, batches
from telemetry_server.fuel.sender_state.state_file import STRUCTURE, StateFile

PREFIX = "/api/v1/"
PING = PREFIX + "ping/"
BATCH_SIZES = {Kind.ACTION_LOGS: 100, Kind.OSWL_STATS: 10, Kind.OSTF_RUNS: 100, Kind.FAILURE_REPORTS: 1}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request that is due, with the documents that it carries."""

    path: str
    content: dict[str, Any]
    kind: Kind | None = None  # None: the installation structure
    documents: tuple[Document, ...] = ()

    @property
    def body(self) -> bytes:
        """The bytes to send."""
        return orjson.dumps(self.content)

    def parts(self) -> tuple["Outgoing", "Outgoing"]:
        """Return two requests with half of the documents each."""
        assert self.kind is not None and len(self.documents) > 1
        middle = len(self.documents) // 2
        items = self.content[self.kind]
        return (
            Outgoing(self.path, {str(self.kind): items[:middle]}, self.kind, self.documents[:middle]),
            Outgoing(self.path, {str(self.kind): items[middle:]}, self.kind, self.documents[middle:]),
        )


def requests_due(
    state: StateFile, sanitiser: Sanitiser, now: datetime, *, oswl_hold_back_days: int
) -> Iterator[Outgoing]:
    """
    Yield the requests in the order in which they are sent.

    Args:
        oswl_hold_back_days: Workloads of the last days are still changing; 0 sends today's too.
    """
    today = now.date()
    yield from failure_requests(state, sanitiser)
    yield from _of_kind(state, Kind.ACTION_LOGS, sanitiser.action_log, date.max)
    text = state.fact(STRUCTURE)
    if text is not None:
        structure = sanitiser.structure(orjson.loads(text), state.choices().user_information())
        yield Outgoing(f"{PREFIX}installation_structure/", {"installation_structure": structure})
    last_day = today - timedelta(days=oswl_hold_back_days)
    yield from _of_kind(state, Kind.OSWL_STATS, sanitiser.workload, last_day)
    yield from _of_kind(state, Kind.OSTF_RUNS, sanitiser.health_check_run, date.max)


def failure_requests(state: StateFile, sanitiser: Sanitiser) -> Iterator[Outgoing]:
    """Yield the failure reports that wait; none without a contact to send with them."""
    contact = state.choices().failure_contact()
    if contact is None:
        return
    for documents in batches(state, Kind.FAILURE_REPORTS, 1, last_day=date.max):
        report = sanitiser.failure_report(documents[0].item, contact)
        path = f"{PREFIX}{Kind.FAILURE_REPORTS}/"
        yield Outgoing(path, {"failure_report": report}, Kind.FAILURE_REPORTS, tuple(documents))


def _of_kind(
    state: StateFile, kind: Kind, item_of: Callable[[int, dict[str, Any]], dict[str, Any]], last_day: date
) -> Iterator[Outgoing]:
    for documents in batches(state, kind, BATCH_SIZES[kind], last_day=last_day):
        items = [item_of(document.external_id, document.item) for document in documents]
        yield Outgoing(f"{PREFIX}{kind}/", {str(kind): items}, kind, tuple(documents))
