"""Web pages of another origin in real browsers: what arrives, and what the script sees."""

import hashlib
import json
import re
import shutil
import ssl
import subprocess
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.clients.browsers import open_page, serving_pages
from tests.support.edges import RunningServer, running_server
from tests.support.running_server import telemetry_server
from tests.support.sizes import IS_FULL
from tests.support.waiting import wait_for

PAGES = Path(__file__).parent
NEEDS_NO_QUESTION = {"fetch-text", "fetch-no-cors", "fetch-credentials", "beacon-text"}
NEEDS_A_PREFLIGHT = {"fetch-json", "fetch-put", "fetch-glean", "fetch-traced"}
OVERRIDE = "OID.2.16.840.1.101.3.4.2.1"  # SHA-256, as named in Firefox


def raw_pings(data: Path) -> list[dict[str, Any]]:
    lines = telemetry_server("cat", "raw", "--data", str(data)).stdout.splitlines()
    return [json.loads(line.partition("\t")[2]) for line in lines]


def doctypes(data: Path) -> set[str]:
    return {ping["path"].split("/")[3] for ping in raw_pings(data)}


def in_both(cases: dict[str, tuple[Any, ...]], firefox: str) -> list[Any]:
    """Return *cases* for both browsers; Firefox, which takes twice as long, has one of them in CI."""
    of_firefox = cases if IS_FULL else {firefox: cases[firefox]}
    chosen = [("chromium", pytest.mark.slow, cases), ("firefox", pytest.mark.firefox, of_firefox)]
    return [
        pytest.param(browser, *values, marks=mark, id=f"{name}-{browser}")
        for browser, mark, found in chosen
        for name, values in found.items()
    ]


@pytest.mark.parametrize(
    ("browser", "allowed"), in_both({each: (each,) for each in ("no page", "the page", "*")}, "the page")
)
def test_a_page_can_submit_if_its_origin_is_allowed(browser, allowed, tmp_path):
    """Without CORS only requests without preflight; a JSON beacon needs its origin in the list."""
    arrives = NEEDS_NO_QUESTION | (NEEDS_A_PREFLIGHT if allowed != "no page" else set())
    arrives |= {"beacon-json"} if allowed == "the page" else set()
    with serving_pages(PAGES) as pages:
        environment = {"TELEMETRY_NAMESPACES": "garden", "TELEMETRY_REVISION_OFFLINE": "true"}
        if allowed != "no page":
            environment["TELEMETRY_SUBMIT_CORS_ORIGINS"] = pages.origin if allowed == "the page" else "*"
        with running_server(tmp_path, environment=environment) as server:
            url = f"{pages.origin}/web_page.html?server=http://127.0.0.1:{server.port}"
            with open_page(browser, url, tmp_path):
                seen = pages.report()
            wait_for(lambda: doctypes(server.data) >= arrives)
            stored = doctypes(server.data)

    assert stored == arrives
    fetches = {name: answer for name, answer in seen.items() if name.startswith("fetch-")}
    readable = arrives - {"fetch-no-cors"} if allowed != "no page" else set()
    readable -= {"fetch-credentials"} if allowed == "*" else set()
    for name, answer in fetches.items():
        if name == "fetch-no-cors":
            assert answer == "opaque 0"
        elif name == "fetch-other":
            assert answer == ("TypeError" if allowed == "no page" else "cors 404")
        else:
            assert answer == ("cors 200" if name in readable else "TypeError"), name
    # The result of a beacon only shows that the browser queued it.
    assert (seen["beacon-text"], seen["beacon-json"]) == ("true", "true")


@pytest.fixture(scope="session")
def glean_pages(glean_js, tmp_path_factory) -> Path:
    """A folder of pages with Glean.js."""
    folder: Path = tmp_path_factory.mktemp("glean-pages")
    shutil.copy(PAGES / "glean_page.html", folder)
    (folder / "node_modules").symlink_to(glean_js / "node_modules")
    return folder


