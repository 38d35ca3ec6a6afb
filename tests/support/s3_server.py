"""A real S3 server (moto) in a process of its own, and a proxy before it that can fail."""

import http.client
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

from tests.support.waiting import wait_for

BUCKET = "telemetry"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "a-key",
    "AWS_SECRET_ACCESS_KEY": "a-secret",
    "AWS_REGION": "us-east-1",
}
PASS, CUT_REQUEST, CUT_ANSWER, LOSE_ANSWER, DAMAGE, FULL, REFUSE = (
    "pass",
    "cut the request",
    "cut the answer",
    "lose the answer",
    "damage",
    "full",
    "refuse",
)
Rule = Callable[[str, str], str]
"""Method and path of a request to what happens to it."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """Start the server with an empty bucket `BUCKET`; yield its address."""
    port = _free_port()
    words = [sys.executable, "-c", "import sys; from moto.server import main; main(sys.argv[1:])"]
    with (folder / "moto.log").open("wb") as log:
        process = subprocess.Popen(
            [*words, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log, cwd=folder
        )
    try:
        wait_for(lambda: _status(port, "GET", "/moto-api/") == 200)
        assert _status(port, "PUT", f"/{BUCKET}") == 200
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _status(port: int, method: str, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Proxy"
    HOP_BY_HOP: ClassVar[set[str]] = {"connection", "transfer-encoding", "content-length", "keep-alive"}

    def _pass_on(self) -> None:
        action = self.server.rule(self.command, self.path)
        if action == CUT_REQUEST:
            self.rfile.read(int(self.headers.get("Content-Length", 0)) // 2)
            return self._hang_up()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if action in (FULL, REFUSE):
            code = "XMinioStorageFull" if action == FULL else "AccessDenied"
            return self._answer(
                507 if action == FULL else 403, f"<Error><Code>{code}</Code></Error>".encode()
            )
        connection = http.client.HTTPConnection(*self.server.upstream, timeout=60)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if action == LOSE_ANSWER:
            return self._hang_up()
        if action == DAMAGE and data:
            middle = len(data) // 2
            data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        headers = [(k, v) for k, v in answer.getheaders() if k.lower() not in self.HOP_BY_HOP]
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        return self._answer(answer.status, data, headers, length, cut=action == CUT_ANSWER)

    def _answer(self, status: int, data: bytes, headers=(), length: str | None = None, *, cut=False) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _pass_on

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients may hang up as well."""


class FailingProxy:
    """
    A proxy before the server at *upstream*; `rule` decides what happens to a request.

    Use it with ``with``.
    """

    def __init__(self, upstream: str) -> None:
        self._server = _Proxy(("127.0.0.1", 0), _Handler)
        host, _, port = upstream.removeprefix("http://").partition(":")
        self._server.upstream = (host, int(port))
        self.requests: list[tuple[str, str]] = []
        self.rule: Rule = lambda method, path: PASS
        self._server.rule = self._decide

    def _decide(self, method: str, path: str) -> str:
        self.requests.append((method, path))
        return self.rule(method, path)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FailingProxy":
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
