"""The hosts that Mozilla's Measurement Dashboard talks to, all on one port of this machine."""

import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.waiting import PATIENCE_SECONDS

PAGES = "telemetry.example"
AGGREGATES = "aggregates.telemetry.mozilla.org"
# Addresses of libraries to their files in npm packages of the same versions.
LIBRARIES = {
    "/jquery-1.11.3.min.js": "jquery/dist/jquery.min.js",
    "/bootstrap/3.3.4/js/bootstrap.min.js": "bootstrap/dist/js/bootstrap.min.js",
    "/bootstrap/3.3.4/css/bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
    "/font-awesome/4.3.0/css/font-awesome.min.css": "font-awesome/css/font-awesome.min.css",
    "/ajax/libs/moment.js/2.10.2/moment.min.js": "moment/min/moment.min.js",
    "/ajax/libs/d3/3.5.5/d3.min.js": "d3/d3.min.js",
}
PACKAGES = ("jquery@1.11.3", "bootstrap@3.3.4", "moment@2.10.2", "d3@3.5.5", "font-awesome@4.3.0")
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".png": "image/png"}


class _Hosts(BaseHTTPRequestHandler):
    """Answers by the host that is asked."""

    def __init__(self, *args: Any, checkout: Path, libraries: Path, reports: str, asked: list[str]) -> None:
        self._checkout = checkout
        self._libraries = libraries
        self._reports = reports
        self._asked = asked
        super().__init__(*args)

    def do_GET(self) -> None:
        """Answer a page, a library, or what the reports say."""
        host = self.headers.get("Host", "").partition(":")[0]
        path = self.path.partition("?")[0]
        if host == AGGREGATES:
            self._forward()
        elif host == PAGES:
            self._file(self._checkout / path.lstrip("/"), self._checkout)
        elif path in LIBRARIES:
            self._file(self._libraries / LIBRARIES[path], self._libraries)
        else:
            self._send(404, {}, b"")

    def _file(self, path: Path, base: Path) -> None:
        if not path.resolve().is_relative_to(base.resolve()) or not path.is_file():
            self._send(404, {}, b"")
            return
        kind = TYPES.get(path.suffix, "application/octet-stream")
        self._send(200, {"Content-Type": f"{kind}; charset=utf-8"}, path.read_bytes())

    def _forward(self) -> None:
        self._asked.append(self.path)
        headers = {"Origin": self.headers["Origin"]} if "Origin" in self.headers else {}
        request = urllib.request.Request(self._reports + self.path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                self._send(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            self._send(error.code, dict(error.headers), error.read())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() in ("content-type", "access-control-allow-origin", "etag", "cache-control"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@contextmanager
def dashboard_hosts(
    checkout: Path, libraries: Path, reports: str, certificate: tuple[Path, Path]
) -> Iterator[tuple[int, list[str]]]:
    """Serve all hosts; yield the port, and the list of what the reports are asked."""
    asked: list[str] = []
    handler = partial(_Hosts, checkout=checkout, libraries=libraries, reports=reports, asked=asked)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, certificate))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
