"""``config``: the settings in force, and their origins."""

import json
import socket

import pytest

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.main import main
from telemetry_server.settings.settings import SETTING_NAMES
from telemetry_server.supervision.held_port import share_an_address


def test_show_prints_every_setting_with_its_origin(capsys, monkeypatch):
    """With the real environment of a process."""
    monkeypatch.setenv("TELEMETRY_WORKERS", "3")

    assert main(["config", "show", "--origin", "--json", "--data", "/srv/t"]) == 0

    shown = json.loads(capsys.readouterr().out)
    assert set(shown) == set(SETTING_NAMES)
    assert shown["workers"] == {"value": 3, "origin": "TELEMETRY_WORKERS"}
    assert shown["data_dir"] == {"value": "/srv/t", "origin": "--data"}
    assert shown["port"] == {"value": 8080, "origin": "default"}


def test_show_prints_a_table_for_people(capsys):
    """One line for each setting."""
    assert main(["config", "show"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(SETTING_NAMES) + 2
    assert any(line.split() == ["oversize_status", "413"] for line in lines)


def test_check_accepts_valid_settings(tmp_path, capsys):
    """And prints that."""
    file = tmp_path / "server.toml"
    file.write_text('max_body_bytes = "2MiB"\n')

    assert main(["config", "check", "--config", str(file)]) == 0
    assert "the settings are valid" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('max_body_bytes = "much"', "max_body_bytes"),
        ('rules_file = "/no/such/file"', "no readable file"),
        ('schemas_dir = "/no/such/folder"', "no readable folder"),
        ('partition_schema = "/no/such/schema"', "no readable file"),
        ('data_dir = "/dev/null"', "is not a folder"),
        ('data_dir = "/dev/null/data"', "/dev/null is not a folder"),
        ("colour = 1", "is not a setting"),
        ("prot = 1", "did you mean port?"),
    ],
)
def test_check_refuses_invalid_settings(tmp_path, capsys, line, says):
    """One line and exit status 78."""
    file = tmp_path / "server.toml"
    file.write_text(line)

    assert main(["config", "check", "--config", str(file)]) == 78
    shown = capsys.readouterr().err
    assert says in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("certificate", "key", "says"),
    [
        (
            "nowhere.pem",
            "tls_key.pem",
            "tls_certificate: nowhere.pem cannot be read: No such file or directory",
        ),
        (
            "tls_certificate.pem",
            "nowhere.pem",
            "tls_key: nowhere.pem cannot be read: No such file or directory",
        ),
        ("tls_certificate.pem", "tls_key.pem", "not a usable certificate and key"),
        ("tls_certificate.pem", "", "tls_certificate is set and tls_key is not"),
    ],
)
def test_check_reads_the_certificate_as_serve_does(tmp_path, capsys, certificate, key, says):
    """It refuses what serve would refuse."""
    folder = tmp_path.as_posix()
    lines = []
    for setting, name in (("tls_certificate", certificate), ("tls_key", key)):
        if name:
            lines.append(f'{setting} = "{folder}/{name}"\n')
        if name != "nowhere.pem":
            (tmp_path / f"{setting}.pem").write_text("neither")
    file = tmp_path / "server.toml"
    file.write_text("".join(lines))

    assert main(["config", "check", "--config", str(file)]) == 78
    shown = capsys.readouterr().err.replace(f"{folder}/", "")
    assert says in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize("name", ["partition_schema", "rules_file"])
def test_check_reads_the_files_that_settings_name(tmp_path, capsys, name):
    """Their content must be valid too."""
    broken = tmp_path / "broken"
    broken.write_text("{ this is neither")
    file = tmp_path / "server.toml"
    file.write_text(f'{name} = "{broken}"\n')

    assert main(["config", "check", "--config", str(file)]) == 78
    assert name in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('host = "no such host"', "is not an address of this machine"),
        ('host = "203.0.113.1"', "cannot listen on 203.0.113.1:8080"),
        ('admin_port = 0\nadmin_host = "203.0.113.1"', "choose another admin_host or admin_port"),
        ("admin_port = 8080", "port and admin_port are both 8080"),
        ('host = "0.0.0.0"\nport = 9000\nadmin_port = 9000', "port and admin_port are both 9000"),
        ('admin_host = "0.0.0.0"\nadmin_port = 8080', "port and admin_port are both 8080"),
        ('host = "localhost"\nadmin_port = 8080', "port and admin_port are both 8080"),
    ],
)
def test_check_and_serve_refuse_the_same_hosts_and_ports(tmp_path, command, lines, says):
    """`check` finds what `serve` would refuse."""
    file = tmp_path / "server.toml"
    file.write_text(lines)

    for words in (["config", "check"], ["serve", "--data", str(tmp_path / "data")]):
        _, said = command(*words, "--config", str(file), status=78)
        assert says in said
        assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    "lines",
    ["port = 0\nadmin_port = 0", 'port = 0\nadmin_host = "127.0.0.2"\nadmin_port = 0', "port = 0"],
)
def test_check_accepts_two_different_ports(tmp_path, command, lines):
    """Each port 0 becomes another free port."""
    file = tmp_path / "server.toml"
    file.write_text(lines)

    out, _ = command("config", "check", "--config", str(file))

    assert "the settings are valid" in out


def test_check_accepts_a_port_that_is_in_use(tmp_path, command):
    """The running server itself uses it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        file = tmp_path / "server.toml"
        file.write_text(f"port = {other.getsockname()[1]}")

        command("config", "check", "--config", str(file))


def test_one_port_on_two_addresses_is_two_listeners():
    """For example two addresses of loopback."""
    assert not share_an_address("127.0.0.1", "127.0.0.2")
    assert share_an_address("127.0.0.1", "127.0.0.1")
    assert share_an_address("0.0.0.0", "127.0.0.2")
    assert not share_an_address("0.0.0.0", "::1")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("pull", "--from", "nowhere"), "pull_from (from --from): "),
        (("pull", "--from", "nats://host:port/PINGS"), "pull_from (from --from): "),
        (("pull", "--from", "ftp://host/PINGS"), "pull_from (from --from): "),
        (("pull", "--from", "file://{data}"), "pull_from (from --from): "),
        (("pull", "--from", "file://x"), "pull_from (from --from): the path of a data root must be absolute"),
        (("reports", "--port", "x"), "reports_port (from --port): "),
        (("reports", "--host", ""), "reports_host (from --host): "),
    ],
)
def test_a_wrong_value_is_reported_under_the_name_of_its_option(command, tmp_path, words, named):
    """Some options have other names than their settings."""
    data = str(tmp_path / "data")
    filled = [word.format(data=data) for word in words]
    _, talk = command(*filled, "--data", data, status=ExitStatus.CONFIGURATION)

    assert talk.startswith(f"telemetry-server {words[0]}: configuration: {named}")
