"""
Turns messages into submissions, and submissions into messages.

A message that cannot be a submission becomes one with a fault: it is kept whole, and the converter
puts it in quarantine with the fault and its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import quote

from storage.raw.submission import Submission
from telemetry_server.queue.bagheera import BadBagheeraMessage, parse_bagheera
from telemetry_server.queue.message import Message

KEY = "{key}"
DEFAULT_TEMPLATE = "/submit/telemetry/{key}"
MAX_PATH_CHARACTERS = 1024
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# What a message's headers carry beside the kept headers of the request.
PATH, RECEIVED_AT, QUERY, METHOD, PROTOCOL, HOST = (
    "path",
    "received_at",
    "query",
    "method",
    "protocol",
    "host",
)
CLIENT_ADDRESS = "client_address"
OWN_HEADERS = frozenset({PATH, RECEIVED_AT, QUERY, METHOD, PROTOCOL, HOST, CLIENT_ADDRESS})
NO_TIME = "the header `received_at` is not a time like 2026-11-28T09:30:00.123456Z"
BROKER_PREFIX = "nats-"  # headers that a NATS server reads or adds


class MessageForm(StrEnum):
    """What the messages of a queue look like."""

    HEADERS = "headers"
    BAGHEERA = "bagheera"
    BARE = "bare"


@dataclass(frozen=True, slots=True)
class MessageReader:
    """Makes a submission of every message of one form."""

    form: MessageForm = MessageForm.HEADERS
    path_template: str = DEFAULT_TEMPLATE  # of bare messages

    def path_of(self, message: Message) -> str | None:
        """Return the path of the submission in *message*; None if only its body has the path."""
        if self.form is MessageForm.HEADERS:
            return message.headers.get(PATH, "")
        return self._bare_path(message) if self.form is MessageForm.BARE else None

    def submission_of(self, message: Message) -> Submission:
        """Return the submission in *message*; with a `fault` if there is none."""
        if self.form is MessageForm.HEADERS:
            return _from_headers(message)
        if self.form is MessageForm.BAGHEERA:
            return _from_bagheera(message)
        return _from_bare(message, self._bare_path(message))

    def _bare_path(self, message: Message) -> str:
        return self.path_template.replace(KEY, quote(message.key, safe=""))


def headers_of(submission: Submission) -> dict[str, str]:
    """Return the headers of the message that carries *submission*; its body is the message's body."""
    headers = {
        PATH: submission.path,
        RECEIVED_AT: submission.received_at.isoformat("T", "microseconds")[:26] + "Z",
        METHOD: submission.method,
        PROTOCOL: submission.protocol,
        HOST: submission.host,
        **submission.headers,
    }
    if submission.query:
        headers[QUERY] = submission.query
    if submission.client_address is not None:
        headers[CLIENT_ADDRESS] = submission.client_address
    return headers


def _from_headers(message: Message) -> Submission:
    headers = message.headers
    path = headers.get(PATH)
    if path is None:
        return _faulty(message, "the message has no header `path`")
    try:
        received_at = _received_at(message)
    except ValueError:
        return _faulty(message, NO_TIME)
    return Submission(
        received_at,
        path,
        message.body,
        headers.get(QUERY, ""),
        headers.get(METHOD, "POST"),
        headers.get(PROTOCOL, "HTTP/1.1"),
        headers.get(HOST, ""),
        kept_headers(headers),
        headers.get(CLIENT_ADDRESS),
        message.place,
    )


def _from_bare(message: Message, path: str) -> Submission:
    try:
        received_at = _received_at(message)
    except ValueError:
        return _faulty(message, NO_TIME)
    headers = kept_headers(message.headers)
    return Submission(received_at, path, message.body, headers=headers, place=message.place)


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return those of a message's headers that are of the request that was received."""
    return {
        name: value
        for name, value in headers.items()
        if name not in OWN_HEADERS and not name.startswith(BROKER_PREFIX)
    }


def _received_at(message: Message) -> datetime:
    """Return the time in the headers, else that of the broker; `ValueError` if it is not one."""
    text = message.headers.get(RECEIVED_AT)
    if text is None:
        return message.time
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    moment = moment.astimezone(UTC)
    if not 1970 <= moment.year <= 9998:
        raise ValueError("out of range")
    return moment


def _from_bagheera(message: Message) -> Submission:
    try:
        found = parse_bagheera(message.body)
    except BadBagheeraMessage as error:
        return _faulty(message, f"not a message of Bagheera: {error}")
    if found.is_deletion:
        return _faulty(message, "a message of Bagheera that deletes a document")
    path = f"/submit/{quote(found.namespace, safe='')}/{quote(found.document_id, safe='/')}"
    if len(path) > MAX_PATH_CHARACTERS:
        return _faulty(message, "a message of Bagheera whose namespace and id are too long")
    received_at = message.time
    if found.timestamp_ms is not None:
        try:
            received_at = EPOCH + timedelta(milliseconds=found.timestamp_ms)
        except OverflowError:
            return _faulty(message, "a message of Bagheera whose timestamp is out of range")
        if not 1970 <= received_at.year <= 9998:
            return _faulty(message, "a message of Bagheera whose timestamp is out of range")
    return Submission(received_at, path, found.payload, place=message.place)


def _faulty(message: Message, fault: str) -> Submission:
    """Return *message* as it is, with what is wrong with it."""
    headers = kept_headers(message.headers)
    path = message.headers.get(PATH, "")
    return Submission(message.time, path, message.body, headers=headers, place=message.place, fault=fault)