@pytest.fixture
def certificate(tmp_path) -> dict[str, str]:
    """Settings of a server with a self-signed certificate: Glean.js accepts only https."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl: apt-get install openssl")
    words = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "certificate.pem")]
    subprocess.run(["openssl", "req", "-x509", *words, *subject, *files], check=True, capture_output=True)
    return {
        "TELEMETRY_TLS_CERTIFICATE": str(tmp_path / "certificate.pem"),
        "TELEMETRY_TLS_KEY": str(tmp_path / "key.pem"),
        "TELEMETRY_REVISION_OFFLINE": "true",
    }


def trust_in_firefox(certificate: Path, port: int, profile: Path) -> None:
    """Make a new profile of Firefox trust the server's certificate."""
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    digest = hashlib.sha256(der).hexdigest().upper()
    fingerprint = ":".join(re.findall("..", digest))
    profile.mkdir(parents=True)
    (profile / "cert_override.txt").write_text(f"127.0.0.1:{port}:\t{OVERRIDE}\t{fingerprint}\t\n")


def run_glean_js(browser: str, page: str, server: RunningServer, folder: Path, pages: Any) -> Any:
    """Open the page with Glean.js, and return its report."""
    if browser == "firefox":
        trust_in_firefox(folder / "certificate.pem", server.port, folder / "profile")
    url = f"{pages.origin}/glean_page.html?server=https://127.0.0.1:{server.port}&{page}"
    with open_page(browser, url, folder):
        return pages.report()


def answers(server: RunningServer) -> Counter[str]:
    """Return how often each status was sent."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(f"https://127.0.0.1:{server.port}/metrics", context=trusting) as answer:
        found = re.findall(r'telemetry_responses_total\{code="(\d+)"\} (\d+)', answer.read().decode())
    return Counter({code: int(count) for code, count in found})


@pytest.mark.parametrize(
    ("browser", "page", "is_allowed", "arrives"),
    in_both(
        {
            "a beacon needs no CORS": ("", False, True),
            "a tag needs CORS": ("tag=plot-1", False, False),
            "a tag with CORS": ("tag=plot-1", True, True),
        },
        "a tag with CORS",
    ),
)
def test_a_page_with_glean_js_submits(
    browser, page, *, is_allowed, arrives, glean_pages, certificate, tmp_path
):
    """In a half-hour time zone, whose offset Glean.js writes as a fraction of hours."""
    with serving_pages(glean_pages) as pages:
        cors = {"TELEMETRY_SUBMIT_CORS_ORIGINS": pages.origin} if is_allowed else {}
        with running_server(tmp_path, environment=certificate | cors) as server:
            seen = run_glean_js(browser, page, server, tmp_path, pages)
            sent = raw_pings(server.data)

    assert seen == {"error": None, "pending": 0}
    assert len(sent) == arrives
    for ping in sent:
        assert re.fullmatch(r"/submit/org-example-garden/watering/1/[0-9a-f-]{36}", ping["path"])
        assert ping["body"]["metrics"]["counter"] == {"plot.hits": 3}
        assert ping["body"]["metrics"]["datetime"]["plot.seen"].endswith("+5.5:00")


@pytest.mark.parametrize(
    ("browser", "page", "tries"),
    in_both(
        {
            "a beacon is not sent again": ("", 1),
            "a beacon is not sent again with the next ping": ("again=1", 2),
            "a fetch is not sent again by itself": ("tag=plot-1", 1),
            "a fetch is sent again with the next ping": ("tag=plot-1&again=1", 3),
        },
        "a beacon is not sent again with the next ping",
    ),
)
def test_a_web_ping_with_an_answer_of_5xx_is_lost_when_its_page_is_closed(
    browser, page, *, tries, glean_pages, certificate, tmp_path
):
    """Answers to beacons are not read; pings sent with fetch wait only in the memory of the page."""
    full = {"TELEMETRY_MIN_FREE_BYTES": str(1 << 60)}
    with serving_pages(glean_pages) as pages:
        cors = {"TELEMETRY_SUBMIT_CORS_ORIGINS": pages.origin}
        with running_server(tmp_path, environment=certificate | cors | full) as server:
            seen = run_glean_js(browser, page, server, tmp_path, pages)
            refused = answers(server)["507"]

    assert seen == {"error": None, "pending": 0}
    assert refused == tries
