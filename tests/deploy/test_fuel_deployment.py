"""The example deployment of a Fuel-stat collector and of a sender, tried."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry_server.demo.temporary_server import free_port
from telemetry_server.settings.loader import load_settings
from tests.deploy.test_proxies import NGINX_MAIN, replaced, running
from tests.fuel.documents import a_structure, a_task, a_workload
from tests.fuel.test_flow import rows
from tests.support.certificates import make_pair
from tests.support.postgresql import program, running_postgresql
from tests.support.running_server import running_server, telemetry_server
from tests.support.waiting import PATIENCE_SECONDS, wait_for

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNIT = DEPLOY / "fuel-sender.service"
MAX_EXPOSED = 20


def settings_of_the_file() -> dict[str, str]:
    """Return the settings in fuel-collector.env, by name."""
    lines = re.findall(
        r"^TELEMETRY_([A-Z_]+)=(.*)$", (DEPLOY / "fuel-collector.env").read_text(), re.MULTILINE
    )
    return {name.lower(): value for name, value in lines}


def test_the_settings_of_the_collector_are_valid():
    environment = {f"TELEMETRY_{name.upper()}": value for name, value in settings_of_the_file().items()}
    settings = load_settings({}, None, environment)

    assert settings.fuel
    assert settings.fuel_backup_hours == 24


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
def test_systemd_finds_nothing_wrong_with_the_unit_of_the_sender(tmp_path):
    unit = tmp_path / UNIT.name
    text = UNIT.read_text().replace("/opt/telemetry-server/bin/telemetry-server", sys.executable)
    unit.write_text(text.replace("User=product", "User=daemon"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert UNIT.name not in done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
def test_little_of_the_machine_is_exposed_to_the_sender():
    """By systemd's own count, in tenths; a unit without any of it is at 96."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", f"--threshold={MAX_EXPOSED}", UNIT],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_the_key_of_contacts_has_a_folder_that_the_server_may_write():
    """Outside of the data root, which is a folder of its own."""
    unit = (DEPLOY / "telemetry-server.service").read_text()
    (folders,) = re.findall(r"^StateDirectory=(.*)$", unit, re.MULTILINE)
    key = Path(settings_of_the_file()["fuel_contact_key_file"])

    assert key.parent in [Path("/var/lib") / name for name in folders.split()]
    assert f"TELEMETRY_DATA_DIR={key.parent}\n" not in unit


@pytest.mark.skipif(
    shutil.which("nginx") is None or shutil.which("openssl") is None, reason="nginx is not on this machine"
)
def test_nginx_finds_nothing_wrong_with_its_file(tmp_path):
    make_pair(tmp_path, "proxy")
    words = nginx_words(tmp_path, 8080, free_port())
    done = subprocess.run(
        [*words, "-t"], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )

    assert done.returncode == 0, done.stderr


def nginx_words(folder: Path, server: int, port: int) -> list[str]:
    """Return the command that runs nginx with deploy/fuel-nginx.conf."""
    site = replaced(
        "fuel-nginx.conf",
        ("127.0.0.1:8080", f"127.0.0.1:{server}"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("/etc/ssl/fuel/certificate.pem", f"{folder}/proxy.pem"),
        ("/etc/ssl/fuel/key.pem", f"{folder}/proxy.key"),
    )
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(NGINX_MAIN.format(folder=folder))
    return ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


@pytest.mark.slow
def test_a_sender_reaches_the_collector_through_nginx(tmp_path):
    """With TLS, enforced signatures and PostgreSQL; what is not the collector's is 404."""
    for name in ("nginx", "openssl"):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed: apt-get install {name}")
    if program("initdb") is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    make_pair(tmp_path, "proxy")
    port = free_port()
    with running_postgresql("fsync=off") as postgresql:
        url = postgresql.new_database()
        settings = settings_of_the_file() | {"fuel_database_url": url, "fuel_signatures": "enforce"}
        settings = settings | {
            "admin_port": str(free_port()),
            "reports_port": "off",
            "fuel_backup_hours": "off",
            "fuel_contact_key_file": str(tmp_path / "contact.key"),
        }
        with (
            running_server(tmp_path, **settings) as server,
            running(nginx_words(tmp_path, server.port, port), tmp_path),
        ):
            check_a_sender(tmp_path, f"https://127.0.0.1:{port}", url)


def check_a_sender(folder: Path, address: str, url: str) -> None:
    """Record and send documents, and check that they arrive and nothing else is answered."""
    trusted = {"SSL_CERT_FILE": str(folder / "proxy.pem")}
    config = folder / "sender.toml"
    config.write_text(f'collector = "{address}"\nstate = "state.sqlite"\n')
    where = ("--config", str(config))
    documents = {
        "action_logs": [a_task(number) for number in range(3)],
        "installation_structure": [a_structure()["installation_structure"]],
        "oswl_stats": [a_workload(created_date="2026-02-01")],
    }
    for kind, items in documents.items():
        (folder / kind).write_text("\n".join(json.dumps(item) for item in items))
        assert telemetry_server("fuel-sender", "record", kind, str(folder / kind), *where).returncode == 0
    telemetry_server("fuel-sender", "opt-in", *where)
    done = []

    def arrives() -> bool:
        done.append(telemetry_server("fuel-sender", "once", "--json", *where, **trusted))
        return done[-1].returncode == 0

    wait_for(arrives)
    assert json.loads(done[-1].stdout)["sent"] == 5
    assert rows(url, "SELECT count(*) FROM action_logs") == [(3,)]
    assert rows(url, "SELECT count(*) FROM signing_keys") == [(1,)]
    curl = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", str(folder / "proxy.pem")]
    codes = {}
    for path in ("/api/v1/ping/", "/metrics", "/submit/x/y/1/c0ffee00-1234-4abc-8def-0123456789ab"):
        codes[path] = subprocess.run(
            [*curl, address + path], capture_output=True, text=True, check=True
        ).stdout
    assert list(codes.values()) == ["200", "404", "404"]
    unsigned = [*curl, "-H", "Content-Type: application/json", "-d", '{"action_logs": []}']
    done_by_curl = subprocess.run(
        [*unsigned, address + "/api/v1/action_logs/"], capture_output=True, text=True, check=True
    )
    assert done_by_curl.stdout == "401"
