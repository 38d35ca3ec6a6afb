"""The example configurations in deploy/ run in front of a real server, with other ports and files."""

import gzip
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from telemetry_server.demo.temporary_server import TemporaryServer, free_port
from telemetry_server.settings.settings import Settings
from tests.support.certificates import make_pair
from tests.support.running_server import running_server, telemetry_server
from tests.support.waiting import PATIENCE_SECONDS, wait_for

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NGINX_MAIN = """\
daemon off;
error_log stderr;
pid {folder}/nginx.pid;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""
KEEPALIVE = Settings().keepalive_timeout_seconds


def replaced(name: str, *pairs: tuple[str, str]) -> str:
    """The text of an example, in which each of these places is there once and gets its other value."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    for old, new in pairs:
        assert text.count(old) == 1, f"{name}: {old}"
        text = text.replace(old, new)
    return text


def nginx(folder: Path, server: int, port: int) -> list[str]:
    """The command that runs nginx with deploy/nginx.conf."""
    site = replaced(
        "nginx.conf",
        ("127.0.0.1:8080", f"127.0.0.1:{server}"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("/etc/ssl/telemetry/certificate.pem", f"{folder}/proxy.pem"),
        ("/etc/ssl/telemetry/key.pem", f"{folder}/proxy.key"),
    )
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(NGINX_MAIN.format(folder=folder))
    return ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def haproxy(folder: Path, server: int, port: int) -> list[str]:
    """The command that runs HAProxy with deploy/haproxy.cfg."""
    both = (folder / "proxy.pem").read_text() + (folder / "proxy.key").read_text()
    (folder / "both.pem").write_text(both)
    text = replaced(
        "haproxy.cfg",
        ("127.0.0.1:8080", f"127.0.0.1:{server}"),
        ("bind :443", f"bind 127.0.0.1:{port}"),
        ("/etc/haproxy/telemetry.pem", f"{folder}/both.pem"),
    )
    (folder / "haproxy.cfg").write_text(text)
    return ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]


def caddy(folder: Path, server: int, port: int) -> list[str]:
    """The command that runs Caddy with deploy/Caddyfile, with a certificate from a file."""
    text = replaced(
        "Caddyfile",
        ("127.0.0.1:8080", f"127.0.0.1:{server}"),
        (
            "\ntelemetry.example.org {",
            f"\nhttps://127.0.0.1:{port} {{\n\ttls {folder}/proxy.pem {folder}/proxy.key",
        ),
    )
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + text)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@dataclass
class Proxied:
    """A server and the proxy in front of it."""

    port: int
    server: TemporaryServer

    def connection(self) -> http.client.HTTPSConnection:
        """A new connection to the proxy, whose certificate is taken unseen."""
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS, context=trusting)

    def status(self, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
        """The status of one request on a connection of its own."""
        connection = self.connection()
        try:
            connection.request(method, path, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()


@contextmanager
def running(words: list[str], folder: Path) -> Iterator[None]:
    """A process that is ended with the block; its log is printed."""
    log = folder / "proxy.log"
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with log.open("wb") as output:
        process = subprocess.Popen(words, env=os.environ | home, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
        print(log.read_text())


PROXIES: list[Callable[[Path, int, int], list[str]]] = [nginx, haproxy, caddy]


@pytest.fixture(params=PROXIES, ids=lambda proxy: str(proxy.__name__))
def proxied(request, tmp_path) -> Iterator[Proxied]:
    """A server with the settings that docs/proxies.md asks for, behind each proxy that is installed."""
    name = request.param.__name__
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed: apt-get install {name}")
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl: apt-get install openssl")
    make_pair(tmp_path, "proxy")
    settings = {"client_address": "truncated", "trusted_hops": "1"}
    with running_server(tmp_path, **settings) as server:
        port = free_port()
        with running(request.param(tmp_path, server.port, port), tmp_path):
            behind = Proxied(port, server)
            wait_for(lambda: answers(behind))
            yield behind


def answers(behind: Proxied) -> bool:
    """Whether the proxy is up and takes the server for healthy."""
    try:
        return behind.status("GET", "/__lbheartbeat__") == 200
    except OSError:
        return False


def raw_pings(data: Path) -> dict[str, dict]:
    """The submissions that arrived, by path."""
    lines = telemetry_server("cat", "raw", "--data", str(data)).stdout.splitlines()
    pings = [json.loads(line.partition("\t")[2]) for line in lines]
    return {ping["path"]: ping for ping in pings}


@pytest.mark.slow
def test_a_server_behind_a_proxy_gets_what_clients_sent(proxied):
    """Bodies, paths and coding as sent, many requests on a connection, the client's own address."""
    large = json.dumps({"text": "x" * 1_000_000}).encode()
    sent = {
        f"/submit/garden/watering/1/{uuid4()}": (b'{"litres": 3}', {}),
        f"/submit/garden/zipped/1/{uuid4()}": (gzip.compress(large), {"Content-Encoding": "gzip"}),
        f"/submit/garden/large/1/{uuid4()}": (large, {}),
        f"//submit/garden/slashes/1/{uuid4()}": (b"{}", {}),
        f"/submit/telemetry/{uuid4()}/main/Fire%20fox%2Fx//%7Ebeta/2013": (b"{}", {}),
        f"/submit/garden/forged/1/{uuid4()}": (b"{}", {"X-Forwarded-For": "198.51.100.7"}),
    }
    connection = proxied.connection()
    for path, (body, headers) in sent.items():
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.will_close) == (200, False), path
    connection.close()

    arrived = raw_pings(proxied.server.data)

    assert set(arrived) == set(sent)
    for path, (body, headers) in sent.items():
        assert arrived[path]["headers"]["content-length"] == str(len(body))
        assert arrived[path]["headers"].get("content-encoding") == headers.get("Content-Encoding")
        assert arrived[path]["client_address"] == "127.0.0.0"


@pytest.mark.slow
def test_a_proxy_shows_nothing_but_submissions_and_answers_as_the_server_does(proxied):
    """And 5xx while the server is away, so that clients send again."""
    path = f"/submit/garden/watering/1/{uuid4()}"

    assert proxied.status("POST", path, b"x" * 1_100_000) == 413
    assert proxied.status("GET", path) == 405
    assert proxied.status("OPTIONS", path) == 405
    assert proxied.status("GET", "/metrics") == 404
    assert proxied.status("GET", "/") == 404
    assert proxied.status("POST", "/other", b"{}") == 404

    proxied.server.process.terminate()
    proxied.server.process.wait(PATIENCE_SECONDS)
    assert proxied.status("POST", path, b"{}") in {502, 503}


@pytest.mark.parametrize(
    ("name", "setting"),
    [("nginx.conf", r"keepalive_timeout (\d+)s;"), ("Caddyfile", r"keepalive (\d+)s\n")],
)
def test_a_proxy_closes_idle_connections_before_the_server_does(name, setting):
    """HAProxy closes half of them every two seconds."""
    [seconds] = re.findall(setting, (DEPLOY / name).read_text(encoding="utf-8"))

    assert float(seconds) < KEEPALIVE
