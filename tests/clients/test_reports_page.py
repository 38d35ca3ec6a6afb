"""The first page of the reports in real browsers: the first ping appears, nothing is fetched elsewhere."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from uuid import uuid4

import pytest

from tests.clients.page_drivers import BROWSERS, DRIVERS, ONE_BROWSER, PageDriver
from tests.reports.test_serve import reports_of, served
from tests.support.waiting import PATIENCE_SECONDS, wait_for

INSTALL_SECONDS = 120
MORE_PAGES = (
    *("/quarantine", "/quarantine?reason=invalid_json&by=hour", "/drift", "/stores", "/users", "/collected"),
    *(
        "/sql?sql=FROM%20pings",
        "/sql?sql=DROP%20TABLE%20pings",
        "/pings?live=1",
        "/pings?version=9",
        "/?last=7d",
    ),
)
IN_DARK = ("/", "/pings", "/quarantine", "/drift", "/sql?sql=FROM%20pings")
WIDER = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
HOSTILE = '<img src=x onerror="document.title=1">\u202e' + "x" * 3000
HOSTS = "return performance.getEntriesByType('resource').map((each) => new URL(each.name).origin)"
# Injected before anything is looked at: what the policy refuses, and errors of scripts.
WATCH = """
window.seen = [];
document.addEventListener("securitypolicyviolation", (event) => window.seen.push(event.violatedDirective));
window.addEventListener("error", (event) => window.seen.push(String(event.message)));
"""


AXE = "axe-playwright-python==0.1.8"  # axe-core 4.12.1; the rest of the package is not used


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    """The text of axe-core, from a package of PyPI that has it; AXE names a file that is there already."""
    if ready := os.environ.get("AXE"):
        return Path(ready).read_text()
    folder = tmp_path_factory.mktemp("axe")
    words = ["--quiet", "--disable-pip-version-check", "--no-deps", "--target", str(folder), AXE]
    try:
        subprocess.run(
            [sys.executable, "-m", "pip", "install", *words],
            check=True,
            capture_output=True,
            timeout=INSTALL_SECONDS,
        )
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"axe-core cannot be installed here: {type(error).__name__}")
    return (folder / "axe_playwright_python/axe.min.js").read_text()


def post(url: str, body: bytes, **headers: str) -> None:
    """Submit a ping."""
    urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=PATIENCE_SECONDS).close()


def has_text(driver: PageDriver, text: str) -> bool:
    """Whether the page shows *text* now."""
    return bool(driver.run(f"return (document.body?.innerText ?? '').includes({json.dumps(text)})"))


def normandy_ping() -> bytes:
    """Return a Glean ping with an enrolment and an uptake report whose texts are hostile."""
    names = {"value": "tulips", "branch": HOSTILE, "reason": HOSTILE}
    events = [
        ("normandy", "enroll_preference_study", names),
        ("normandy", "enroll_failed_preference_study", names),
    ]
    report = {"value": "apply_error", "source": "normandy/recipe/9"}
    events.append(("uptake.remotecontent.result", "uptake_normandy", report))
    return json.dumps(
        {
            "client_info": {"client_id": str(uuid4()), "app_display_version": HOSTILE},
            "events": [
                {"timestamp": number, "category": category, "name": name, "extra": extra}
                for number, (category, name, extra) in enumerate(events)
            ],
        }
    ).encode()


@pytest.mark.parametrize("browser", BROWSERS)
def test_the_shown_command_makes_a_ping_appear_without_reload(browser, tmp_path):
    """The command is run as it stands; scripts do the rest, from this host alone."""
    with served(tmp_path) as server, DRIVERS[browser](tmp_path) as driver:
        url = reports_of(server)
        driver.open(f"{url}/")
        driver.run(WATCH)
        hosts = driver.run(HOSTS)
        command = driver.run("return document.getElementById('first-ping').textContent")
        subprocess.run(["sh", "-c", command], check=True, capture_output=True, timeout=PATIENCE_SECONDS)
        document_id = command.split("/")[-1].split(" ")[0]
        wait_for(lambda: has_text(driver, "Newest pings") and has_text(driver, document_id))
        hosts += driver.run(HOSTS)
        seen = driver.run("return window.seen || []")
        styled = driver.run("return document.querySelectorAll('[style], style').length")

    assert set(hosts) == {url}
    assert seen == []
    assert styled == 0


@pytest.mark.parametrize("browser", ONE_BROWSER)
def test_the_pages_are_accessible_and_hold_text_of_clients_as_text(browser, axe, tmp_path):
    """Nothing serious by axe-core on a wide and a narrow window; no markup of a client's lives."""
    with served(tmp_path) as server, DRIVERS[browser](tmp_path) as driver:
        url, edge = reports_of(server), f"http://127.0.0.1:{server.port}"
        document_id = str(uuid4())
        hostile = json.dumps({"client_info": {"app_display_version": HOSTILE, "app_channel": HOSTILE}})
        post(f"{edge}/submit/example/hello/1/{document_id}", hostile.encode())
        post(f"{edge}/submit/example/hello/1/{uuid4()}", b"{")
        post(f"{edge}/submit/%3Cscript%3E", b"x")
        post(f"{edge}/submit/firefox-desktop/events/1/{uuid4()}", normandy_ping())
        driver.open(f"{url}/")
        wait_for(lambda: has_text(driver, "invalid_json"))
        driver.open(f"{url}/normandy")
        wait_for(lambda: driver.open(f"{url}/normandy") or has_text(driver, "tulips"))
        found = {}
        of_ping = ("/", "/pings", f"/pings/{document_id}", f"/pings/{document_id}?body=1", "/nothing")
        pages = (*of_ping, "/normandy", "/normandy/recipes/9", "/normandy/studies/tulips", *MORE_PAGES)
        for path in (*pages, "/theme?theme=dark", *IN_DARK):
            driver.resize(1280)
            driver.open(url + path)
            result = driver.run(f"{axe}; return await axe.run()")
            serious = [
                (each["id"], [node["html"][:200] for node in each["nodes"][:3]])
                for each in result["violations"]
                if each["impact"] in ("serious", "critical")
            ]
            if serious:
                found[path] = serious
            assert driver.run(WIDER) <= 0, path
            for width in (390, 320):
                driver.resize(width)
                assert driver.run(WIDER) <= 0, f"{path} at {width}"
            assert driver.run("return document.querySelectorAll('main img').length") == 0
            assert driver.run("return document.title").endswith("telemetry-server")

    assert not found
