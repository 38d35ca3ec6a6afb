"""Settings of queues; a part of the table of settings."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from telemetry_server.settings.fields import setting
from telemetry_server.settings.fuel_intake_settings import FuelIntakeSettings
from telemetry_server.settings.limits import word_of
from telemetry_server.settings.value_types import file_path


class QueueMessage(StrEnum):
    """What the messages of a queue look like."""

    HEADERS = "headers"
    BAGHEERA = "bagheera"
    BARE = "bare"


def url_list(value: object) -> tuple[str, ...]:
    """Parse URLs of queues: a list, or a text with spaces."""
    texts = value.split() if isinstance(value, str) else value
    if isinstance(texts, list | tuple) and all(isinstance(text, str) and "://" in text for text in texts):
        return tuple(texts)
    # No part of the value in the message: it may hold a password.
    raise ValueError(
        "must be a URL like nats://HOST:4222/STREAM, kafka://HOST:9092/TOPIC or file:///DATA_ROOT"
    )


def one_url(value: object) -> str:
    """Parse the URL of a broker's queue; empty means none."""
    if value == "" or (isinstance(value, str) and "://" in value):
        return str(value)
    raise ValueError("must be a URL like nats://HOST:4222/STREAM or kafka://HOST:9092/TOPIC")


def share_text(value: object) -> str:
    """Parse a share like ``1/2``."""
    number, slash, of = value.partition("/") if isinstance(value, str) else ("", "", "")
    digits = number.isascii() and of.isascii() and number.isdigit() and of.isdigit()
    if slash and digits and 1 <= int(number) <= int(of) <= 256:
        return f"{int(number)}/{int(of)}"
    raise ValueError("must be a share like 1/2: the first of two")


def path_template(value: object) -> str:
    """Parse the path of bare messages, which has the placeholder ``{key}``."""
    if isinstance(value, str) and value.startswith("/submit/") and "{key}" in value and value.isprintable():
        return value
    raise ValueError("must be a path below /submit/ with {key} in it, like /submit/telemetry/{key}")


@dataclass(frozen=True, init=False, repr=False, eq=False)
class QueueSettings(FuelIntakeSettings):
    """Where submissions are pulled from, and where they are handed on to."""

    pull_from: tuple[str, ...] = setting(
        (),
        "Queue to pull submissions from: `nats://HOST:4222/STREAM`, `kafka://HOST:9092/TOPIC` or "
        "`file:///DATA_ROOT`; several with spaces.  Empty: none.",
        url_list,
    )
    push_to: str = setting(
        "",
        "Queue to hand submissions on to, in the same form.  The server then does not convert.  Empty: none.",
        one_url,
    )
    queue_message: QueueMessage = setting(
        QueueMessage.HEADERS,
        "Messages to pull: `headers` (as `push_to` sends them), `bagheera` (protobuf) or `bare` "
        "(JSON alone).",
        word_of(QueueMessage),
    )
    queue_path_template: str = setting(
        "/submit/telemetry/{key}",
        "Path of bare messages.  `{key}` is the key of a Kafka message, or the last word of a NATS subject.",
        path_template,
    )
    queue_credentials_file: Path | None = setting(
        None, "File with `USER:PASSWORD` for the broker; of NATS also a token, or a `.creds` file.", file_path
    )
    queue_ca_file: Path | None = setting(
        None, "PEM file of the certificates that the broker's must be signed by; turns on TLS.", file_path
    )
    share: str = setting(
        "1/1",
        "Part of the document ids that this data root takes from `pull_from`: `2/3` is the second of three.",
        share_text,
    )
