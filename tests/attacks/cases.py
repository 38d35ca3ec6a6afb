# ruff: noqa: E501, RUF001 - one case a line keeps the table readable
"""
Requests that attackers send, and the answers that the server may give.

A case holds the bytes sent on one connection and the status of each answer that
comes back before the connection is closed; a set lists several allowed statuses.
0 stands for a connection that is closed, or stays open, without an answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.edges import DOCUMENT_ID, PATH, a_request

HOST = b"Host: a\r\n"
GOOD = b"POST /submit/x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
MIB = 1 << 20


@dataclass(frozen=True)
class Case:
    """One attack."""

    name: str
    sent: bytes
    statuses: tuple[int | frozenset[int], ...]  # of each answer, in order
    half_close: bool = True  # shut down our sending side, so that the server does not wait for more


def post(
    headers: bytes, body: bytes = b"", path: bytes = b"/submit/x", version: bytes = b"HTTP/1.1"
) -> bytes:
    """Return the bytes of a POST request."""
    return b"POST " + path + b" " + version + b"\r\n" + HOST + headers + b"\r\n" + body


def _refused(name: str, sent: bytes, *, half_close: bool = True) -> Case:
    return Case(name, sent, (400,), half_close)


def smuggling() -> Iterator[Case]:
    """Yield requests with an ambiguous end: one refusal, then the connection is closed."""
    inner = b"POST /submit/smuggled HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n"
    for name, headers in {
        "content-length and transfer-encoding": b"Content-Length: 5\r\n" + chunked,
        "transfer-encoding and content-length": chunked + b"Content-Length: 5\r\n",
        "two lengths that differ": b"Content-Length: 5\r\nContent-Length: 6\r\n",
        "two equal lengths": b"Content-Length: 5\r\nContent-Length: 5\r\n",
        "a list of lengths": b"Content-Length: 5, 5\r\n",
        "a length with a plus": b"Content-Length: +5\r\n",
        "a negative length": b"Content-Length: -5\r\n",
        "a length in hex": b"Content-Length: 0x5\r\n",
        "a length with an exponent": b"Content-Length: 5e0\r\n",
        "a length with an underscore": b"Content-Length: 1_0\r\n",
        "a length with a space inside": b"Content-Length: 1 0\r\n",
        "a length in Arabic digits": "Content-Length: ٥\r\n".encode(),
        "a length past 64 bits": b"Content-Length: 18446744073709551621\r\n",
        "a length in words": b"Content-Length: five\r\n",
        "an unknown transfer-encoding": b"Transfer-Encoding: nonsense\r\n",
        "chunked, but not last": b"Transfer-Encoding: chunked, identity\r\n",
        "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n",
        "chunked in two headers": chunked + chunked,
        "chunked with a vertical tab": b"Transfer-Encoding: \x0bchunked\r\n",
        "chunked in quotes": b'Transfer-Encoding: "chunked"\r\n',
        "chunked with a suffix": b"Transfer-Encoding: xchunked\r\n",
        "a space before the colon": b"Content-Length : 5\r\n",
        "a tab before the colon": b"Content-Length\t: 5\r\n",
        "a space before the name": b" Content-Length: 5\r\n",
        "a folded header": b"X-A: b\r\n c\r\n",
        "a folded length": b"Content-Length:\r\n 5\r\n",
        "a bare line feed after a header": b"X-A: b\nContent-Length: 5\r\n",
        "a bare carriage return in a value": b"X-A: b\rContent-Length: 5\r\n",
        "a NUL in a value": b"X-A: b\x00c\r\n",
        "a NUL in a name": b"X-\x00A: b\r\n",
        "no colon": b"Content-Length 5\r\n",
        "an empty name": b": 5\r\n",
        "a name in brackets": b"X[A]: 5\r\n",
        "a name past ASCII": "X-Ä: 5\r\n".encode(),
        "two hosts": b"Host: b\r\n",
        "an empty transfer-encoding and a length": b"Transfer-Encoding:\r\nContent-Length: 5\r\n",
        "a length and an empty transfer-encoding": b"Content-Length: 5\r\nTransfer-Encoding: \r\n",
    }.items():
        yield _refused(name, post(headers, b"0\r\n\r\n" + inner))


def chunks() -> Iterator[Case]:
    """Yield chunked bodies, malformed and well-formed."""
    for name, body in {
        "a size that is not a number": b"zz\r\nab\r\n0\r\n\r\n",
        "a negative size": b"-2\r\nab\r\n0\r\n\r\n",
        "a size with 0x": b"0x2\r\nab\r\n0\r\n\r\n",
        "a size past 64 bits": b"fffffffffffffffff\r\nab\r\n0\r\n\r\n",
        "a chunk longer than its size": b"2\r\nabc\r\n0\r\n\r\n",
        "a chunk shorter than its size": b"4\r\nab\r\n0\r\n\r\n",
        "a bare line feed after the size": b"2\nab\r\n0\r\n\r\n",
        "a bare line feed after the data": b"2\r\nab\n0\r\n\r\n",
        "no size": b"\r\nab\r\n0\r\n\r\n",
        "a space before the size": b" 2\r\nab\r\n0\r\n\r\n",
        "no last chunk": b"2\r\nab\r\n",
        "an end in a size": b"2",
        "an end in a chunk": b"5\r\nab",
        "an end in the trailers": b"2\r\nab\r\n0\r\nX-A: b",
        "a NUL in a trailer": b"2\r\nab\r\n0\r\nX-A: b\x00\r\n\r\n",
    }.items():
        yield _refused(f"chunks: {name}", post(b"Transfer-Encoding: chunked\r\n", body))
    for name, body in {
        "an extension": b"2;a=b\r\n{}\r\n0\r\n\r\n",
        "capitals": b"A\r\n0123456789\r\n0\r\n\r\n",
        "leading zeros": b"0002\r\n{}\r\n0\r\n\r\n",
        "trailers": b"2\r\n{}\r\n0\r\nX-A: b\r\n\r\n",
        "a byte at a time": b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    }.items():
        yield Case(f"chunks: {name}", post(b"Transfer-Encoding: chunked\r\n", body), (200,))
    body = b"".join(b"10000\r\n" + b"x" * 65536 + b"\r\n" for _ in range(17)) + b"0\r\n\r\n"
    yield Case("chunks: larger than the limit", post(b"Transfer-Encoding: chunked\r\n", body), (413,))
    yield Case(
        "chunks: in HTTP/1.0",
        post(b"Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n", version=b"HTTP/1.0"),
        (400,),
    )


def request_lines() -> Iterator[Case]:
    """Yield malformed request lines and those of other protocols."""
    rest = b"\r\n" + HOST + b"Content-Length: 0\r\n\r\n"
    for name, line in {
        "HTTP/2.0": b"POST /submit/x HTTP/2.0",
        "HTTP/0.9": b"POST /submit/x HTTP/0.9",
        "HTTP/1.2": b"POST /submit/x HTTP/1.2",
        "HTTP/1.10": b"POST /submit/x HTTP/1.10",
        "HTTP/11": b"POST /submit/x HTTP/11",
        "HTTP/1": b"POST /submit/x HTTP/1",
        "http in small letters": b"POST /submit/x http/1.1",
        "another protocol": b"POST /submit/x SIP/2.0",
        "no version": b"POST /submit/x",
        "no target": b"POST HTTP/1.1",
        "a raw space in the path": b"POST /submit/a b HTTP/1.1",
        "a tab in the path": b"POST /submit/a\tb HTTP/1.1",
        "a NUL in the path": b"POST /submit/a\x00b HTTP/1.1",
        "a DEL in the path": b"POST /submit/a\x7fb HTTP/1.1",
        "an unknown method": b"FETCH /submit/x HTTP/1.1",
        "a method in small letters": b"post /submit/x HTTP/1.1",
        "a method with a NUL": b"PO\x00ST /submit/x HTTP/1.1",
        "a space first": b" POST /submit/x HTTP/1.1",
        "a very long method": b"A" * 5000 + b" /submit/x HTTP/1.1",
        "a bare line feed": b"POST /submit/x HTTP/1.1\nX: y",
        "a path without its slash": b"POST submit/x HTTP/1.1",
        "the HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    }.items():
        yield Case(f"line: {name}", line + rest, (frozenset({400}),))
    yield Case("line: a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), (400,))
    yield Case("line: an SSH banner", b"SSH-2.0-OpenSSH_9.2\r\n", (400,))
    yield Case("line: a Redis command", b"*1\r\n$4\r\nPING\r\n", (400,))
    yield Case("line: noise", bytes(range(128, 256)) * 8, (400,))
    yield Case("line: NULs", bytes(4096), (400,))
    yield Case("line: nothing at all", b"", (frozenset({0}),))
    yield Case("line: empty lines before it", b"\r\n\r\n" + GOOD, (200,))
    yield Case(
        "line: HTTP/1.1 without a host", b"POST /submit/x HTTP/1.1\r\nContent-Length: 0\r\n\r\n", (400,)
    )
    yield Case(
        "line: HTTP/1.0 without a host", b"POST /submit/x HTTP/1.0\r\nContent-Length: 0\r\n\r\n", (200,)
    )
    yield Case("line: an end in the middle", b"POST /subm", (400,))
    yield Case("line: an absolute URL", post(b"Content-Length: 0\r\n", path=b"http://a/submit/x"), (200,))
    yield Case(
        "line: an absolute URL of another host",
        post(b"Content-Length: 0\r\n", path=b"http://evil.example/"),
        (405,),
    )
    yield Case(
        "line: a file URL",
        post(b"Content-Length: 0\r\n", path=b"file:///etc/passwd"),
        (frozenset({400, 404}),),
    )


def methods() -> Iterator[Case]:
    """Yield requests with methods that no route accepts."""
    for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"PROPFIND", b"LINK"):
        sent = method + b" /submit/x HTTP/1.1\r\n" + HOST + b"\r\n"
        yield Case(f"{method.decode()} /submit", sent, (405,))
    for method in (b"POST", b"PUT", b"DELETE", b"OPTIONS"):
        sent = method + b" /__heartbeat__ HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n"
        yield Case(f"{method.decode()} /__heartbeat__", sent, (405,))
    connect = b"CONNECT a:443 HTTP/1.1\r\n" + HOST
    yield Case("CONNECT", connect + b"\r\n", (405,))
    smuggled = b"POST /submit/smuggled HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    length = b"Content-Length: %d\r\n\r\n" % len(smuggled)
    yield Case("CONNECT with a body", connect + length + smuggled, (405,))
    yield Case("CONNECT followed by tunnelled bytes", connect + b"\r\n" + smuggled, (405,))
    yield Case("CONNECT after a good request", GOOD + connect + length + smuggled, (200, 405))
    yield Case("OPTIONS *", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", (frozenset({400, 404, 405}),))
    websocket = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    yield Case("websocket", b"GET /status HTTP/1.1\r\n" + HOST + websocket + b"\r\n" + GOOD, (200,))
    yield Case("websocket by POST", post(websocket + b"Content-Length: 2\r\n", b"{}" + GOOD), (200,))
    yield Case(
        "h2c",
        post(
            b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 0\r\n"
        ),
        (200,),
    )
    yield Case(
        "old websocket",
        b"GET /status HTTP/1.1\r\n" + HOST + b"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\r\n",
        (400,),
    )


def paths() -> Iterator[Case]:
    """Yield paths that attack file systems and parsers: they are kept as plain text."""
    tails = (
        "..", "../..", "../../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/", "./.", "//", "///x", "a//b",
        "%00", "a%00.json", "%0d%0aX-Evil:%20yes", "%", "%zz", "%c0%ae%c0%ae/", "%ff%fe", "\\..\\..\\", "C:/windows",
        "a;b=c", "a,b", "a:b", "~root", "$HOME", "`id`", "|id", "'or'1'='1", "<script>alert(1)</script>", "{{7*7}}", "${jndi:ldap://x}",
        "nul", "con", ".git/config", "raw/20260101", "telemetry", "telemetry/", f"telemetry/{DOCUMENT_ID}/", f"telemetry//{DOCUMENT_ID}",
        "telemetry/1-1-1-1-1", f"telemetry/{DOCUMENT_ID.upper()}", f"telemetry/{{{DOCUMENT_ID}}}", "x" * 1000, "a/" * 400, "#fragment", "x?" + "q" * 900,
        "x?a=1&a=2&%00", "x??", "x?../../", "@evil.example", "*",
    )  # fmt: skip
    for tail in tails:
        yield Case(f"path: {tail[:40]}", a_request(path=f"/submit/{tail}"), (frozenset({200, 400}),))
    for tail in (b"\xc3\xa9", b"\xff\xfe", b"\x80" * 100, "日本".encode(), b"\xed\xa0\x80"):
        yield Case(
            f"path: {tail[:8]!r}",
            post(b"Content-Length: 0\r\n", path=b"/submit/" + tail),
            (frozenset({200, 400}),),
        )
    yield Case("path: /", a_request(path="/"), (405,))
    for path in ("//submit/x", "///submit/../x", "http://a//submit/x"):
        yield Case(f"path: {path}", a_request(path=path), (200,))
    for path in ("//", "/submit", "/submit/", "/SUBMIT/x", "/./submit/x", "/../submit/x", "//x/submit/x", "/submit%2fx", "/%73ubmit/x", "/admin", "/.env", "/wp-login.php", "/metrics/", "/status/x", "/submit.php", "/histograms", "/raw/x", "/__version__/.."):  # fmt: skip
        yield Case(f"path: {path}", a_request(path=path), (404,))
    for rest in (
        "../../../etc/passwd/abc",
        "%2e%2e/abc",
        "a/..%2f/abc",
        "a/b/c/d/e/f/abc",
        "x/" + "0" * 60,
        "//abc",
        "a/%00abc",
    ):
        yield Case(
            f"histograms: {rest[:30]}", f"GET /histograms/{rest} HTTP/1.1\r\nHost: a\r\n\r\n".encode(), (404,)
        )
    for length, status in ((1016, 200), (1017, 414), (4000, 414), (8180, 414), (9000, 414), (100_000, 414)):
        yield Case(f"path of {length + 8} bytes", a_request(path="/submit/" + "x" * length), (status,))
    yield Case(
        "path of two-byte characters",
        post(b"Content-Length: 0\r\n", path=b"/submit/" + "é".encode() * 509),
        (frozenset({414, 400}),),
    )


def headers() -> Iterator[Case]:
    """Yield requests with too many, too long and unusual headers."""
    for name in (
        "User-Agent",
        "X-Debug-ID",
        "Date",
        "DNT",
        "X-Source-Tags",
        "X-Telemetry-Agent",
        "X-PingSender-Version",
        "x-forwarded-for",
    ):
        yield Case(f"{name} too long", a_request(headers={name: "a" * 1025}), (431,))
        yield Case(f"{name} at the limit", a_request(headers={name: "a" * 1024}), (200,))
    yield Case("a header past the parser's limit", a_request(headers={"X-A": "a" * 9000}), (431,))
    yield Case("a name past the parser's limit", a_request(headers={"X" * 9000: "a"}), (431,))
    yield Case("a header without an end", b"POST /submit/x HTTP/1.1\r\nX-A: " + b"a" * 200_000, (431,))
    yield Case("64 headers", a_request(headers={f"X-{n}": "1" for n in range(62)}), (200,))
    yield Case("65 headers", a_request(headers={f"X-{n}": "1" for n in range(63)}), (431,))
    yield Case("5,000 headers", a_request(headers={f"X-{n}": "1" for n in range(5000)}), (431,))
    yield Case(
        "a host that is too long",
        b"POST /submit/x HTTP/1.1\r\nHost: " + b"a" * 1025 + b"\r\nContent-Length: 0\r\n\r\n",
        (431,),
    )
    yield Case("an empty host", b"POST /submit/x HTTP/1.1\r\nHost:\r\nContent-Length: 0\r\n\r\n", (200,))
    yield Case("many Expect", a_request(headers={"Expect": "200-maybe"}), (200,))
    yield Case(
        "a body announced as compressed", a_request(b"no gzip", headers={"Content-Encoding": "gzip"}), (200,)
    )
    yield Case(
        "a body with many content encodings",
        a_request(b"x", headers={"Content-Encoding": "gzip, br, zstd, exi"}),
        (200,),
    )
    yield Case(
        "a body with the content type of a form",
        a_request(b"--x\r\n", headers={"Content-Type": "multipart/form-data; boundary=x"}),
        (200,),
    )
    yield Case("a debug id with markup", a_request(headers={"X-Debug-ID": "<script>"}), (200,))
    yield Case("an agent past ASCII", a_request(headers={"User-Agent": "\xff\xfe\x80"}), (200,))
    yield Case(
        "an agent with controls",
        b"POST /submit/x HTTP/1.1\r\nHost: a\r\nUser-Agent: a\x01b\x1b[31m\r\nContent-Length: 0\r\n\r\n",
        (frozenset({200, 400}),),
    )
    yield Case("a range", a_request(headers={"Range": "bytes=0-"}), (200,))
    yield Case("connection: close", a_request(headers={"Connection": "close"}), (200,))


def bodies() -> Iterator[Case]:
    """Yield bodies at the size limits, and bodies that the converter must refuse."""
    yield Case("a body of exactly 1 MiB", a_request(b"x" * MIB), (200,))
    yield Case("a body of 1 MiB and a byte", a_request(b"x" * (MIB + 1)), (413,))
    yield Case("a terabyte announced", post(b"Content-Length: 1099511627776\r\n"), (413,))
    yield Case(
        "a terabyte announced with Expect: 100-continue",
        post(b"Content-Length: 1099511627776\r\nExpect: 100-continue\r\n"),
        (413,),
    )
    yield Case(
        "2^63 bytes announced", post(b"Content-Length: 9223372036854775808\r\n"), (frozenset({400, 413}),)
    )
    yield Case("a body that ends early", post(b"Content-Length: 10\r\n", b"abc"), (400,))
    yield Case("no body where one was announced", post(b"Content-Length: 10\r\n"), (400,))
    yield Case("more than announced", post(b"Content-Length: 2\r\n", b"{}garbage\r\n\r\n"), (200, 400))
    yield Case("two requests at once", GOOD + GOOD, (200, 200))
    yield Case("forty requests at once", GOOD * 40, (200,) * 40)
    yield Case("a good request, then noise", GOOD + b"\x00\xff\r\n\r\n", (200, 400))
    yield Case("a bad request, then a good one", b"BAD\r\n\r\n" + GOOD, (400,))
    yield Case("GET with a body", b"GET /status HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", (200,))
    for name, body in {
        "empty": b"",
        "a NUL": b"\x00",
        "half a gzip": b"\x1f\x8b\x08\x00",
        "deep JSON": b"[" * 100_000,
        "invalid UTF-8": b'{"a":"\xff"}',
        "a request": GOOD,
        "the magic bytes of a record": b"\x9fTLR" * 1000,
        "line ends": b"\r\n\r\n" * 100,
    }.items():
        yield Case(f"body: {name}", a_request(body, path=PATH), (200,))


CASES: tuple[Case, ...] = tuple(
    case for group in (smuggling, chunks, request_lines, methods, paths, headers, bodies) for case in group()
)
