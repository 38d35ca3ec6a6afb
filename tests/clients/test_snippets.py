"""The code from ``point glean`` runs unchanged with the real SDKs, and its pings are stored."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from telemetry_server.demo.temporary_server import bare_environment
from tests.support.edges import RunningServer, running_server
from tests.support.running_server import result_of, telemetry_server
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

BROWSER = Path(__file__).with_name("browser_globals.mjs")
SECONDS = 60


@contextmanager
def serving(folder: Path, *, tls: bool) -> Iterator[tuple[RunningServer, dict[str, str]]]:
    """A server, with TLS and a certificate; and the variables that make clients trust it."""
    words: tuple[str, ...] = ()
    trust = {}
    if tls:
        made = result_of("certificate", str(folder / "tls"))
        words = ("--tls-certificate", made["certificate"], "--tls-key", made["key"])
        trust = {"SSL_CERT_FILE": made["certificate"], "NODE_EXTRA_CA_CERTS": made["certificate"]}
    with running_server(folder, *words, environment={"TELEMETRY_REVISION_OFFLINE": "true"}) as server:
        yield server, trust


def snippet_for(server: RunningServer, language: str, *, tls: bool) -> str:
    """Return the output of ``point glean`` with the environment of *server*."""
    words = ("--port", str(server.port), *(("--tls-certificate", "c.pem") if tls else ()))
    printed = result_of("point", "glean", *words)
    assert printed["url"] == f"http{'s' if tls else ''}://127.0.0.1:{server.port}"
    return str(printed["configuration"][language])


def stored(server: RunningServer) -> list[dict[str, Any]]:
    """Wait for stored records, and return them."""

    def lines() -> list[str]:
        return telemetry_server("cat", "converted", "--data", str(server.data)).stdout.splitlines()

    wait_for(lines)
    return [json.loads(line.partition("\t")[2]) for line in lines()]


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_the_python_snippet_sends_a_ping(tmp_path, glean_python, tls):
    if tls and shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    with serving(tmp_path, tls=tls) as (server, trust):
        script = tmp_path / "snippet.py"
        script.write_text(snippet_for(server, "python", tls=tls))
        environment = bare_environment() | trust
        subprocess.run([glean_python, script], check=True, cwd=tmp_path, env=environment, timeout=SECONDS)
        records = stored(server)

    assert {record["metadata"]["namespace"] for record in records} == {"my-app"}
    assert records[0]["client_info"]["app_display_version"] == "1.0"


def test_the_javascript_snippet_sends_a_ping_with_tls(tmp_path, glean_js):
    """With the globals of a browser; the SDK accepts only https."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    with serving(tmp_path, tls=True) as (server, trust):
        script = tmp_path / "snippet.mjs"
        script.write_text(snippet_for(server, "javascript", tls=True))
        (tmp_path / "node_modules").symlink_to(glean_js / "node_modules")
        subprocess.run(
            ["node", "--import", BROWSER.as_uri(), str(script)],
            check=True,
            cwd=tmp_path,
            env=bare_environment() | trust,
            timeout=SECONDS,
        )
        (record,) = stored(server)

    assert (record["metadata"]["namespace"], record["metadata"]["doctype"]) == ("my-app", "events")
    assert record["events"][0]["name"] == "page_load"


def test_the_javascript_snippet_for_a_server_without_tls_explains_what_to_do_and_starts(tmp_path, glean_js):
    """Its address is https, so it works when the server uses TLS."""
    snippet = result_of("point", "glean", "--port", "9")["configuration"]["javascript"]
    script = tmp_path / "snippet.mjs"
    script.write_text(snippet)
    (tmp_path / "node_modules").symlink_to(glean_js / "node_modules")
    done = subprocess.run(
        ["node", "--import", BROWSER.as_uri(), str(script)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=SECONDS,
        check=False,
    )

    assert "telemetry-server certificate" in snippet
    assert "Unable to initialize" not in done.stderr
    assert done.returncode == 0, done.stderr
