"""Two instances of Fuel-stat on one machine: systemd, nginx, networks, and the Puppet module."""

import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from telemetry_server.demo.temporary_server import bare_environment, free_port
from telemetry_server.settings.loader import load_settings
from tests.deploy.test_proxies import NGINX_MAIN, replaced, running
from tests.fuel.documents import a_task
from tests.support.certificates import make_pair
from tests.support.edges import wait_for
from tests.support.running_server import result_of, telemetry_server
from tests.support.waiting import PATIENCE_SECONDS

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
INSTANCES = ("community", "commercial")


def settings_of(instance: str) -> dict[str, str]:
    """Return the settings in an instance's file, by name."""
    text = (DEPLOY / f"fuel-{instance}.env").read_text()
    return {
        name.lower(): value for name, value in re.findall(r"^TELEMETRY_([A-Z_]+)=(.*)$", text, re.MULTILINE)
    }


def test_the_settings_of_both_instances_are_valid_and_share_nothing():
    loaded = {}
    for instance in INSTANCES:
        environment = {f"TELEMETRY_{name.upper()}": value for name, value in settings_of(instance).items()}
        loaded[instance] = load_settings({}, None, environment)
    community, commercial = loaded["community"], loaded["commercial"]

    assert (community.instance_name, commercial.instance_name) == INSTANCES
    for name in ("port", "reports_port", "admin_port", "fuel_database_url", "fuel_analytics_database_url"):
        assert getattr(community, name) != getattr(commercial, name)
    assert [str(network) for network in commercial.reports_networks] == ["10.0.0.0/8"]
    assert community.suppress_below == 5


def test_the_unit_of_instances_is_that_of_one_server_with_names_in_it():
    """So both are as closed."""
    one = (DEPLOY / "telemetry-server.service").read_text()
    each = (DEPLOY / "telemetry-server@.service").read_text()
    text = each[each.index("[Unit]") :]
    for more, less in ((", instance %i", ""), ("telemetry-%i", "telemetry-server"), ("-%i", "")):
        text = text.replace(more, less)
    text = text.replace(
        "EnvironmentFile=/etc/telemetry-server/%i.env", "EnvironmentFile=-/etc/telemetry-server.env"
    )

    assert text == one[one.index("[Unit]") :]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
def test_systemd_finds_nothing_wrong_with_an_instance(tmp_path):
    unit = tmp_path / "telemetry-server@community.service"
    text = (DEPLOY / "telemetry-server@.service").read_text()
    unit.write_text(text.replace("/opt/telemetry-server/bin/telemetry-server", sys.executable))
    words = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)

    assert done.returncode == 0, done.stderr
    assert unit.name not in done.stderr


