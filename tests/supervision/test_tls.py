"""TLS by setting: the certificate and its reload, versions, and limits that hold before a handshake."""

import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.certificates import make_pair
from tests.support.edges import (
    Answer,
    RunningServer,
    a_request,
    kept_in,
    parse_answers,
    running_server,
    wait_for,
)

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> dict[str, tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("certificates")
    return {name: make_pair(folder, name) for name in ("first", "second")}


def put(pair: tuple[Path, Path], folder: Path) -> dict[str, str]:
    """The pair where the server looks for it, and the settings that say so."""
    for source, name in zip(pair, ("server.pem", "server.key"), strict=True):
        shutil.copy(source, folder / name)
    return {
        "TELEMETRY_TLS_CERTIFICATE": str(folder / "server.pem"),
        "TELEMETRY_TLS_KEY": str(folder / "server.key"),
    }


@pytest.fixture
def server(tmp_path, pairs) -> Iterator[RunningServer]:
    settings = put(pairs["first"], tmp_path) | {
        "TELEMETRY_MAX_CONNECTIONS": "4",
        "TELEMETRY_HEADER_TIMEOUT_SECONDS": "1",
    }
    with running_server(tmp_path, "--no-convert", environment=settings) as running:
        yield running


def by_tls(
    server: RunningServer, trusted: Path, sent: bytes, *, newest: ssl.TLSVersion | None = None
) -> list[Answer]:
    """The answers to *sent* from a server that shows a certificate that *trusted* vouches for."""
    context = ssl.create_default_context(cafile=str(trusted))
    if newest is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = newest
    received = b""
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(sent)
        # Some end a connection without saying so first: it is the answer's length that counts.
        with suppress(ssl.SSLEOFError):
            while chunk := connection.recv(1 << 16):
                received += chunk
    return parse_answers(received)


CLOSING = a_request(b"x" * 300_000, headers={"Connection": "close"})


def test_a_submission_by_tls_is_kept_and_plain_text_is_not_understood(server, pairs):
    """Also one of many TLS records; the port takes nothing else."""
    (answer,) = by_tls(server, pairs["first"][0], CLOSING)
    assert answer.status == 200
    assert f"'https://127.0.0.1:{server.port}/submit/" in server.log()
    (curl,) = re.findall(r"send a ping: +(curl .*)$", server.log(), re.MULTILINE)
    if shutil.which("curl") is not None:
        done = subprocess.run(["sh", "-c", curl], capture_output=True, timeout=30, check=True)
        assert b"200 OK" in done.stdout
    with pytest.raises(ssl.SSLError):
        by_tls(server, pairs["second"][0], CLOSING)
    assert server.talk(a_request(), half_close=True) == []

    assert server.stop() == 0
    assert len(kept_in(server.data / "raw")[0].body) == 300_000


def test_versions_below_tls_1_2_are_refused(server, pairs):
    """And 1.2 is taken."""
    assert by_tls(server, pairs["first"][0], CLOSING, newest=ssl.TLSVersion.TLSv1_2)[0].status == 200
    with pytest.warns(DeprecationWarning), pytest.raises(OSError):
        by_tls(server, pairs["first"][0], CLOSING, newest=ssl.TLSVersion.TLSv1_1)


def test_sighup_reads_the_certificate_again_and_a_bad_one_changes_nothing(server, pairs, tmp_path):
    """Connections that stand go on; who comes next sees the new one."""
    put(pairs["second"], tmp_path)
    assert by_tls(server, pairs["first"][0], CLOSING)[0].status == 200
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "certificate read again" in server.log())
    assert by_tls(server, pairs["second"][0], CLOSING)[0].status == 200

    # A certificate and another's key, as while an operator is copying.
    shutil.copy(pairs["first"][0], tmp_path / "server.pem")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "the certificate in use stays" in server.log())
    assert by_tls(server, pairs["second"][0], CLOSING)[0].status == 200
    assert server.stop() == 0


def is_answered_soon(server, certificate) -> bool:
    """Whether a client gets its 200 once the server has noticed which connections ended."""
    for _ in range(100):
        with suppress(OSError):
            return by_tls(server, certificate, CLOSING)[0].status == 200
        time.sleep(0.1)
    return False


def test_handshakes_that_never_come_count_as_connections_and_end_in_time(server, pairs):
    """Silent ones fill the cap, the next is hung up on, and after their time there is room again."""
    silent = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(4)]
    silent[0].sendall(b"\x16\x03\x01\x02\x00\x01")  # a hello that stops
    time.sleep(0.2)
    with pytest.raises((ssl.SSLError, OSError)):
        by_tls(server, pairs["first"][0], CLOSING)
    for connection in silent:
        with connection, suppress(ConnectionResetError):
            assert connection.recv(1 << 10) == b""
    assert is_answered_soon(server, pairs["first"][0])

    for noise in (b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 40, b"\x16\x03\x01" + b"\xff" * 5000):
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(noise)
            with suppress(ConnectionResetError):
                connection.recv(1 << 10)
    for _ in range(10):
        socket.create_connection(("127.0.0.1", server.port)).close()
    assert is_answered_soon(server, pairs["first"][0])
    assert server.stop() == 0
    assert "Traceback" not in server.log()
    assert "never retrieved" not in server.log()


@pytest.mark.parametrize(
    ("certificate", "key", "says"),
    [
        ("first.pem", None, "tls_certificate is set and tls_key is not"),
        (None, "first.key", "tls_key is set and tls_certificate is not"),
        ("first.pem", "second.key", "not a usable certificate and key"),
        ("first.pem", "first.pem", "not a usable certificate and key"),
        ("nowhere.pem", "first.key", "nowhere.pem cannot be read: No such file"),
        ("first.pem", "nowhere.key", "nowhere.key cannot be read: No such file"),
    ],
)
def test_a_pair_that_is_none_is_one_line(tmp_path, pairs, certificate, key, says):
    """And status 78, before anything is taken."""
    folder = pairs["first"][0].parent
    environment = {"TELEMETRY_MIN_FREE_BYTES": "0"}
    if certificate:
        environment["TELEMETRY_TLS_CERTIFICATE"] = str(folder / certificate)
    if key:
        environment["TELEMETRY_TLS_KEY"] = str(folder / key)
    done = subprocess.run(
        [sys.executable, "-m", "telemetry_server", "serve", "--data", str(tmp_path / "data"), "--port", "0"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 78
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
