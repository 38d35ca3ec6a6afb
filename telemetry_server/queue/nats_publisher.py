"""
Sends submissions to a JetStream stream.  Needs the extra `nats`.

The broker acknowledges each message with an answer to a subject of its own; many are on their way at once.
"""

import asyncio
from contextlib import suppress
from typing import Any

import orjson

from storage.raw.record_frames import RawRecord
from storage.raw.submission_queue import Waiter
from telemetry_server.queue.errors import BrokerAway, QueueError
from telemetry_server.queue.nats_client import ask, close_client, connected
from telemetry_server.queue.nats_message import fits, publication
from telemetry_server.queue.nats_protocol import NatsProtocol, status_of
from telemetry_server.queue.publisher import MAX_IN_FLIGHT_BYTES, MAX_IN_FLIGHT_MESSAGES, OnFailure
from telemetry_server.queue.queue_url import QueueUrl
from telemetry_server.queue.sending import InFlight

CHECK_SECONDS = 0.5
FIRST_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 5.0
CANCEL_SECONDS = 1.0
REFUSED_PAUSE_SECONDS = 2.0
ACKNOWLEDGED = b'{"stream":'


def subject_of(stream: str, subjects: list[str]) -> str:
    """
    Return the subject to publish to: the stream's name if the stream takes it, else one below it.

    Raises:
        BrokerAway: The stream takes neither.
    """
    if any(subject in (stream, ">") for subject in subjects) or ("." not in stream and "*" in subjects):
        return stream
    if any(subject in (f"{stream}.>", f"{stream}.*") for subject in subjects):
        return f"{stream}.submission"
    raise BrokerAway(f"the stream {stream} takes {', '.join(subjects)}, but neither {stream} nor {stream}.>")


class NatsPublisher:
    """See `telemetry_server.queue.publisher.Publisher`."""

    def __init__(self, url: QueueUrl, *, ack_seconds: float) -> None:
        self.trouble = "not connected yet"
        self._url = url
        self._ack_seconds = ack_seconds
        self._client: Any = None
        self._protocol: NatsProtocol | None = None
        self._subject = self._reply_prefix = b""
        self._token = 0
        self._in_flight: dict[bytes, InFlight] = {}
        self._in_flight_bytes = 0
        self._max_bytes = 0
        self._has_lost = asyncio.Event()

    async def open(self, on_failure: OnFailure) -> None:
        """See `Publisher`."""
        self._loop = asyncio.get_running_loop()
        self._on_failure = on_failure
        self._connecting = asyncio.create_task(self._stay_connected())

    @property
    def is_ready(self) -> bool:
        """See `Publisher`."""
        return (
            not self.trouble
            and len(self._in_flight) < MAX_IN_FLIGHT_MESSAGES
            and self._in_flight_bytes < MAX_IN_FLIGHT_BYTES
        )

    def takes(self, record: RawRecord) -> bool:
        """See `Publisher`."""
        return fits(record, self._max_bytes)

    def send(self, record: RawRecord, waiter: Waiter) -> None:
        """See `Publisher`."""
        assert self._protocol is not None
        self._token += 1
        token = b"%d" % self._token
        self._in_flight[token] = InFlight(record, waiter, self._loop.time())
        self._in_flight_bytes += record.body_bytes
        self._protocol.send(publication(record, self._subject, self._reply_prefix + token))

    async def close(self) -> None:
        """See `Publisher`."""
        deadline = self._loop.time() + self._ack_seconds
        while self._in_flight and self._loop.time() < deadline:  # noqa: ASYNC110 - the end of a process
            await asyncio.sleep(0.01)
        while not self._connecting.done():
            # Once may not be enough: a wait that ends at the same moment can swallow it.
            self._connecting.cancel()
            await asyncio.wait([self._connecting], timeout=CANCEL_SECONDS)
        with suppress(asyncio.CancelledError):
            await self._connecting
        self._lose(f"{self._url.shown}: closed")
        await self._disconnect()

    async def _stay_connected(self) -> None:
        failures = 0
        while True:
            try:
                await self._connect()
                failures = 0
                await self._watch()
            except QueueError as error:
                self._lose(str(error))
            await self._disconnect()
            await asyncio.sleep(min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(failures, 10)))
            failures += 1

    async def _connect(self) -> None:
        self._has_lost.clear()
        self._client = await connected(self._url, self._lose)
        self._protocol = NatsProtocol(self._client, self._on_answer)
        stream = await ask(self._client, self._url, f"STREAM.INFO.{self._url.name}")
        self._subject = subject_of(self._url.name, stream["config"].get("subjects", [])).encode()
        limit = int(stream["config"].get("max_msg_size", -1))
        self._max_bytes = min(int(self._client.max_payload), limit if limit > 0 else 1 << 62)
        inbox = self._client.new_inbox()
        self._reply_prefix = f"{inbox}.".encode()
        self._protocol.subscribe(f"{inbox}.*")
        if not self._has_lost.is_set():
            self.trouble = ""

    async def _watch(self) -> None:
        """Return when the connection is lost, or an answer takes too long."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_lost.wait(), CHECK_SECONDS)
                return
            oldest = next(iter(self._in_flight.values()), None)
            if oldest is not None and self._loop.time() - oldest.sent_at > self._ack_seconds:
                raise BrokerAway(f"{self._url.shown}: no answer within {self._ack_seconds:g} s")

    def _on_answer(self, subject: bytes, _reply: bytes, block: bytes, data: bytes) -> None:
        found = self._in_flight.pop(subject[len(self._reply_prefix) :], None)
        if found is None:
            return
        self._in_flight_bytes -= found.record.body_bytes
        if data.startswith(ACKNOWLEDGED) and b'"error"' not in data:
            found.waiter.finish(None)
            return
        problem = f"{self._url.shown}: {_problem(block, data)}"
        if not self.trouble:
            # Such as a full stream: others would be refused, too.
            self.trouble = problem
            self._loop.call_later(REFUSED_PAUSE_SECONDS, self._try_again, problem)
        self._on_failure(found.record, found.waiter, problem)

    def _try_again(self, problem: str) -> None:
        """Send again after a refusal, unless the connection was lost since."""
        if self.trouble == problem:
            self.trouble = ""

    def _lose(self, reason: str) -> None:
        """Give back everything that is not acknowledged."""
        self.trouble = reason
        self._has_lost.set()
        failed, self._in_flight, self._in_flight_bytes = list(self._in_flight.values()), {}, 0
        for each in failed:
            self._on_failure(each.record, each.waiter, reason)

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await close_client(client)


def _problem(block: bytes, data: bytes) -> str:
    """Return why the broker refused a message."""
    if status_of(block)[0] == "503":
        return "no stream takes the subject"
    try:
        return str(orjson.loads(data)["error"]["description"])
    except (ValueError, KeyError, TypeError):
        return "refused"
