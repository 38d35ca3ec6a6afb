"""
Makes aiohttp's parser accept harmless deviations, and whole requests before a bad one in the same bytes.

The parser refuses a repeated Content-Type, User-Agent and the like, and a space or tab after the value of
Transfer-Encoding, which RFC 9112 (5.1) allows.  Neither changes where a request ends.  After such a refusal
a new parser reads a mended copy of the head.  With a bad request the parser drops the requests before it that
came in the same bytes.  So a new parser reads them one after the other.  For all other requests the only
extra cost is a search for the end of the head.
"""

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import hdrs
from aiohttp.http import HttpRequestParser
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.web_protocol import RequestHandler, RequestPayloadError

from telemetry_server.edge.limits import EdgeLimits

END = b"\r\n\r\n"
# Longer heads are not mended.
MAX_HEAD_BYTES = 32 << 10
TOO_MANY_HEADERS = "Too many headers"
USER_AGENT = b"user-agent"
# Headers that aiohttp accepts only once and that do not frame a request.
REPEATABLE = frozenset(
    {
        b"content-location",
        b"content-range",
        b"content-type",
        b"etag",
        b"max-forwards",
        b"server",
        USER_AGENT,
    }
)
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[\t -~\x80-\xff]*")

# Messages with their bodies, whether the protocol changes, and what follows in the new one.
Fed = tuple[list[Any], bool, bytes]


class TolerantParser:
    """
    Replaces the parser of one connection.

    It keeps track of where each head begins.  Where it cannot, for example after a chunked body, it
    mends nothing until a request ends exactly at the end of the received bytes.
    """

    __slots__ = (
        *("_body_bytes_left", "_head", "_is_held", "_make", "_max_headers", "_parser", "_refusal"),
        "_waiting",
    )

    def __init__(self, make: Callable[[], Any], *, max_headers: int) -> None:
        self._make = make
        self._parser = make()
        self._max_headers = max_headers
        self._head = bytearray()  # the received part of an incomplete head
        self._body_bytes_left: int | None = 0  # None: the start of the next head is unknown
        self._is_held = False  # the parser has not received `_head`
        self._waiting = 0  # messages that the application has not consumed
        self._refusal: BadHttpMessage | None = None  # of what follows the messages that were returned

    def feed_data(self, data: bytes) -> Fed:
        """
        Parse *data*, as aiohttp's parser does.  See `has_refused`.

        Raises:
            BadHttpMessage: It can be neither parsed nor mended.
        """
        if self._refusal is not None:
            raise self._refusal
        fed = self._feed(data)
        self._waiting += len(fed[0])
        return fed

    def _feed(self, data: bytes) -> Fed:
        if self._is_held:
            self._head += data
            if len(self._head) <= MAX_HEAD_BYTES and _end_of_head(self._head) is None:
                return [], False, b""
            return self._parse_again(bytes(self._head), None)
        try:
            fed: Fed = self._parser.feed_data(data)
        except BadHttpMessage as error:
            left = self._body_bytes_left
            # The rest of an earlier body was parsed, and the application has it already.
            rest = bytes(self._head) + data[left:]
            if left is None:
                raise
            return self._parse_again(rest, error)
        self._follow(data, fed[0])
        return fed

    @property
    def has_refused(self) -> bool:
        """Whether the next call of `feed_data` refuses what followed the requests that were returned."""
        return self._refusal is not None

    def has_begun_a_head(self) -> bool:
        """Whether a part of the next head has arrived; False also where that is unknown."""
        # Line ends between requests begin none (RFC 9112, 2.2).
        return self._body_bytes_left == 0 and bool(self._head.strip(b"\r\n"))

    def message_consumed(self) -> None:
        """Note that the application consumed a message."""
        self._waiting = max(0, self._waiting - 1)
        self._parser.message_consumed()

    def pause_reading(self) -> None:
        """Pause parsing: the reader of the body is full."""
        self._parser.pause_reading()

    def set_upgraded(self, upgraded: bool) -> None:
        """Set whether the following bytes are of another protocol."""
        self._parser.set_upgraded(upgraded)

    def _follow(self, data: bytes, messages: list[Any]) -> None:
        """Note where the next head begins, after *messages* were parsed from *data*."""
        left = self._body_bytes_left
        if left is None:
            # An incomplete head cannot end like this, so the next head has not begun.  A parser
            # whose messages wait to be consumed may have stopped before the end of its data.
            is_alone = len(messages) == 1 and not self._waiting
            if is_alone and messages[0][1].is_eof() and data.endswith(END):
                self._body_bytes_left = 0
            return
        if len(data) <= left:
            self._body_bytes_left = None if messages else left - len(data)
            return
        self._body_bytes_left = 0
        head = self._head
        head += data[left:]
        for message, _ in messages:
            end = _end_of_head(head)
            length = _body_bytes(message)
            if end is None or length is None:
                self._lose_track()
                return
            self._body_bytes_left = max(0, end + length - len(head))
            del head[: end + length]
        if len(head) > MAX_HEAD_BYTES or _end_of_head(head) is not None:
            self._lose_track()

    def _lose_track(self) -> None:
        self._body_bytes_left = None
        self._is_held = False
        self._head.clear()

    def _parse_again(self, rest: bytes, error: BadHttpMessage | None) -> Fed:
        """Parse *rest*, which begins with a head, with a new parser."""
        self._parser = self._make()
        self._lose_track()
        messages: list[Any] = []
        try:
            return self._parse_one_by_one(rest, error, messages)
        except BadHttpMessage as refusal:
            if messages and not messages[-1][1].is_eof():
                messages.pop()  # what is refused is in its body
            if not messages:
                raise
            self._refusal = refusal
            return messages, False, b""

    def _parse_one_by_one(self, rest: bytes, error: BadHttpMessage | None, messages: list[Any]) -> Fed:
        """Parse *rest*, one request at a time; add them to *messages*."""
        while rest:
            end = _end_of_head(rest)
            if end is None:
                self._hold(rest, error)
                break
            if rest.count(b"\r\n", 0, end) - 2 > self._max_headers:
                raise BadHttpMessage(f"{TOO_MANY_HEADERS} received")
            found, is_upgraded, tail = self._parser.feed_data(
                mended(rest[:end]) if end <= MAX_HEAD_BYTES else rest[:end]
            )
            messages += found
            rest = rest[end:]
            length = _body_bytes(found[0][0]) if len(found) == 1 else None
            if is_upgraded or length is None:
                # Only the parser knows where this request ends.
                return self._feed_rest(messages, rest, is_upgraded=is_upgraded, tail=tail)
            self._parser.feed_data(rest[:length])
            self._body_bytes_left = max(0, length - len(rest))
            # What follows the last request of a connection is ignored (RFC 9112, 9.6).
            rest = b"" if found[0][0].should_close else rest[length:]
        return messages, False, b""

    def _feed_rest(self, messages: list[Any], rest: bytes, *, is_upgraded: bool, tail: bytes) -> Fed:
        self._lose_track()
        if is_upgraded or not rest:
            return messages, is_upgraded, tail + rest
        found, is_upgraded, tail = self._parser.feed_data(rest)
        messages += found
        self._follow(rest, messages)
        return messages, is_upgraded, tail

    def _hold(self, head: bytes, error: BadHttpMessage | None) -> None:
        """Wait for the rest of *head* if mending helps; otherwise parse it unchanged."""
        may_be_mended = error is None or error.message.startswith("Duplicate ") or b"\t" in head
        is_mendable = may_be_mended and len(head) <= MAX_HEAD_BYTES and mended(head) != head
        if is_mendable:
            self._is_held = True
        else:
            self._parser.feed_data(head)
            if error is not None:
                raise error
        self._body_bytes_left = 0
        self._head += head


