"""Submissions on their way to a broker, and their message form."""

from typing import NamedTuple

from crc32c import crc32c

from storage.raw.submission import Submission
from storage.raw.submission_queue import Waiter
from telemetry_server.queue.message_forms import RECEIVED_AT


class InFlight(NamedTuple):
    """A submission that the broker has not acknowledged yet."""

    submission: Submission
    waiter: Waiter
    sent_at: float  # the loop's time


def plain_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return *headers* with what is not valid UTF-8 escaped."""
    return {name: value.encode("utf-8", "backslashreplace").decode() for name, value in headers.items()}


def header_bytes(headers: dict[str, str]) -> int:
    """Return about how many bytes *headers* take in a message, rounded up."""
    return 200 + sum(len(name) + len(value.encode("utf-8", "replace")) + 4 for name, value in headers.items())


def message_id(submission: Submission, headers: dict[str, str]) -> str:
    """Return an id that a submission keeps when it is sent again, so that the broker can drop the repeat."""
    checksum = crc32c(submission.body, crc32c(submission.path.encode("utf-8", "replace")))
    return f"{headers[RECEIVED_AT]}{checksum:08x}"
