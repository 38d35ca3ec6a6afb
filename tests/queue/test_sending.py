"""A raw record is handed on as the submission that it holds."""

from dataclasses import replace

import pytest
from hypothesis import given

from storage.raw.record_frames import RawRecord, record_of
from storage.raw.submission import Submission
from telemetry_server.queue.message import Message
from telemetry_server.queue.message_forms import MessageReader, headers_of
from telemetry_server.queue.nats_headers import NatsHeaders
from telemetry_server.queue.nats_message import fits, publication
from telemetry_server.queue.sending import body_of, message_headers, message_id
from tests.queue.test_message_forms import STORED, SUBMISSIONS
from tests.support.data_root import NOON


def delivered(command: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the words, the header block and the body of a command that publishes."""
    line, _, rest = command.partition(b"\r\n")
    block_bytes, total_bytes = (int(word) for word in line.split()[-2:])
    assert rest[total_bytes:] == b"\r\n"
    return line, rest[:block_bytes], rest[block_bytes:total_bytes]


@given(SUBMISSIONS)
def test_the_headers_of_a_record_are_those_of_its_submission(submission):
    assert message_headers(record_of(submission).header) == headers_of(submission)


@given(SUBMISSIONS)
def test_a_published_submission_is_equal_when_it_is_read(submission):
    """The message has at most the bytes that `fits` expects."""
    record = record_of(submission)
    line, block, body = delivered(publication(record, b"S", b"reply.1"))
    found = MessageReader().submission_of(Message("nats:S/0", 1, body, NatsHeaders(block), "", STORED))

    assert line.startswith(b"HPUB S reply.1 ")
    assert found == replace(submission, place=found.place)
    assert fits(record, 1 << 20)
    assert not fits(record, len(block) + len(body) - 1)


def test_a_body_that_arrived_with_its_head_is_sent_without_it():
    record = record_of(Submission(NOON, "/submit/a", b"body"))
    with_head = RawRecord(record.day, record.header, b"POST / HTTP/1.1\r\n\r\nbody", 19)

    assert body_of(with_head) == b"body"
    assert publication(with_head, b"S", b"r") == publication(record, b"S", b"r")


def test_a_value_with_a_line_break_does_not_begin_another_field():
    record = record_of(Submission(NOON, "/submit/a", b"", headers={"user-agent": "x\r\nhost: evil"}))
    _, block, _ = delivered(publication(record, b"S", b"r"))

    assert dict(NatsHeaders(block))["user-agent"] == "x host: evil"


def test_a_submission_that_was_pulled_gets_another_place():
    submission = Submission(NOON, "", b"x", place="nats:T/0@1", fault="the message has no header `path`")

    assert message_headers(record_of(submission).header) == headers_of(submission)


@pytest.mark.parametrize("other", [{"body": b"2"}, {"path": "/submit/b"}])
def test_a_message_sent_again_has_the_same_id_and_another_message_has_another_id(other):
    submission = Submission(NOON, "/submit/a", b"1")
    ids = [message_id(headers_of(each), each.body) for each in (submission, replace(submission, **other))]

    assert ids[0] == message_id(message_headers(record_of(submission).header), b"1")
    assert ids[0] != ids[1]