def tolerant_parser(handler: RequestHandler, loop: asyncio.AbstractEventLoop) -> TolerantParser:
    """Return a parser for *handler*, with the same options as aiohttp's own."""
    make = partial(
        HttpRequestParser,
        handler,
        loop,
        handler._read_bufsize,
        max_line_size=handler.max_line_size,
        max_field_size=handler.max_field_size,
        max_headers=handler.max_headers,
        payload_exception=RequestPayloadError,
        auto_decompress=False,  # bodies are stored as received
        max_msg_queue_size=handler._max_msg_queue_size,
    )
    return TolerantParser(make, max_headers=handler.max_headers)


def mended(head: bytes) -> bytes:
    """
    Return *head* with each of `REPEATABLE` once, and without space after Transfer-Encoding.

    User agents are joined by commas.  Of other repeated headers, which are not stored, the first stays.
    """
    lines = head.split(b"\r\n")
    if any(line.startswith((b" ", b"\t")) for line in lines):
        return head  # a folded line continues the one before it; the parser refuses it
    kept: list[bytes] = []
    places: dict[bytes, int] = {}
    for line in lines[:-1]:
        name, colon, value = line.partition(b":")
        lowered = name.lower()
        if colon and lowered == b"transfer-encoding":
            kept.append(line.rstrip(b" \t"))
            continue
        if colon and lowered in REPEATABLE and _NAME.fullmatch(name) and _VALUE.fullmatch(value):
            place = places.setdefault(lowered, len(kept))
            if place < len(kept):
                if lowered == USER_AGENT:
                    kept[place] = kept[place].rstrip(b" \t") + b", " + value.strip(b" \t")
                continue
        kept.append(line)
    return b"\r\n".join([*kept, lines[-1]])


def _end_of_head(data: bytes | bytearray) -> int | None:
    """Return the end of the head at the start of *data*; None if the head is incomplete."""
    start = 0
    while data[start : start + 1] in (b"\r", b"\n"):  # the parser skips them
        start += 1
    end = data.find(END, start)
    return None if end < 0 else end + len(END)


def _body_bytes(message: Any) -> int | None:
    """Return the length of the body of *message*; None if only the parser knows it."""
    if message.chunked or message.upgrade or message.method == hdrs.METH_CONNECT:
        return None
    return int(message.headers.get(hdrs.CONTENT_LENGTH, 0))


def status_of_parser_error(error: BaseException | None, limits: EdgeLimits) -> int:
    """Return 414 or 431 if a limit of the parser was exceeded, otherwise 400."""
    if isinstance(error, LineTooLong):
        return 431 if error.args[1] == limits.max_line_bytes + 1 else 414
    if isinstance(error, BadHttpMessage) and error.message.startswith(TOO_MANY_HEADERS):
        return 431
    return 400
