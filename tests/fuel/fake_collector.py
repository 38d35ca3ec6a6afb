"""A collector that answers as a test wants, and remembers what it was sent."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Scripted:
    """An answer: status, body (text is sent as it is), headers, and a pause before it."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0


@dataclass
class Got:
    """A request that the collector got."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]

    @property
    def items(self) -> list[Any]:
        """The items of a request with a list."""
        ((items),) = json.loads(self.body).values()
        return list(items)


Answering = Callable[[Got], Scripted]


def all_added(got: Got) -> Scripted:
    """Answer as a collector that has never seen anything."""
    content: dict[str, Any] = {"status": "ok", "exec_time": 0.0}
    if got.method == "GET":
        return Scripted(200, content)
    ((name, value),) = json.loads(got.body).items()
    if isinstance(value, dict):
        return Scripted(201, content)
    key = "id" if name == "oswl_stats" else "external_id"
    results = []
    for item in value:
        result = {"master_node_uid": item["master_node_uid"], key: item[key], "status": "added"}
        results.append(result | ({"cluster_id": item["cluster_id"]} if name == "ostf_runs" else {}))
    return Scripted(200, content | {name: results})


@dataclass
class FakeCollector:
    """Where it listens, and what it got."""

    url: str
    got: list[Got]
    answer: list[Answering]

    def posts(self, name: str) -> list[Got]:
        """Return the requests to one endpoint."""
        return [got for got in self.got if got.path == f"/api/v1/{name}/"]


@contextmanager
def fake_collector(answer: Answering = all_added) -> Iterator[FakeCollector]:
    """Yield a listening collector; ``collector.answer[0]`` may be replaced."""
    got: list[Got] = []
    answering = [answer]

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            request = Got(self.command, self.path, body, {k.lower(): v for k, v in self.headers.items()})
            got.append(request)
            scripted = answering[0](request)
            time.sleep(scripted.pause)
            text = scripted.body if isinstance(scripted.body, str) else json.dumps(scripted.body)
            self.send_response(scripted.status)
            for name, value in scripted.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = _handle

        def log_message(self, *_words: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
    thread.start()
    try:
        yield FakeCollector(f"http://127.0.0.1:{server.server_port}", got, answering)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
