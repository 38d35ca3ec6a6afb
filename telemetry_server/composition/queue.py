"""Builds what pulls from queues and hands on to them, from the settings."""

import socket
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from storage.data_root import DataRoot
from telemetry_server.queue.errors import BadQueueFile, BadQueueUrl
from telemetry_server.queue.message_forms import MessageForm, MessageReader
from telemetry_server.queue.queue_url import RAW_SCHEME, QueueUrl, parse_queue_url
from telemetry_server.queue.share import Share, parse_share
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.raw.writer import RawWriter
    from telemetry_server.queue.handing_writer import HandingWriter
    from telemetry_server.queue.publisher import Publisher
    from telemetry_server.queue.source import Source

MODULES = {"nats": "nats", "kafka": "confluent_kafka"}


def check_queues(settings: Settings) -> None:
    """
    Check the settings of queues.

    Raises:
        ConfigurationError: One of them is not valid, or an extra is missing.
    """
    if settings.pull_from and settings.push_to:
        raise ConfigurationError(
            "pull_from and push_to are both set: a data root either converts what it pulls, or hands on"
        )
    for url in pull_urls(settings):
        if url.scheme == RAW_SCHEME and _is_same_folder(Path(url.name), settings.data_dir):
            name = _named(settings, "pull_from")
            raise ConfigurationError(f"{name}: {url.shown} is this data root itself; name another one")
    push_url(settings)


def _is_same_folder(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:  # one of them does not exist yet
        return first.resolve() == second.resolve()


def pull_urls(settings: Settings) -> list[QueueUrl]:
    """
    Return the queues to pull from.

    Raises:
        ConfigurationError: One of them is not valid, or its extra is missing.
    """
    return [_url(settings, "pull_from", text) for text in settings.pull_from]


def push_url(settings: Settings) -> QueueUrl | None:
    """
    Return the queue to hand on to, if there is one.

    Raises:
        ConfigurationError: It is not valid, or its extra is missing.
    """
    if not settings.push_to:
        return None
    if settings.push_to.lower().startswith(f"{RAW_SCHEME}:"):
        name = _named(settings, "push_to")
        raise ConfigurationError(f"{name}: it must be a broker; an edge writes to its own raw/ without it")
    return _url(settings, "push_to", settings.push_to)


def _url(settings: Settings, name: str, text: str) -> QueueUrl:
    try:
        url = parse_queue_url(
            text, credentials_file=settings.queue_credentials_file, ca_file=settings.queue_ca_file
        )
    except BadQueueFile as error:
        raise ConfigurationError(str(error)) from None
    except BadQueueUrl as error:
        raise ConfigurationError(f"{_named(settings, name)}: {error}") from None
    module = MODULES.get(url.scheme)
    if module is not None and find_spec(module) is None:
        raise ConfigurationError(
            f"{_named(settings, name)}: {url.shown} needs the extra {url.scheme}:"
            f" pip install 'telemetry-server[{url.scheme}]'"
        )
    if url.creds_file is not None and find_spec("nkeys") is None:
        raise ConfigurationError("queue_credentials_file: a .creds file needs nkeys: pip install nkeys")
    return url


def _named(settings: Settings, name: str) -> str:
    return f"{name} (from {settings.origin_of(name)})"


def source_of(url: QueueUrl, root: DataRoot) -> "Source":
    """Return the source that reads *url* for *root*."""
    if url.scheme == "nats":
        from telemetry_server.queue.nats_source import NatsSource

        return NatsSource(url, consumer=_reader_name(root))
    if url.scheme == "kafka":
        from telemetry_server.queue.kafka_source import KafkaSource

        return KafkaSource(url, group=_reader_name(root))
    from telemetry_server.queue.raw_source import RawSource

    return RawSource(url)


def publisher_of(url: QueueUrl, *, ack_seconds: float) -> "Publisher":
    """Return the publisher that hands on to *url*."""
    if url.scheme == "nats":
        from telemetry_server.queue.nats_publisher import NatsPublisher

        return NatsPublisher(url, ack_seconds=ack_seconds)
    from telemetry_server.queue.kafka_publisher import KafkaPublisher

    return KafkaPublisher(url, ack_seconds=ack_seconds)


def handing_writer_of(settings: Settings) -> "Callable[[RawWriter], HandingWriter]":
    """Return what makes the writer of an edge hand its submissions on."""
    from telemetry_server.queue.handing_writer import HandingWriter

    url = push_url(settings)
    assert url is not None
    return lambda raw: HandingWriter(raw, publisher_of(url, ack_seconds=settings.commit_timeout_seconds))


def reader_of(settings: Settings) -> MessageReader:
    """Return what makes submissions of messages."""
    return MessageReader(MessageForm(settings.queue_message.value), settings.queue_path_template)


def share_of(settings: Settings) -> Share:
    """Return the share of this data root."""
    return parse_share(settings.share)


def _reader_name(root: DataRoot) -> str:
    """Return the name that operators of the broker see; each data root has another."""
    return f"telemetry-server-{crc32(f'{socket.gethostname()}:{root.path}'.encode()):08x}"
