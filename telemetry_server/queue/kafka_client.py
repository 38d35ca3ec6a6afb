"""Configuration of confluent-kafka, and its errors as ours.  Needs the extra `kafka`."""

from collections.abc import Callable
from typing import Any

from telemetry_server.queue.errors import BrokerAway, QueueError, QueueRefused
from telemetry_server.queue.queue_url import QueueUrl

CONNECT_SECONDS = 5.0
REFUSALS = frozenset(
    {
        "_AUTHENTICATION",
        "_SSL",
        "_UNKNOWN_PARTITION",
        "_UNKNOWN_TOPIC",
        "CLUSTER_AUTHORIZATION_FAILED",
        "GROUP_AUTHORIZATION_FAILED",
        "SASL_AUTHENTICATION_FAILED",
        "TOPIC_AUTHORIZATION_FAILED",
        "UNKNOWN_TOPIC_OR_PART",
    }
)


def client_options(url: QueueUrl) -> dict[str, Any]:
    """Return the options of a consumer or a producer that say how to connect."""
    options: dict[str, Any] = {
        "bootstrap.servers": ",".join(url.hosts),
        "client.id": "telemetry-server",
        "socket.timeout.ms": 10_000,
        "reconnect.backoff.max.ms": 2_000,
        # Errors come as errors; the lines that librdkafka would print on stderr say the same again.
        "log_level": 0,
    }
    protocol = "ssl" if url.uses_tls else "plaintext"
    if url.user:
        protocol = "sasl_" + protocol
        options |= {"sasl.mechanism": "PLAIN", "sasl.username": url.user, "sasl.password": url.password}
    options["security.protocol"] = protocol
    if url.ca_file is not None:
        options["ssl.ca.location"] = str(url.ca_file)
    return options


def new_client(kind: Callable[[dict[str, Any]], Any], url: QueueUrl, options: dict[str, Any]) -> Any:
    """
    Return a new client of the broker at *url*; *kind* is Consumer or Producer of confluent-kafka.

    Raises:
        QueueRefused: librdkafka refuses the options.
    """
    from confluent_kafka import KafkaException

    try:
        return kind(client_options(url) | options)
    except KafkaException as error:
        raise QueueRefused(str(queue_error(error.args[0], url))) from None


def queue_error(error: Any, url: QueueUrl) -> QueueError:
    """Return a KafkaError as an error of ours."""
    text = f"{url.shown}: {' '.join(str(error.str()).split())}"
    return QueueRefused(text) if error.name() in REFUSALS else BrokerAway(text)