@pytest.mark.slow
def test_each_collector_has_its_own_name_and_reports_their_own_network(tmp_path):
    """On SQLite; the company's network is 127.0.0.2 here."""
    for name in ("nginx", "openssl"):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed: apt-get install {name}")
    make_pair(tmp_path, "proxy")
    pair = {"tls_certificate": f"{tmp_path}/proxy.pem", "tls_key": f"{tmp_path}/proxy.key"}
    port, reports = free_port(), {instance: free_port() for instance in INSTANCES}
    ports = {instance: free_port() for instance in INSTANCES}
    with ExitStack() as opened:
        for instance in INSTANCES:
            folder = tmp_path / instance
            folder.mkdir()
            data = str(folder / "data")
            (folder / "token").write_text(
                telemetry_server("tokens", "create", "--role", "viewer", "--data", data).stdout
            )
            add_user(data)
            settings = settings_of(instance) | {"fuel_database_url": "", "fuel_analytics_database_url": ""}
            settings |= {"admin_port": str(free_port()), "reports_port": str(reports[instance])}
            settings |= {"fuel_backup_hours": "off", "port": str(ports[instance]), "data_dir": data}
            settings["fuel_contact_key_file"] = str(folder / "contact.key")
            if instance == "commercial":
                settings |= pair | {"reports_networks": "127.0.0.2/32"}
            opened.enter_context(serving(folder, settings))
        site = replaced(
            "fuel-instances-nginx.conf",
            ("127.0.0.1:8080", f"127.0.0.1:{ports['community']}"),
            ("127.0.0.1:8090", f"127.0.0.1:{ports['commercial']}"),
            ("127.0.0.1:8081", f"127.0.0.1:{reports['community']}"),
            ("/etc/ssl/fuel/certificate.pem", f"{tmp_path}/proxy.pem"),
            ("/etc/ssl/fuel/key.pem", f"{tmp_path}/proxy.key"),
        )
        (tmp_path / "site.conf").write_text(site.replace("listen 443", f"listen 127.0.0.1:{port}"))
        (tmp_path / "nginx.conf").write_text(NGINX_MAIN.format(folder=tmp_path))
        words = ["nginx", "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
        opened.enter_context(running(words, tmp_path))
        for number, instance in enumerate(INSTANCES):
            logs = json.dumps({"action_logs": [a_task(n) for n in range(number + 1)]})
            name = f"collector.{instance}.example.org"
            wait_for(lambda name=name, logs=logs: curl(name, port, "/api/v1/action_logs/", logs)[0] == 200)
            assert curl(name, port, "/metrics")[0] == 404
            loaded = result_of("fuel", "etl", "--rebuild", "--data", str(tmp_path / instance / "data"))
            assert loaded["moved"]["action_logs"] == number + 1
        token = (tmp_path / "community/token").read_text().strip()
        wait_for(lambda: curl("stats.community.example.org", port, "/fuel", token=token)[0] == 200)
        _, page = curl("stats.community.example.org", port, "/fuel", token=token)
        assert "community" in page
        assert curl("stats.community.example.org", port, "/api/v1/fuel/reports/os")[0] == 401
        wait_for(lambda: connects(reports["commercial"], "127.0.0.2"))
        assert not connects(reports["commercial"], "127.0.0.1")


@contextmanager
def serving(folder: Path, settings: dict[str, str]) -> Iterator[None]:
    """Run ``serve`` with these settings, offline and with one worker."""
    offline = {"revision_offline": "true", "workers": "1", "convert_processes": "1"}
    environment = {f"TELEMETRY_{name.upper()}": value for name, value in (offline | settings).items()}
    words = [sys.executable, "-m", "telemetry_server", "serve"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, env=bare_environment() | environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
        print((folder / "log").read_text())


def add_user(data: str) -> None:
    """Add a user; without one a listener for other machines does not start."""
    words = [sys.executable, "-m", "telemetry_server", "users", "add", "ada", "--role", "admin"]
    subprocess.run(
        [*words, "--password-stdin", "--data", data], input="correct horse battery\n", text=True, check=True
    )


def curl(name: str, port: int, path: str, body: str | None = None, token: str = "") -> tuple[int, str]:
    """Return status and body of a request to *name*, which is on this machine."""
    words = ["curl", "-sk", "-w", "\n%{http_code}", "--resolve", f"{name}:{port}:127.0.0.1"]
    words += ["-H", "Content-Type: application/json", "-d", body] if body is not None else []
    words += ["-H", f"Authorization: Bearer {token}"] if token else []
    done = subprocess.run(
        [*words, f"https://{name}:{port}{path}"], capture_output=True, text=True, check=False
    )
    text, _, status = done.stdout.rpartition("\n")
    return int(status or 0), text


def connects(port: int, source: str) -> bool:
    """Whether the reports answer a client with this address, with TLS."""
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection(
        "127.0.0.1", port, timeout=10, source_address=(source, 0), context=context
    )
    try:
        connection.request("GET", "/__lbheartbeat__")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.mark.slow
def test_puppet_applies_the_module_once(tmp_path):
    """Debian's puppet writes settings and unit, and migrates; a second time it changes nothing."""
    puppet = shutil.which("puppet")
    if puppet is None:
        pytest.skip("puppet is not installed: apt-get install puppet-agent")
    program = Path(sys.executable).with_name("telemetry-server")
    manifest = tmp_path / "site.pp"
    manifest.write_text(
        f"""
        class {{ 'fuelstat':
          settings_dir => '{tmp_path}/settings',
          unit         => '{DEPLOY}/telemetry-server@.service',
          unit_dir     => '{tmp_path}',
        }}
        fuelstat::instance {{ 'community':
          settings_dir   => '{tmp_path}/settings',
          settings       => {{ 'port' => 8080, 'suppress_below' => 5 }},
          manage_service => false,
          migrate        => true,
          program        => '{program}',
          data_dir       => '{tmp_path}/data',
          require        => Class['fuelstat'],
        }}
        """
    )
    words = [puppet, "apply", "--modulepath", str(DEPLOY / "puppet"), "--detailed-exitcodes"]
    words += ["--confdir", f"{tmp_path}/conf", "--vardir", f"{tmp_path}/var", str(manifest)]
    codes = []
    for _ in range(2):
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            env=os.environ | {"HOME": str(tmp_path)},
            timeout=300,
            check=False,
        )
        codes.append(done.returncode)

    assert codes == [2, 0], done.stdout  # changed; then nothing to change
    lines = (tmp_path / "settings/community.env").read_text().splitlines()
    pairs = (line.partition("=") for line in lines[1:])
    environment = {name: value.strip("'") for name, _, value in pairs}
    settings = load_settings({}, None, environment)
    assert (settings.fuel, settings.instance_name, settings.suppress_below) == (True, "community", 5)
    assert (tmp_path / "telemetry-server@.service").exists()
    found = result_of("fuel", "migrate", "--check", "--data", f"{tmp_path}/data")
    assert [entry["after"] == entry["newest"] for entry in found["databases"]] == [True, True]
