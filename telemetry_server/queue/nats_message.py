"""A raw record as the command that publishes it to NATS."""

from storage.raw.record_frames import RawRecord
from telemetry_server.queue.sending import body_of, message_headers, message_id

MORE_HEADER_BYTES = 128  # of a message's header block beyond the record's header


def publication(record: RawRecord, subject: bytes, reply: bytes) -> bytes:
    """Return the command that publishes *record* to *subject* and has the answer sent to *reply*."""
    headers, body = message_headers(record.header), body_of(record)
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers):  # a value with a line break would begin another field
        lines = "".join([f"{name}: {' '.join(value.splitlines())}\r\n" for name, value in headers.items()])
    block = f"NATS/1.0\r\n{lines}Nats-Msg-Id: {message_id(headers, body)}\r\n\r\n".encode()
    length = len(block)
    return b"HPUB %b %b %d %d\r\n%b%b\r\n" % (subject, reply, length, length + len(body), block, body)


def fits(record: RawRecord, max_bytes: int) -> bool:
    """Return whether the message of *record* has at most *max_bytes*."""
    # A field takes fewer bytes in the block than in JSON.
    return record.body_bytes + len(record.header) + MORE_HEADER_BYTES <= max_bytes
