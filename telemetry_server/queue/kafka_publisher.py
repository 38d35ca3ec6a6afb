"""
Sends submissions to a Kafka topic.  Needs the extra `kafka`.

librdkafka sends in threads of its own.  Its reports are collected on the event loop: a thread of ours
for that would cost more than all the rest.
"""

import asyncio
from contextlib import suppress
from typing import Any

from storage.raw.record_frames import RawRecord
from storage.raw.submission_queue import Waiter
from telemetry_server.queue.errors import QueueRefused
from telemetry_server.queue.kafka_client import new_client, queue_error
from telemetry_server.queue.publisher import MAX_IN_FLIGHT_BYTES, MAX_IN_FLIGHT_MESSAGES, OnFailure
from telemetry_server.queue.queue_url import QueueUrl
from telemetry_server.queue.sending import body_of, message_headers

POLL_SECONDS = 0.001  # while reports are due
WATCH_SECONDS = 0.5
PROBE_ANSWER_SECONDS = 2.0
LINGER_MILLISECONDS = 2
FIRST_POLL_SECONDS = LINGER_MILLISECONDS / 1000 + POLL_SECONDS  # no report comes before
MAX_MESSAGE_BYTES = 64 << 20  # the broker's own limit decides


class KafkaPublisher:
    """See `telemetry_server.queue.publisher.Publisher`."""

    def __init__(self, url: QueueUrl, *, ack_seconds: float) -> None:
        self.trouble = "not connected yet"
        self._url = url
        self._ack_seconds = ack_seconds
        self._topic = url.name
        self._producer: Any = None
        self._in_flight = 0
        self._in_flight_bytes = 0
        self._is_poll_due = False
        self._max_bytes = MAX_MESSAGE_BYTES

    async def open(self, on_failure: OnFailure) -> None:
        """See `Publisher`."""
        self._loop = asyncio.get_running_loop()
        self._on_failure = on_failure
        self._make_producer()
        self._watching = asyncio.create_task(self._watch())

    @property
    def is_ready(self) -> bool:
        """See `Publisher`."""
        return (
            not self.trouble
            and self._in_flight < MAX_IN_FLIGHT_MESSAGES
            and self._in_flight_bytes < MAX_IN_FLIGHT_BYTES
        )

    def takes(self, record: RawRecord) -> bool:
        """See `Publisher`."""
        return record.body_bytes < self._max_bytes

    def send(self, record: RawRecord, waiter: Waiter) -> None:
        """See `Publisher`."""
        body = body_of(record)
        size = len(body)
        self._in_flight += 1
        self._in_flight_bytes += size

        def report(error: Any, _message: Any) -> None:
            self._in_flight -= 1
            self._in_flight_bytes -= size
            if error is None:
                waiter.finish(None)
            else:
                self._on_failure(record, waiter, self._failure(error, size))

        try:
            # Without a key all messages of a moment go to one partition: fewer requests.
            self._produce(self._topic, body, headers=message_headers(record.header), on_delivery=report)
        except Exception as error:
            self._loop.call_soon(report, error, None)
        if not self._is_poll_due:
            self._is_poll_due = True
            self._loop.call_later(FIRST_POLL_SECONDS, self._poll)

    async def close(self) -> None:
        """See `Publisher`."""
        deadline = self._loop.time() + self._ack_seconds
        while self._in_flight and self._loop.time() < deadline:  # noqa: ASYNC110 - the end of a process
            await asyncio.sleep(0.01)
        self.trouble = self.trouble or f"{self._url.shown}: closed"
        self._watching.cancel()
        with suppress(asyncio.CancelledError):
            await self._watching
        self._end_producer()

    def _make_producer(self) -> None:
        from confluent_kafka import Producer

        options = {
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": LINGER_MILLISECONDS,
            "message.timeout.ms": int(self._ack_seconds * 1000),
            "message.max.bytes": MAX_MESSAGE_BYTES,
            "error_cb": self._on_error,
        }
        self._producer = new_client(Producer, self._url, options)
        self._produce = self._producer.produce
        self._is_broken = False

    def _replace_producer(self) -> None:
        """End the producer and make another one; after an error the next look tries again."""
        self._end_producer()
        try:
            self._make_producer()
        except QueueRefused as error:  # such as a file of certificates that is gone
            self.trouble = str(error)

    def _end_producer(self) -> None:
        """Fail what is not acknowledged."""
        self._producer.purge()
        self._producer.flush(0)

    def _poll(self) -> None:
        """Collect reports, which are calls of `report`, as long as any is due."""
        self._producer.poll(0)
        self._is_poll_due = self._in_flight > 0
        if self._is_poll_due:
            self._loop.call_later(POLL_SECONDS, self._poll)

    def _failure(self, error: Any, size: int) -> str:
        """Return why a message failed; a broker that does not answer in time counts as away."""
        if not hasattr(error, "name"):
            return f"{self._url.shown}: {error}"
        if error.name() in ("MSG_SIZE_TOO_LARGE", "INVALID_MSG_SIZE"):
            self._max_bytes = min(self._max_bytes, size)
        else:
            self.trouble = str(queue_error(error, self._url))
        return str(queue_error(error, self._url))

    def _on_error(self, error: Any) -> None:
        if error.fatal():
            self._is_broken = True
            self.trouble = str(queue_error(error, self._url))
        elif error.name() == "_ALL_BROKERS_DOWN":
            self.trouble = f"{self._url.shown}: no broker answers"

    async def _watch(self) -> None:
        """Collect errors; while the broker is away, look for it."""
        while True:
            self._producer.poll(0)
            if self._is_broken:  # after such an error a producer never sends again
                self._replace_producer()
            if self.trouble and not self._is_broken:
                self.trouble = await asyncio.to_thread(self._probe)
            await asyncio.sleep(WATCH_SECONDS)

    def _probe(self) -> str:
        """Return why the topic is not reached; empty if it is."""
        from confluent_kafka import KafkaException

        name = self._url.name
        try:
            topic = self._producer.list_topics(name, timeout=PROBE_ANSWER_SECONDS).topics.get(name)
        except KafkaException as error:
            return str(queue_error(error.args[0], self._url))
        is_there = topic is not None and topic.error is None
        return "" if is_there else f"{self._url.shown}: the topic does not exist"
