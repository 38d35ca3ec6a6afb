"""
Sends submissions to a Kafka topic.  Needs the extra `kafka`.

librdkafka sends in threads of its own.  A thread of ours collects its reports, and hands them to the event
loop many at a time.
"""

import asyncio
from collections import deque
from threading import Event, Thread
from typing import Any

from storage.raw.submission import Submission
from storage.raw.submission_queue import Waiter
from telemetry_server.queue.kafka_client import client_options, queue_error
from telemetry_server.queue.publisher import MAX_IN_FLIGHT_BYTES, MAX_IN_FLIGHT_MESSAGES, OnFailure
from telemetry_server.queue.queue_url import QueueUrl
from telemetry_server.queue.sending import plain_headers, sent_headers

POLL_SECONDS = 0.1
PROBE_SECONDS = 1.0
PROBE_ANSWER_SECONDS = 2.0
LINGER_MILLISECONDS = 2
MAX_MESSAGE_BYTES = 64 << 20  # the broker's own limit decides
Report = tuple[Submission, Waiter, str]  # why it failed; empty if it is acknowledged


class KafkaPublisher:
    """See `telemetry_server.queue.publisher.Publisher`."""

    def __init__(self, url: QueueUrl, *, ack_seconds: float) -> None:
        self.trouble = "not connected yet"
        self._url = url
        self._ack_seconds = ack_seconds
        self._producer: Any = None
        self._in_flight = 0
        self._in_flight_bytes = 0
        self._reports: deque[Report] = deque()
        self._is_waking = False
        self._is_closing = Event()
        self._max_bytes = MAX_MESSAGE_BYTES

    async def open(self, on_failure: OnFailure) -> None:
        """See `Publisher`."""
        from confluent_kafka import Producer

        self._loop = asyncio.get_running_loop()
        self._on_failure = on_failure
        self._producer = Producer(
            client_options(self._url)
            | {
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": LINGER_MILLISECONDS,
                "message.timeout.ms": int(self._ack_seconds * 1000),
                "message.max.bytes": MAX_MESSAGE_BYTES,
                "error_cb": self._on_error,
            }
        )
        self._thread = Thread(target=self._work, name="kafka-reports", daemon=True)
        self._thread.start()

    @property
    def is_ready(self) -> bool:
        """See `Publisher`."""
        return (
            not self.trouble
            and self._in_flight < MAX_IN_FLIGHT_MESSAGES
            and self._in_flight_bytes < MAX_IN_FLIGHT_BYTES
        )

    def takes(self, submission: Submission) -> bool:
        """See `Publisher`."""
        return len(submission.body) < self._max_bytes

    def send(self, submission: Submission, waiter: Waiter) -> None:
        """See `Publisher`."""
        self._in_flight += 1
        self._in_flight_bytes += len(submission.body)
        headers = sent_headers(submission)

        def report(error: Any, _message: Any) -> None:
            self._note(submission, waiter, "" if error is None else self._failure(error, submission))

        try:
            self._produce(submission, headers, report)
        except UnicodeError:
            self._produce(submission, plain_headers(headers), report)
        except Exception as error:
            self._note(submission, waiter, f"{self._url.shown}: {error}")

    async def close(self) -> None:
        """See `Publisher`."""
        deadline = self._loop.time() + self._ack_seconds
        while self._in_flight and self._loop.time() < deadline:  # noqa: ASYNC110 - the end of a process
            await asyncio.sleep(0.01)
        self.trouble = self.trouble or f"{self._url.shown}: closed"
        self._is_closing.set()
        await asyncio.to_thread(self._thread.join)
        self._producer.purge()
        self._producer.flush(0)
        self._hand_over()

    def _produce(self, submission: Submission, headers: dict[str, str], report: Any) -> None:
        self._producer.produce(
            self._url.name,
            value=submission.body,
            key=_key_of(submission.path),
            headers=list(headers.items()),
            on_delivery=report,
        )

    def _note(self, submission: Submission, waiter: Waiter, failure: str) -> None:
        """Note a report, in whichever thread; the event loop takes it."""
        self._reports.append((submission, waiter, failure))
        if not self._is_waking:
            self._is_waking = True
            self._loop.call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        # First: a report that is added from now on wakes the loop again.
        self._is_waking = False
        reports = self._reports
        while reports:
            submission, waiter, failure = reports.popleft()
            self._in_flight -= 1
            self._in_flight_bytes -= len(submission.body)
            if failure:
                self._on_failure(submission, waiter, failure)
            elif not waiter.done():
                waiter.set_result(None)

    def _failure(self, error: Any, submission: Submission) -> str:
        """Return why a message failed; a broker that does not answer in time counts as away."""
        name = error.name()
        if name in ("MSG_SIZE_TOO_LARGE", "INVALID_MSG_SIZE"):
            self._max_bytes = min(self._max_bytes, len(submission.body))
        else:
            self.trouble = str(queue_error(error, self._url))
        return str(queue_error(error, self._url))

    def _on_error(self, error: Any) -> None:
        if error.name() == "_ALL_BROKERS_DOWN" or error.fatal():
            self.trouble = f"{self._url.shown}: no broker answers"

    def _work(self) -> None:
        """Collect reports; while the broker is away, look for it."""
        wait = 0.0
        while not self._is_closing.is_set():
            self._producer.poll(POLL_SECONDS)
            wait -= POLL_SECONDS
            if self.trouble and wait <= 0:
                wait = PROBE_SECONDS
                self._probe()

    def _probe(self) -> None:
        from confluent_kafka import KafkaException

        try:
            topic = self._producer.list_topics(self._url.name, timeout=PROBE_ANSWER_SECONDS).topics.get(
                self._url.name
            )
        except KafkaException as error:
            self.trouble = str(queue_error(error.args[0], self._url))
            return
        if topic is None or topic.error is not None:
            self.trouble = f"{self._url.shown}: there is no such topic"
        else:
            self.trouble = ""


def _key_of(path: str) -> bytes:
    """Return the key of a message: repeats of a document id meet in one partition."""
    parts = path.split("/")
    # /submit/telemetry/<id>[/…], or /submit/<namespace>/<doctype>/<version>/<id>
    at = 3 if len(parts) > 3 and parts[2] == "telemetry" else 5
    return parts[at].lower().encode("utf-8", "replace") if len(parts) > at else b""
