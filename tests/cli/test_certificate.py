"""``certificate`` makes a self-signed certificate and its key."""

import json
import shutil
import ssl

import pytest

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.edge.tls import Certificate

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


@needs_openssl
def test_certificate_writes_a_pair_that_the_server_accepts(tmp_path, command):
    """For localhost and the given names; the key is private."""
    folder = tmp_path / "tls"
    words = ("--host", "t.example.org", "--host", "192.0.2.7", "--days", "3", "--json")
    made = json.loads(command("certificate", str(folder), *words)[0])

    Certificate(folder / "certificate.pem", folder / "key.pem")
    described = ssl._ssl._test_decode_cert(made["certificate"])  # type: ignore[attr-defined]
    assert set(described["subjectAltName"]) == {
        ("DNS", "localhost"),
        ("DNS", "t.example.org"),
        ("IP Address", "127.0.0.1"),
        ("IP Address", "0:0:0:0:0:0:0:1"),
        ("IP Address", "192.0.2.7"),
    }
    assert (folder / "key.pem").stat().st_mode & 0o077 == 0
    assert made["hosts"] == ["localhost", "127.0.0.1", "::1", "t.example.org", "192.0.2.7"]


@needs_openssl
@pytest.mark.parametrize("there", ["certificate.pem", "key.pem"])
def test_certificate_does_not_replace_files(tmp_path, command, there):
    (tmp_path / there).write_text("mine")

    _, talk = command("certificate", str(tmp_path), status=ExitStatus.USAGE)

    assert talk.count("\n") == 1
    assert "exists already" in talk
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(there, "mine")]


def test_a_missing_openssl_is_reported(tmp_path, command, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    _, talk = command("certificate", str(tmp_path / "tls"), status=ExitStatus.USAGE)

    assert "openssl is not installed" in talk
    assert not (tmp_path / "tls").exists()


@pytest.mark.parametrize(
    "words", [("--host", "two words"), ("--host", "a,DNS:b"), ("--days", "0"), ("--days", "x")]
)
def test_invalid_arguments_are_refused(tmp_path, command, words):
    command("certificate", str(tmp_path / "tls"), *words, status=ExitStatus.USAGE)

    assert not (tmp_path / "tls").exists()
