"""Settings of queues; a part of the table of settings."""

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from telemetry_server.settings.fuel_intake_settings import FuelIntakeSettings
from telemetry_server.settings.value_types import FilePath


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
    raise ValueError("must be a URL like nats://HOST:4222/STREAM or kafka://HOST:9092/TOPIC")


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


class QueueSettings(FuelIntakeSettings):
    """Where submissions are pulled from, and where they are handed on to."""

    pull_from: Annotated[tuple[str, ...], BeforeValidator(url_list)] = Field(
        (),
        description="Queue to pull submissions from: `nats://HOST:4222/STREAM`, `kafka://HOST:9092/TOPIC` or "
        "`file:///DATA_ROOT`; several with spaces.  Empty: none.",
    )
    push_to: Annotated[str, BeforeValidator(one_url)] = Field(
        "",
        description="Queue to hand submissions on to, in the same form.  The server then does not convert.  "
        "Empty: none.",
    )
    queue_message: QueueMessage = Field(
        QueueMessage.HEADERS,
        description="Messages to pull: `headers` (as `push_to` sends them), `bagheera` (protobuf) or `bare` "
        "(JSON alone).",
    )
    queue_path_template: Annotated[str, BeforeValidator(path_template)] = Field(
        "/submit/telemetry/{key}",
        description="Path of bare messages.  `{key}` is the key of a Kafka message, or the last word of a "
        "NATS subject.",
    )
    queue_credentials_file: FilePath | None = Field(
        None,
        description="File with `USER:PASSWORD` for the broker; of NATS also a token, or a `.creds` file.",
    )
    queue_ca_file: FilePath | None = Field(
        None, description="PEM file of the certificates that the broker's must be signed by; turns on TLS."
    )
    share: Annotated[str, BeforeValidator(share_text)] = Field(
        "1/1",
        description="Part of the document ids that this data root takes from `pull_from`: `2/3` is the "
        "second of three.",
    )
