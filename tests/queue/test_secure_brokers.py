"""Credentials and TLS."""

import json
import shutil
import socket
import ssl
from contextlib import suppress
from threading import Thread

import pytest

from tests.queue.test_pull import PING, headers
from tests.support.brokers import HOW, STREAM, NatsServer
from tests.support.certificates import make_pair

PASSWORD = "p@ss word"


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """A NATS server that takes one user, over TLS only, and its certificate."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("secured")
    certificate, key = make_pair(folder, "nats.example")
    more = (
        f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}\n'
        f'authorization {{ user: ada, password: "{PASSWORD}" }}\n'
    )
    trusting = ssl.create_default_context(cafile=str(certificate))
    options = {"user": "ada", "password": PASSWORD, "tls": trusting}
    with NatsServer(folder / "nats", more=more, options=options) as server:
        server.add_stream()
        server.publish([(STREAM, PING, headers(1))])
        yield server, certificate


def settings_of(secured, monkeypatch, file=None, *, trusts=True):
    server, certificate = secured
    if trusts:
        monkeypatch.setenv("TELEMETRY_QUEUE_CA_FILE", str(certificate))
    if file is not None:
        monkeypatch.setenv("TELEMETRY_QUEUE_CREDENTIALS_FILE", str(file))
    return f"127.0.0.1:{server.port}/{STREAM}"


@pytest.mark.parametrize("place", ["url", "file"])
def test_credentials_are_in_the_url_or_in_a_file(secured, command, tmp_path, monkeypatch, place):
    file = tmp_path / "credentials"
    file.write_text(f"ada:{PASSWORD}\n")
    address = settings_of(secured, monkeypatch, file if place == "file" else None)
    login = "ada:p%40ss%20word@" if place == "url" else ""
    out, said = command(
        "pull", "--from", f"nats://{login}{address}", "--once", "--json", "--data", str(tmp_path / "data")
    )

    assert json.loads(out)["received"] == 1
    assert said == ""


REFUSED = {
    "a wrong password": ("nats://ada:wrong-secret@", True, "authorization"),
    "no password": ("nats://", True, "authorization"),
    "an unknown certificate": ("nats+tls://ada:wrong-secret@", False, "certificate"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_one_line_without_the_password(secured, command, tmp_path, monkeypatch, case):
    login, trusts, text = REFUSED[case]
    address = settings_of(secured, monkeypatch, trusts=trusts)
    _, said = command(
        "pull", "--from", f"{login}{address}", "--once", "--data", str(tmp_path / "data"), status=78
    )

    assert text in said.lower()
    assert said.count("\n") == 1
    assert "secret" not in said


def test_nothing_is_sent_in_plain_text_to_a_server_without_tls(command, tmp_path):
    """A listener that offers no TLS gets neither the password nor a submission."""
    pytest.importorskip("nats", reason=HOW)
    received: list[bytes] = []
    info = b'INFO {"server_id":"X","version":"2.10.0","max_payload":1048576,"auth_required":true}\r\n'

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(info)
                    received.append(connection.recv(4096))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=serve, args=(listener,), daemon=True).start()
        address = f"nats+tls://ada:wrong-secret@127.0.0.1:{listener.getsockname()[1]}/{STREAM}"
        _, said = command("pull", "--from", address, "--once", "--data", str(tmp_path / "data"), status=78)

    assert "the server offers no TLS" in said
    assert said.count("\n") == 1
    assert b"".join(received) == b""


def test_tls_is_used_where_the_server_takes_both(command, tmp_path, monkeypatch):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    certificate, key = make_pair(tmp_path, "nats.example")
    more = f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}\nallow_non_tls: true\n'
    with NatsServer(tmp_path / "nats", more=more) as server:
        server.add_stream()
        server.publish([(STREAM, PING, headers(1))])
        address = server.url.replace("nats://", "nats+tls://")
        words = ("pull", "--from", address, "--once", "--data", str(tmp_path / "data"))
        _, said = command(*words, status=78)
        assert "certificate" in said.lower()  # the machine does not know it, so TLS was tried

        monkeypatch.setenv("TELEMETRY_QUEUE_CA_FILE", str(certificate))
        command(*words)


def test_config_show_masks_the_password(command, monkeypatch):
    monkeypatch.setenv("TELEMETRY_PULL_FROM", "nats://ada:secret@host/S kafka://ada:secret@host/T")
    out, _ = command("config", "show", "--json")

    assert json.loads(out)["pull_from"] == ["nats://ada:***@host/S", "kafka://ada:***@host/T"]
