"""
Delivers the messages of the outbox, each once, with retries, until it is delivered or given up.

It runs in a process of its own, because a mail server may take its time.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import orjson
import sqlalchemy as sa

from telemetry_server.fuel.contacts.contact_keys import (
    BadContactKeys,
    ContactKeyFile,
    ContactUnreadable,
    SealedContact,
)
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.errors import DatabaseAway
from telemetry_server.fuel.database.failure_reads import StoredFailure, message_of
from telemetry_server.fuel.database.notifier_lock import NotifierLock
from telemetry_server.fuel.database.outbox import (
    Delivery,
    MessageLimits,
    adopt_sinks,
    count_messages,
    due_deliveries,
    has_work,
    make_digests,
    note_failed,
    note_sent,
    release,
)
from telemetry_server.fuel.notifications.message import Failure, Message
from telemetry_server.fuel.notifications.sink import NotDelivered, Sink
from telemetry_server.observability import metrics
from telemetry_server.observability.fuel_events import FuelMessageFailed, FuelMessageGivenUp

RETRY_SECONDS = (5.0, 30.0, 120.0, 600.0, 3600.0)  # after the first failure, the second, …
DITHER = 0.1
COUNT_SECONDS = 10.0  # between two looks at held messages, and at the numbers for metrics
MIGRATING_SECONDS = 10.0  # after the start
CLOCK_MARGIN = timedelta(minutes=1)  # between the clocks of two servers
Note = Callable[[sa.Connection], None]


@dataclass(frozen=True, slots=True)
class NotifierOptions:
    """What the operator decides about messages."""

    database_url: str
    contact_key_file: Path
    sinks: Sequence[Sink]
    instance_name: str = ""
    reports_url: str = ""
    limits: MessageLimits = field(default_factory=MessageLimits)


class Notifier:
    """One call of `turn` delivers all that is due."""

    def __init__(
        self, options: NotifierOptions, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._options = options
        self._clock = clock
        self._database = CollectorDatabase(options.database_url, connections=1)
        self._lock = NotifierLock(options.database_url)
        self._keys = ContactKeyFile(options.contact_key_file, creates=False)
        self._sinks = {sink.label: sink for sink in options.sinks}
        self._labels = tuple(self._sinks)
        self._took_over_at: datetime | None = None  # None: another process delivers
        self._note: Note | None = None  # what a delivery came to, while the database is away
        self._counted_at = datetime.min.replace(tzinfo=UTC)
        self._started_at = clock()
        self.is_stopping = False

    def turn(self) -> None:
        """
        Deliver what is due.

        Raises:
            DatabaseAway: Try again.
        """
        if not self._lock.is_held():
            self._took_over_at = None
            return
        now = self._clock()
        if self._took_over_at is None and not self._take_over(now):
            return
        self._write_note()
        if self._database.read(lambda connection: has_work(connection, now)):
            self._plan(now)
            self._deliver_due(now)
        if now - self._counted_at >= timedelta(seconds=COUNT_SECONDS):
            self._counted_at = now
            self._count(now)

    def _take_over(self, now: datetime) -> bool:
        """Begin to deliver; False while another process still migrates the database."""
        try:
            self._database.write(lambda connection: adopt_sinks(connection, self._labels, now))
        except DatabaseAway:
            if now - self._started_at < timedelta(seconds=MIGRATING_SECONDS):
                return False
            raise
        self._took_over_at = now
        return True

    def stop_soon(self) -> None:
        """Begin no further delivery."""
        self.is_stopping = True

    def read_again(self) -> None:
        """Nothing: the key file is read again where it has changed."""

    def close(self) -> None:
        """Close all connections, and let another process deliver."""
        self._database.close()
        self._lock.close()

    def _plan(self, now: datetime) -> None:
        options = self._options
        _, held = self._database.write(
            lambda connection: release(connection, self._labels, options.limits, now)
        )
        if held:
            metrics.fuel_messages.count("held", amount=held)

    def _count(self, now: datetime) -> None:
        limits = self._options.limits
        self._database.write(lambda connection: make_digests(connection, self._labels, limits, now))
        counts = self._database.read(count_messages)
        metrics.fuel_messages_open.report(counts.open)
        metrics.fuel_messages_given_up.report(counts.given_up)

    def _deliver_due(self, now: datetime) -> None:
        failed: set[str] = set()  # a sink that fails once is left alone until the next turn
        for delivery in self._database.read(lambda connection: due_deliveries(connection, now)):
            if self.is_stopping:
                return
            if delivery.sink in self._sinks and delivery.sink not in failed and not self._deliver(delivery):
                failed.add(delivery.sink)

    def _deliver(self, delivery: Delivery) -> bool:
        message = self._message(delivery.notification_id)
        try:
            self._sinks[delivery.sink].send(message, may_be_there=self._may_be_there(delivery))
        except NotDelivered as error:
            self._failed(delivery, str(error))
            return False
        metrics.fuel_messages.count("sent")
        times = message.stored.times
        self._note = partial(note_sent, delivery=delivery, times=times, now=self._clock())
        self._write_note()
        return True

    def _failed(self, delivery: Delivery, reason: str) -> None:
        now = self._clock()
        next_try_at = None
        if delivery.failures < len(RETRY_SECONDS):
            seconds = RETRY_SECONDS[delivery.failures] * random.uniform(1 - DITHER, 1 + DITHER)
            next_try_at = now + timedelta(seconds=seconds)
        metrics.fuel_messages.count("failed" if next_try_at else "given_up")
        if next_try_at is None:
            FuelMessageGivenUp(delivery.sink, delivery.failures + 1, reason).emit()
        else:
            FuelMessageFailed(delivery.sink, delivery.failures + 1, reason).emit()
        self._note = partial(note_failed, delivery=delivery, reason=reason, next_try_at=next_try_at, now=now)
        self._write_note()

    def _write_note(self) -> None:
        """Store what the last delivery came to; nothing else is delivered before."""
        if self._note is not None:
            self._database.write(self._note)
            self._note = None

    def _may_be_there(self, delivery: Delivery) -> bool:
        """Whether an earlier try may have succeeded: by a process before this one, or half of one."""
        assert self._took_over_at is not None
        return delivery.failures > 0 or delivery.created_at <= self._took_over_at + CLOCK_MARGIN

    def _message(self, number: int) -> Message:
        stored = self._database.read(lambda connection: message_of(connection, number))
        failures = tuple(self._with_contact(failure, times) for failure, times in stored.failures)
        return Message(stored, failures, self._options.instance_name, self._options.reports_url)

    def _with_contact(self, failure: StoredFailure, times: int) -> Failure:
        if failure.key_id is None or failure.sealed is None:
            return Failure(failure, times, None, "removed")
        sealed = SealedContact(failure.key_id, failure.sealed)
        try:
            text = self._keys.keys().opened(failure.report_id, sealed)
        except (BadContactKeys, ContactUnreadable) as error:
            return Failure(failure, times, None, str(error))
        return Failure(failure, times, orjson.loads(text))
