"""
Reads a Kafka topic from positions of our own.  Needs the extra `kafka`.

All partitions are assigned by hand, so no rebalance moves them.  The offsets that are committed to the
consumer group only show operators how far it is.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from telemetry_server.queue.errors import BrokerAway, PositionLost, QueueRefused
from telemetry_server.queue.kafka_client import CONNECT_SECONDS, new_client, queue_error
from telemetry_server.queue.message import Batch, Message
from telemetry_server.queue.queue_url import QueueUrl

BATCH_MESSAGES = 500
LOOK_FOR_PARTITIONS_SECONDS = 60.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_HELD_KILOBYTES = 16 << 10
NO_HEADERS: Mapping[str, str] = {}


class KafkaSource:
    """The messages of one topic; see `telemetry_server.queue.source.Source`."""

    def __init__(self, url: QueueUrl, *, group: str) -> None:
        self.trouble = ""
        self._url = url
        self._group = group
        self._consumer: Any = None
        self._prefix = ""
        self._next: dict[int, int] = {}  # position after what was read, by partition
        self._ends: dict[int, int] = {}  # the end of each partition at `connect`
        self._at_end: set[int] = set()
        self._down = ""
        self._look_at = 0.0

    async def connect(self, after: Mapping[str, int]) -> None:
        """See `Source`."""
        await asyncio.to_thread(self._connect, after)

    async def read(self, within_seconds: float) -> Batch | None:
        """See `Source`."""
        return await asyncio.to_thread(self._read, within_seconds)

    async def acknowledge(self, batch: Batch) -> None:
        """See `Source`."""
        from confluent_kafka import KafkaException, TopicPartition

        positions = [
            TopicPartition(self._url.name, self._number(name), after)
            for name, after in batch.positions.items()
        ]
        try:
            self._consumer.commit(offsets=positions, asynchronous=True)
        except KafkaException:
            return  # operators see an older position

    @property
    def is_at_end(self) -> bool:
        """See `Source`."""
        return all(
            number in self._at_end or self._next.get(number, 0) >= end for number, end in self._ends.items()
        )

    @property
    def position(self) -> int:
        """See `Source`."""
        return sum(self._next.values())

    @property
    def lag(self) -> int:
        """See `Source`."""
        if self._consumer is None:
            return 0
        total = 0
        for number, following in self._next.items():
            _, end = self._consumer.get_watermark_offsets(self._partition(number), cached=True)
            total += max(0, max(end, self._ends.get(number, 0)) - following)
        return total

    async def lost(self, after: Mapping[str, int]) -> Mapping[str, int]:
        """See `Source`."""
        return await asyncio.to_thread(self._find_lost, after)

    async def close(self) -> None:
        """See `Source`."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await asyncio.to_thread(consumer.close)

    def _open(self) -> list[int]:
        """Connect; return the numbers of the topic's partitions."""
        from confluent_kafka import Consumer

        self._down = ""
        options = {
            "group.id": self._group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",  # never a silent jump
            "enable.partition.eof": True,
            "queued.max.messages.kbytes": MAX_HELD_KILOBYTES,
            "error_cb": self._on_error,
        }
        self._consumer = new_client(Consumer, self._url, options)
        return self._partitions()

    def _partitions(self) -> list[int]:
        from confluent_kafka import KafkaException

        try:
            metadata = self._consumer.list_topics(self._url.name, timeout=CONNECT_SECONDS)
        except KafkaException as error:
            raise queue_error(error.args[0], self._url) from None
        topic = metadata.topics.get(self._url.name)
        if topic is None or topic.error is not None or not topic.partitions:
            raise QueueRefused(f"{self._url.shown}: the topic does not exist")
        self._prefix = f"kafka:{metadata.cluster_id or ''}/{self._url.name}/"
        self._look_at = time.monotonic() + LOOK_FOR_PARTITIONS_SECONDS
        return sorted(topic.partitions)

    def _connect(self, after: Mapping[str, int]) -> None:
        numbers = self._open()
        self._next, self._ends, self._at_end, self.trouble = {}, {}, set(), ""
        lost = self._assign(numbers, after)
        if lost and len(lost) == len(numbers):
            raise PositionLost(self.trouble)

    def _assign(self, numbers: Iterable[int], after: Mapping[str, int]) -> list[str]:
        """Read these partitions, too; return what is wrong with those whose position is lost."""
        lost = []
        for number in numbers:
            first, end = self._bounds(number)
            following = after.get(f"{self._prefix}{number}")
            if following is not None and not first <= following <= end:
                lost.append(f"partition {number} has the offsets {first} to {end}, and {following} is next")
                continue
            self._next[number] = first if following is None else following
            self._ends[number] = end
        if lost:
            self.trouble = f"{self._url.shown}: {'; '.join(lost)}"
        self._consumer.assign([self._partition(number, at) for number, at in self._next.items()])
        return lost

    def _bounds(self, number: int) -> tuple[int, int]:
        from confluent_kafka import KafkaException

        try:
            first, end = self._consumer.get_watermark_offsets(
                self._partition(number), timeout=CONNECT_SECONDS
            )
        except KafkaException as error:
            raise queue_error(error.args[0], self._url) from None
        return int(first), int(end)

    def _find_lost(self, after: Mapping[str, int]) -> dict[str, int]:
        found = {}
        for number in self._open():
            name = f"{self._prefix}{number}"
            first, end = self._bounds(number)
            if not first <= after.get(name, first) <= end:
                found[name] = first
        return found

    def _partition(self, number: int, offset: int | None = None) -> Any:
        from confluent_kafka import TopicPartition

        if offset is None:
            return TopicPartition(self._url.name, number)
        return TopicPartition(self._url.name, number, offset)

    def _number(self, partition: str) -> int:
        return int(partition.removeprefix(self._prefix))

    def _on_error(self, error: Any) -> None:
        if error.name() == "_ALL_BROKERS_DOWN":
            self._down = f"{self._url.shown}: no broker answers"

    def _read(self, within_seconds: float) -> Batch | None:
        consumer = self._consumer
        if time.monotonic() >= self._look_at:
            new = [number for number in self._partitions() if number not in self._next]
            if new and not self.trouble:
                self._assign(new, {})
        found = consumer.consume(1, within_seconds)
        if found:
            self._down = ""
            found += consumer.consume(BATCH_MESSAGES - 1, 0)
        elif self._down:
            raise BrokerAway(self._down)
        messages = [message for raw in found if (message := self._message(raw)) is not None]
        if not messages:
            return None
        positions = {message.partition: message.position + 1 for message in messages}
        for name, following in positions.items():
            self._next[self._number(name)] = following
        return Batch(messages, positions)

    def _message(self, raw: Any) -> Message | None:
        error = raw.error()
        if error is not None:
            self._note(error, raw)
            return None
        _, milliseconds = raw.timestamp()
        headers = raw.headers()
        key = raw.key()
        return Message(
            f"{self._prefix}{raw.partition()}",
            raw.offset(),
            raw.value() or b"",
            NO_HEADERS
            if not headers
            else {name.lower(): (value or b"").decode("utf-8", "replace") for name, value in headers},
            "" if key is None else key.decode("utf-8", "replace"),
            EPOCH + timedelta(milliseconds=max(0, milliseconds)),
        )

    def _note(self, error: Any, raw: Any) -> None:
        """Handle what librdkafka reports in place of a message."""
        name = error.name()
        if name == "_PARTITION_EOF":
            self._at_end.add(raw.partition())
        elif name in ("_AUTO_OFFSET_RESET", "OFFSET_OUT_OF_RANGE"):
            raise PositionLost(f"{self._url.shown}: {error.str()}")
        else:
            raise queue_error(error, self._url)
