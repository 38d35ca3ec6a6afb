"""TLS: the certificate and its reload, versions, and limits before the end of a handshake."""

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
from tests.support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> dict[str, tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("certificates")
    return {name: make_pair(folder, name) for name in ("first", "second")}


def put(pair: tuple[Path, Path], folder: Path) -> dict[str, str]:
    """Copy a pair to the configured paths, and return the settings."""
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
    """The answers to *sent* from a server whose certificate *trusted* signed."""
    context = ssl.create_default_context(cafile=str(trusted))
    if newest is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = newest
    received = b""
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(sent)
        # Some servers close without a TLS shutdown: the length of the answer counts.
        with suppress(ssl.SSLEOFError):
            while chunk := connection.recv(1 << 16):
                received += chunk
    return parse_answers(received)


CLOSING = a_request(b"x" * 300_000, headers={"Connection": "close"})


def test_a_submission_over_tls_is_kept_and_plain_http_is_refused(server, pairs):
    """Also a submission of many TLS records."""
    (answer,) = by_tls(server, pairs["first"][0], CLOSING)
    assert answer.status == 200
    assert f"'https://127.0.0.1:{server.port}/submit/" in server.log()
    (curl,) = re.findall(r"send a ping: +(curl .*)$", server.log(), re.MULTILINE)
    if shutil.which("curl") is not None:
        done = subprocess.run(["sh", "-c", curl], capture_output=True, timeout=PATIENCE_SECONDS, check=True)
        assert b"200 OK" in done.stdout
    with pytest.raises(ssl.SSLError):
        by_tls(server, pairs["second"][0], CLOSING)
    assert server.talk(a_request(), half_close=True) == []

    assert server.stop() == 0
    assert len(kept_in(server.data / "raw")[0].body) == 300_000


def test_versions_below_tls_1_2_are_refused(server, pairs):
    """Version 1.2 is accepted."""
    assert by_tls(server, pairs["first"][0], CLOSING, newest=ssl.TLSVersion.TLSv1_2)[0].status == 200
    with pytest.warns(DeprecationWarning), pytest.raises(OSError):
        by_tls(server, pairs["first"][0], CLOSING, newest=ssl.TLSVersion.TLSv1_1)


def test_sighup_reads_the_certificate_again_and_a_bad_one_changes_nothing(server, pairs, tmp_path):
    """Open connections continue; new ones get the new certificate."""
    put(pairs["second"], tmp_path)
    assert by_tls(server, pairs["first"][0], CLOSING)[0].status == 200
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "certificate read again" in server.log())
    assert by_tls(server, pairs["second"][0], CLOSING)[0].status == 200

    # A certificate and the key of another, as while an operator copies the files.
    shutil.copy(pairs["first"][0], tmp_path / "server.pem")
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "the certificate in use stays" in server.log())
    assert by_tls(server, pairs["second"][0], CLOSING)[0].status == 200
    assert server.stop() == 0


def is_answered_soon(server, certificate) -> bool:
    """Whether a client gets 200 after the server has noticed the ended connections."""
    for _ in range(100):
        with suppress(OSError):
            return by_tls(server, certificate, CLOSING)[0].status == 200
        time.sleep(0.1)
    return False


def test_silent_handshakes_count_as_connections_and_end_at_the_deadline(server, pairs):
    """They fill the limit, the next connection is closed, and after the deadline new ones are accepted."""
    silent = [
        socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS) for _ in range(4)
    ]
    silent[0].sendall(b"\x16\x03\x01\x02\x00\x01")  # an incomplete hello
    time.sleep(0.2)
    with pytest.raises((ssl.SSLError, OSError)):
        by_tls(server, pairs["first"][0], CLOSING)
    for connection in silent:
        with connection, suppress(ConnectionResetError):
            assert connection.recv(1 << 10) == b""
    assert is_answered_soon(server, pairs["first"][0])

    for noise in (b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 40, b"\x16\x03\x01" + b"\xff" * 5000):
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS) as connection:
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
def test_a_certificate_with_a_wrong_key_gives_a_one_line_error(tmp_path, pairs, certificate, key, says):
    """The exit status is 78, before any submission is accepted."""
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
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 78
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
