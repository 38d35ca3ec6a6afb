"""
Reads a JetStream stream from a position of our own.  Needs the extra `nats`.

Each connection makes its consumer anew at that position, so what the broker remembers of the last one does
not matter.  One acknowledgement covers everything before it.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import orjson

from storage.checksums.checksum import crc32c
from telemetry_server.queue.errors import BrokerAway, PositionLost, QueueError, QueueRefused
from telemetry_server.queue.message import Batch, Message
from telemetry_server.queue.nats_client import ask, close_client, connected
from telemetry_server.queue.nats_headers import NatsHeaders, fields_of
from telemetry_server.queue.nats_protocol import NatsProtocol, status_of
from telemetry_server.queue.queue_url import QueueUrl

REQUEST_MESSAGES = 512
REQUEST_BYTES = 8 << 20
MAX_BUFFERED_MESSAGES = 2048
MAX_BUFFERED_BYTES = 24 << 20
REQUEST_SECONDS = 20
SILENT_AFTER_SECONDS = 2.5 * REQUEST_SECONDS
ACK_WAIT_NANOSECONDS = 3600 * 10**9  # a full disk may delay a commit
FORGOTTEN_AFTER_NANOSECONDS = 30 * 86400 * 10**9
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_HEADERS: Mapping[str, str] = {}
REQUEST_ENDED = frozenset({"404", "408", "409"})
REQUEST_ENDED_BY = ("exceed", "batch completed")  # words in a 409 after which the consumer continues
UNSENT = "nats-pending-messages"  # header: how many messages of an ended request were not sent


class NatsSource:
    """The messages of one stream; see `telemetry_server.queue.source.Source`."""

    def __init__(self, url: QueueUrl, *, consumer: str) -> None:
        self.trouble = ""
        self._url = url
        self._consumer = consumer
        self._client: Any = None
        self._protocol: NatsProtocol | None = None
        self._lost: QueueError | None = None
        self._partition = ""
        self._arrived = asyncio.Event()
        self._buffer: list[Message] = []
        self._buffered_bytes = 0
        self._requested = 0  # messages that the broker may still send
        self._replies: list[bytes] = []
        self._acks_each = False
        self._pending = 0  # messages that the stream has beyond the last one
        self._heard_at = 0.0
        self._request = b""
        self._next = self._end = 0
        self._reached_end = False

    async def connect(self, after: Mapping[str, int]) -> None:
        """See `Source`."""
        stream = await self._open()
        state = stream["state"]
        first, last = max(1, int(state["first_seq"])), int(state["last_seq"])
        following = after.get(self._partition, first)
        if following < first or following > last + 1:
            raise PositionLost(
                f"{self._url.shown}: the stream has the messages {first} to {last}, and {following} is next"
            )
        self._next, self._end = following, last
        self._pending = last + 1 - following
        await self._begin(following, stream["config"])

    async def read(self, within_seconds: float) -> Batch | None:
        """See `Source`."""
        if not self._buffer:
            self._arrived.clear()
            if self._lost is None:
                try:
                    await asyncio.wait_for(self._arrived.wait(), within_seconds)
                except TimeoutError:
                    self._check_silence()
                    self._ask_for_more()
                    return None
            if not self._buffer:
                raise self._lost or BrokerAway(f"{self._url.shown}: the connection was lost")
        messages, self._buffer = self._buffer, []
        self._buffered_bytes = 0
        self._ask_for_more()
        self._next = messages[-1].position + 1
        self._reached_end = self._pending == 0
        return Batch(messages, {self._partition: self._next})

    async def acknowledge(self, batch: Batch) -> None:
        """See `Source`."""
        replies = self._replies[: len(batch.messages)]
        del self._replies[: len(batch.messages)]
        # A lost acknowledgement does no harm: the next connection begins at our own position.
        if self._protocol is not None:
            for reply in replies if self._acks_each else replies[-1:]:
                self._protocol.publish(reply.decode(), b"+ACK")

    @property
    def is_at_end(self) -> bool:
        """See `Source`."""
        return self._next > self._end or self._reached_end

    @property
    def position(self) -> int:
        """See `Source`."""
        return self._next

    @property
    def lag(self) -> int:
        """See `Source`."""
        return self._pending + len(self._buffer)

    async def lost(self, after: Mapping[str, int]) -> Mapping[str, int]:
        """See `Source`."""
        state = (await self._open())["state"]
        first, last = max(1, int(state["first_seq"])), int(state["last_seq"])
        return {} if first <= after.get(self._partition, first) <= last + 1 else {self._partition: first}

    async def close(self) -> None:
        """See `Source`."""
        client, protocol = self._client, self._protocol
        self._client = self._protocol = None
        if protocol is not None:
            protocol.flush()
        if client is not None:
            await close_client(client)

    async def _open(self) -> dict[str, Any]:
        """Connect; return what the broker says about the stream."""
        self._lost, self._buffer, self._replies, self._buffered_bytes = None, [], [], 0
        self._requested, self._reached_end = 0, False
        self._client = await connected(self._url, self._lose)
        self._protocol = NatsProtocol(self._client, self._on_message)
        stream = await ask(self._client, self._url, f"STREAM.INFO.{self._url.name}")
        # A stream that is made again begins its positions anew.
        self._partition = f"nats:{self._url.name}/{crc32c(stream['created'].encode()):08x}"
        return stream

    async def _begin(self, following: int, config: Mapping[str, Any]) -> None:
        """Make the consumer, and begin to read."""
        url, client = self._url, self._client
        retention = config.get("retention", "limits")
        if retention == "interest":
            raise QueueRefused(f"{url.shown}: its retention is `interest`; make it `limits` or `workqueue`")
        self._acks_each = retention == "workqueue"
        consumer: dict[str, Any] = {
            "name": self._consumer,
            "durable_name": self._consumer,
            "ack_policy": "explicit" if self._acks_each else "all",
            "ack_wait": ACK_WAIT_NANOSECONDS,
            "max_ack_pending": -1,
            "replay_policy": "instant",
            "inactive_threshold": FORGOTTEN_AFTER_NANOSECONDS,
            "deliver_policy": "all",
        }
        if not self._acks_each:
            consumer |= {"deliver_policy": "by_start_sequence", "opt_start_seq": following}
        with suppress(QueueRefused):  # there is none
            await ask(client, url, f"CONSUMER.DELETE.{url.name}.{self._consumer}")
        answer = await ask(
            client,
            url,
            f"CONSUMER.CREATE.{url.name}.{self._consumer}",
            {"stream_name": url.name, "config": consumer, "action": "create"},
        )
        self._pending = int(answer.get("num_pending", 0))
        self._reached_end = self._pending == 0
        self._request = orjson.dumps(
            {
                "batch": REQUEST_MESSAGES,
                # At least one message must fit.
                "max_bytes": max(REQUEST_BYTES, 2 * int(client.max_payload)),
                "expires": REQUEST_SECONDS * 10**9,
            }
        )
        assert self._protocol is not None
        self._inbox = client.new_inbox()
        self._protocol.subscribe(self._inbox)
        self._heard_at = monotonic()
        self._ask_for_more()

    def _ask_for_more(self) -> None:
        """Ask for the next messages, unless an earlier request is open or enough is buffered."""
        if self._requested > 0 or self._lost is not None:
            return
        if len(self._buffer) >= MAX_BUFFERED_MESSAGES or self._buffered_bytes >= MAX_BUFFERED_BYTES:
            return
        self._requested = REQUEST_MESSAGES
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._url.name}.{self._consumer}"
        if self._protocol is not None:
            self._protocol.publish(subject, self._request, self._inbox)

    def _on_message(self, subject: bytes, reply: bytes, block: bytes, body: bytes) -> None:
        self._heard_at = monotonic()
        if not reply.startswith(b"$JS.ACK."):
            self._on_status(block)
            return
        # $JS.ACK.<stream>.<consumer>.<deliveries>.<position>.<number>.<time>.<pending>; with two more
        # words before the stream where the server has a domain.
        words = reply.split(b".")
        at = 2 if len(words) == 9 else 4
        message = Message(
            self._partition,
            int(words[at + 3]),
            body,
            NatsHeaders(block) if block else NO_HEADERS,
            subject.rpartition(b".")[2].decode("utf-8", "replace"),
            EPOCH + timedelta(microseconds=int(words[at + 5]) // 1000),
        )
        self._pending = int(words[at + 6])
        self._buffer.append(message)
        self._buffered_bytes += len(body)
        self._replies.append(reply)
        self._requested -= 1
        if self._requested <= 0:
            self._ask_for_more()
        self._arrived.set()

    def _on_status(self, block: bytes) -> None:
        """Handle a message of the broker about a request."""
        status, text = status_of(block)
        if status == "409" and not any(words in text.lower() for words in REQUEST_ENDED_BY):
            # The consumer was deleted, or the server shuts down.
            self._lose(f"{self._url.shown}: {text}")
        elif status in REQUEST_ENDED:
            unsent = fields_of(block).get(UNSENT, "")
            # A later request may be open already.
            self._requested = self._requested - int(unsent) if unsent.isdecimal() else 0
            self._ask_for_more()

    def _check_silence(self) -> None:
        if self._requested and monotonic() - self._heard_at > SILENT_AFTER_SECONDS:
            raise BrokerAway(f"{self._url.shown}: nothing was heard for {SILENT_AFTER_SECONDS:g} s")

    def _lose(self, reason: str) -> None:
        if self._lost is None:
            self._lost = BrokerAway(reason)
        self._arrived.set()
