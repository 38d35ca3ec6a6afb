"""One cycle of a sender: ping, then everything that is due; and the pauses between cycles."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from threading import Event
from time import monotonic
from typing import Any

import structlog

from telemetry_server.fuel.sender.config import SenderConfig
from telemetry_server.fuel.sender.requests import PING, Outgoing, failure_requests, requests_due
from telemetry_server.fuel.sender.sanitiser import Sanitiser
from telemetry_server.fuel.sender.transport import NoAnswer, Reply, Transport, dithered
from telemetry_server.fuel.sender_state.documents import (
    Document,
    Kind,
    mark_failed,
    mark_refused,
    mark_sent,
    remove_old,
    unsent,
)
from telemetry_server.fuel.sender_state.state_file import StateFile, utc_now
from telemetry_server.fuel.signatures.signing import Signer

SENT_STATUSES = frozenset({"added", "existed", "updated"})
REFUSED = frozenset({400, 413, 422})  # of the content: a smaller request may be accepted
MAX_PAUSE_SECONDS = 6 * 3600.0
FAILURE_LOOK_SECONDS = 2.0
FIRST_CYCLE_AT, REDACTIONS = "first_cycle_at", "redactions"
KEY_NAMES = {
    Kind.ACTION_LOGS: ("external_id",),
    Kind.OSWL_STATS: ("id",),
    Kind.OSTF_RUNS: ("external_id", "cluster_id"),
}
log = structlog.get_logger("fuel-sender")


class Ended(StrEnum):
    """How a cycle ended."""

    DONE = "done"
    OPTED_OUT = "opted out"
    FAILED = "failed"


@dataclass(slots=True)
class CycleResult:
    """What a cycle did."""

    ended: Ended
    sent: int = 0  # documents that the collector has now, the structure among them
    failed: int = 0  # documents that it did not take
    detail: str = ""
    retry_after_seconds: float | None = None


class _Stop(Exception):
    """The cycle ends here."""

    def __init__(self, result: CycleResult) -> None:
        super().__init__(result.detail)
        self.result = result


class Sender:
    """
    Sends what is due.

    Args:
        clock: The time in UTC.
    """

    def __init__(
        self, config: SenderConfig, state: StateFile, *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._config = config
        self._state = state
        self._clock = clock
        self._sanitiser = Sanitiser(state.uid, state.secret)
        self._transport = Transport(
            config.collector, state.uid, Signer(*state.signing_seeds()), config.timeout_seconds, clock=clock
        )
        self._failures_in_a_row = 0

    def cycle(self) -> CycleResult:
        """Send everything that is due once.  What cannot be sent now stays due."""
        result = CycleResult(Ended.DONE)
        try:
            self._check_opted_in(result)
            reply = self._send("GET", PING, None, result)
            if reply.status != 200:
                raise _Stop(self._failed(result, f"ping: {reply.status}", reply))
            due = requests_due(
                self._state,
                self._sanitiser,
                self._clock(),
                oswl_hold_back_days=self._config.oswl_hold_back_days,
            )
            for request in due:
                self._deliver(request, result)
        except _Stop as stop:
            result = stop.result
        except Exception as error:
            # The sender never ends by itself; whatever went wrong is tried again.
            log.error("cycle failed", detail=f"{type(error).__name__}: {error}")
            result = self._failed(result, f"{type(error).__name__}: {error}")
        if leaks := self._sanitiser.leaks.total():
            self._state.add_to_fact(REDACTIONS, leaks)
            self._sanitiser.leaks.clear()
        log.info(
            "cycle ended",
            ended=str(result.ended),
            sent=result.sent,
            failed=result.failed,
            detail=result.detail,
        )
        return result

    def send_failures(self) -> CycleResult:
        """Send the failure reports that wait: support is to hear of them at once."""
        result = CycleResult(Ended.DONE)
        try:
            for request in failure_requests(self._state, self._sanitiser):
                self._deliver(request, result)
        except _Stop as stop:
            result = stop.result
        return result

    def run(self, stopping: Event) -> None:
        """Repeat cycles until *stopping* is set."""
        while not stopping.is_set():
            pause = self._before_first_cycle()
            if pause <= 0:
                remove_old(self._state, self._clock().date())
                pause = self.pause_after(self.cycle())
            self._wait(stopping, pause)

    def _wait(self, stopping: Event, pause: float) -> None:
        """Wait until the next cycle; meanwhile send failure reports, tried again as cycles are."""
        ends, next_try = monotonic() + pause, monotonic()
        while (left := ends - monotonic()) > 0 and not stopping.wait(min(left, FAILURE_LOOK_SECONDS)):
            if monotonic() < next_try or not unsent(self._state, Kind.FAILURE_REPORTS):
                continue
            result = self.send_failures()
            if result.ended is not Ended.DONE or result.failed:
                wanted = max(self._config.retry_seconds, result.retry_after_seconds or 0.0)
                next_try = monotonic() + dithered(wanted)

    def pause_after(self, result: CycleResult) -> float:
        """Return the seconds to wait after a cycle with *result*."""
        if result.ended is Ended.OPTED_OUT:
            self._failures_in_a_row = 0
            return dithered(self._config.recheck_seconds)
        if result.ended is Ended.DONE:
            self._failures_in_a_row = 0
            return dithered(self._config.interval_seconds)
        doubled = self._config.retry_seconds * 2 ** min(self._failures_in_a_row, 20)
        self._failures_in_a_row += 1
        pause = dithered(min(doubled, MAX_PAUSE_SECONDS))
        return max(pause, result.retry_after_seconds or 0.0)

    def _before_first_cycle(self) -> float:
        """Return the seconds until the first cycle after the user opted in; they are drawn at random once."""
        if not self._state.choices().opted_in:
            if self._state.fact(FIRST_CYCLE_AT) is not None:
                self._state.set_fact(FIRST_CYCLE_AT, "")
            return 0.0
        now = self._clock().timestamp()
        text = self._state.fact(FIRST_CYCLE_AT)
        if not text:
            text = repr(now + random.uniform(0, self._config.first_delay_seconds))
            self._state.set_fact(FIRST_CYCLE_AT, text)
        # A clock that was set back must not delay it for ever.
        return min(float(text) - now, self._config.first_delay_seconds)

    def _check_opted_in(self, result: CycleResult) -> None:
        if not self._state.choices().opted_in:
            result.ended = Ended.OPTED_OUT
            raise _Stop(result)

    def _send(self, method: str, path: str, body: bytes | None, result: CycleResult) -> Reply:
        # Before every request: an opt-out holds from the next request on.
        self._check_opted_in(result)
        try:
            return self._transport.send(method, path, body)
        except NoAnswer as error:
            raise _Stop(self._failed(result, str(error))) from None

    def _deliver(self, request: Outgoing, result: CycleResult) -> None:
        """Send *request*; where its content is refused, find the documents at fault by halves."""
        reply = self._send("POST", request.path, request.body, result)
        if reply.is_accepted:
            self._state.note_key_accepted()
            self._accepted(request, reply.content, result)
        elif reply.status not in REFUSED:
            raise _Stop(self._failed(result, f"{request.path}: {reply.status} {_message(reply)}", reply))
        elif len(request.documents) > 1:
            for part in request.parts():
                self._deliver(part, result)
        else:
            result.failed += 1
            log.warning("refused", path=request.path, status=reply.status, message=_message(reply))
            if request.kind is not None:
                mark_refused(self._state, request.kind, request.documents[0])

    def _accepted(self, request: Outgoing, content: dict[str, Any], result: CycleResult) -> None:
        if request.kind is None:
            result.sent += 1
            return
        if request.kind is Kind.FAILURE_REPORTS:
            mark_sent(self._state, request.kind, request.documents)
            result.sent += 1
            return
        statuses = _statuses(content.get(str(request.kind)), KEY_NAMES[request.kind])
        sent, failed = [], []
        for document in request.documents:
            status = statuses.get(_key(document, request.kind))
            if status in SENT_STATUSES:
                sent.append(document)
            elif status == "failed":
                failed.append(document)
        mark_sent(self._state, request.kind, sent)
        mark_failed(self._state, request.kind, failed)
        result.sent += len(sent)
        result.failed += len(failed)

    @staticmethod
    def _failed(result: CycleResult, detail: str, reply: Reply | None = None) -> CycleResult:
        result.ended, result.detail = Ended.FAILED, detail
        result.retry_after_seconds = None if reply is None else reply.retry_after_seconds
        return result


def _key(document: Document, kind: Kind) -> tuple[int, ...]:
    if kind is Kind.OSTF_RUNS:
        return document.external_id, document.cluster_id
    return (document.external_id,)


def _statuses(items: Any, names: tuple[str, ...]) -> dict[tuple[Any, ...], Any]:
    """Return the status of each key in an answer, as far as the answer has the expected form."""
    found = {}
    for item in items if isinstance(items, list) else []:
        key = tuple(item.get(name) for name in names) if isinstance(item, dict) else ()
        if key and all(type(part) is int for part in key):
            found[key] = item.get("status")
    return found


def _message(reply: Reply) -> str:
    message = reply.content.get("message", "") if isinstance(reply.content, dict) else ""
    return " ".join(str(message).split())[:200]
