"""Raw records on their way to a broker, and their message form."""

from typing import NamedTuple

import orjson

from storage.checksums.checksum import crc32c
from storage.raw.record_frames import RawRecord
from storage.raw.submission_queue import Waiter
from telemetry_server.queue.message_forms import PATH, QUERY, RECEIVED_AT


class InFlight(NamedTuple):
    """A record that the broker has not acknowledged yet."""

    record: RawRecord
    waiter: Waiter
    sent_at: float  # the loop's time


def message_headers(header: bytes) -> dict[str, str]:
    """Return the headers of the message of a record, from the record's *header*."""
    # The same fields as from `headers_of`, but no submission is made: this runs for every message.
    fields: dict[str, str] = orjson.loads(header)
    fields.update(fields.pop("headers"))  # type: ignore[arg-type]
    if not fields[QUERY]:
        del fields[QUERY]
    if "place" in fields:  # it was pulled from a queue, and gets another place in this one
        del fields["place"]
        fields.pop("fault", None)
    return fields


def body_of(record: RawRecord) -> bytes:
    """Return the body of *record*."""
    return record.text[record.start :] if record.start else record.text


def message_id(headers: dict[str, str], body: bytes) -> str:
    """Return an id that a message keeps when it is sent again, so that the broker can drop the repeat."""
    checksum = crc32c(body, crc32c(headers[PATH].encode()))
    return f"{headers[RECEIVED_AT]}{checksum:08x}"
