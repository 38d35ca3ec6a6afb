"""`NatsProtocol` gets its messages, and nats-py gets the rest whole, however the bytes are cut."""

import asyncio
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.queue.errors import QueueRefused
from telemetry_server.queue.message_forms import PATH
from telemetry_server.queue.nats_headers import NatsHeaders, fields_of
from telemetry_server.queue.nats_protocol import SUBSCRIPTION_ID, NatsProtocol, status_of

BLOCK = b"NATS/1.0\r\nPath: /submit/a\r\nuser-agent:  x \r\n\r\n"


class Parser:
    """Records what nats-py gets."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    async def parse(self, data: bytes) -> None:
        self.got.append(data)

    def reset(self) -> None:
        self.got.clear()


class Transport:
    """Records what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data)


def command(sid: int, body: bytes, block: bytes = b"", reply: str = "") -> bytes:
    """Return the command by which a server delivers a message."""
    words = f"_INBOX.x.1 {sid} {reply}".split()
    head = f"HMSG {' '.join(words)} {len(block)} {len(block) + len(body)}" if block else ""
    head = head or f"MSG {' '.join(words)} {len(body)}"
    return head.encode() + b"\r\n" + block + body + b"\r\n"


COMMANDS = {
    b"PING\r\n": None,
    b"+OK\r\n": None,
    b"-ERR 'permissions violation'\r\n": None,
    b'INFO {"max_payload":1}\r\n': None,
    command(3, b"{}"): None,
    command(3, b"PING\r\n", BLOCK, "r"): None,
    command(SUBSCRIPTION_ID, b""): (b"", b"", b""),
    command(SUBSCRIPTION_ID, b"MSG a 1 2\r\n"): (b"", b"", b"MSG a 1 2\r\n"),
    command(SUBSCRIPTION_ID, b"x" * 300, reply="$JS.ACK.1"): (b"$JS.ACK.1", b"", b"x" * 300),
    command(SUBSCRIPTION_ID, b"body", BLOCK): (b"", BLOCK, b"body"),
    command(SUBSCRIPTION_ID, b"body", BLOCK, "r"): (b"r", BLOCK, b"body"),
}


def received(pieces: list[bytes]) -> tuple[list[tuple[bytes, ...]], list[bytes]]:
    """Return what `NatsProtocol` and nats-py get of *pieces*."""
    found: list[tuple[bytes, ...]] = []

    async def run() -> list[bytes]:
        parser = Parser()
        client = SimpleNamespace(_ps=parser, _transport=Transport())
        NatsProtocol(client, lambda subject, *rest: found.append(rest))
        for piece in pieces:
            await client._ps.parse(piece)
        return parser.got

    return found, asyncio.run(run())


@given(st.lists(st.sampled_from(sorted(COMMANDS)), max_size=8), st.lists(st.integers(0, 400), max_size=12))
def test_commands_arrive_whole_however_the_bytes_are_cut(commands, cuts):
    data = b"".join(commands)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(places)]

    ours, theirs = received(pieces)

    assert ours == [COMMANDS[each] for each in commands if COMMANDS[each] is not None]
    assert theirs == [each for each in commands if COMMANDS[each] is None]


async def test_commands_of_one_turn_are_sent_in_one_write():
    transport = Transport()
    protocol = NatsProtocol(SimpleNamespace(_ps=Parser(), _transport=transport), lambda *_: None)
    protocol.subscribe("a.*")
    protocol.publish("b", b"12", "r")
    protocol.publish("c", b"")
    assert transport.sent == []
    await asyncio.sleep(0)

    assert transport.sent == [b"SUB a.* %d\r\nPUB b r 2\r\n12\r\nPUB c 0\r\n\r\n" % SUBSCRIPTION_ID]
    protocol.flush()
    assert len(transport.sent) == 1


async def test_a_client_without_the_private_attributes_is_refused():
    with pytest.raises(QueueRefused, match=r"install nats-py 2\.16"):
        NatsProtocol(SimpleNamespace(_ps=Parser()), lambda *_: None)


@pytest.mark.parametrize(
    ("block", "fields"),
    [
        (BLOCK, {"path": "/submit/a", "user-agent": "x"}),
        (b"NATS/1.0\r\nPATH:/a\r\n\r\n", {"path": "/a"}),
        (b"NATS/1.0\r\npath: /a\r\nPath: /b\r\n\r\n", {"path": "/b"}),
        (b"NATS/1.0\r\npath : /a\r\n\r\n", {"path": "/a"}),
        (b"NATS/1.0\r\nx: \xff\xc3\xbc\r\npath: \xc3\xbc\r\n\r\n", {"x": "\ufffd\xfc", "path": "\xfc"}),
        (b"NATS/1.0\r\nno field\r\n\xfc: 1\r\na b: 1\r\n: 1\r\n\r\n", {}),
        (b"NATS/1.0 404 No Messages\r\n\r\n", {}),
    ],
)
def test_the_path_is_the_same_with_and_without_reading_all_headers(block, fields):
    assert NatsHeaders(block).get(PATH) == fields.get(PATH)
    assert dict(NatsHeaders(block)) == fields_of(block) == fields


@pytest.mark.parametrize(
    ("block", "status"),
    [
        (b"NATS/1.0 404 No Messages\r\n\r\n", ("404", "No Messages")),
        (b"NATS/1.0 503\r\n\r\n", ("503", "")),
        (b"NATS/1.0\r\nA: b\r\n\r\n", ("", "")),
        (b"", ("", "")),
    ],
)
def test_a_status_is_in_the_first_line(block, status):
    assert status_of(block) == status
