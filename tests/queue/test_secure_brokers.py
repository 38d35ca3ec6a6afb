"""Credentials and TLS."""

import json
import shutil
import ssl

import pytest

from tests.queue.test_pull import PING, headers
from tests.support.brokers import STREAM, NatsServer
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


def test_config_show_masks_the_password(command, monkeypatch):
    monkeypatch.setenv("TELEMETRY_PULL_FROM", "nats://ada:secret@host/S kafka://ada:secret@host/T")
    out, _ = command("config", "show", "--json")

    assert json.loads(out)["pull_from"] == ["nats://ada:***@host/S", "kafka://ada:***@host/T"]
