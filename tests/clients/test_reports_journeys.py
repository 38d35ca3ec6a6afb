"""What people do on the reports, in real browsers: first steps, signing in, keys, no scripts."""

import json
import subprocess
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from storage.data_root import DataRoot
from storage.disk import Disk
from telemetry_server.access.access_file import AccessFile
from telemetry_server.access.bearer_tokens import new_token
from telemetry_server.access.roles import Role
from tests.clients.page_drivers import BROWSERS, DRIVERS, PageDriver
from tests.clients.test_reports_page import WATCH, has_text, post
from tests.reports.reports_server import NOW, PASSWORD, with_access
from tests.reports.test_serve import answered, reports_of, served
from tests.support.edges import wait_for
from tests.support.waiting import PATIENCE_SECONDS

TAB = "\ue004"
WAIT_SECONDS = 60
# Elements that Tab reaches, in the order of the page; what a closed `details` hides is left out.
TABBABLE = """
return [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter((each) => !each.disabled && each.type !== "hidden")
  .filter((each) => each.checkVisibility({ visibilityProperty: true }))
"""


def path_of(driver: PageDriver) -> str:
    """The path and query of the page."""
    return str(driver.run("return location.pathname + location.search"))


def quiet(driver: PageDriver, url: str) -> bool:
    """Whether nothing was fetched elsewhere, nothing broke the policy, and the console has no error."""
    hosts = driver.run(
        "return performance.getEntriesByType('resource').map((each) => new URL(each.name).origin)"
    )
    return set(hosts) <= {url} and not driver.run("return window.seen || []") and not driver.errors()


@pytest.mark.parametrize("browser", BROWSERS)
def test_a_newcomer_finds_the_first_ping_and_what_became_of_it(browser, tmp_path):
    """From the empty page by the shown command to `explain`, back, to pings as they come, and to SQL."""
    with served(tmp_path) as server, DRIVERS[browser](tmp_path) as driver:
        url = reports_of(server)
        driver.open(f"{url}/")
        command = driver.run("return document.getElementById('first-ping').textContent")
        subprocess.run(["sh", "-c", command], check=True, capture_output=True, timeout=PATIENCE_SECONDS)
        document_id = command.split("/")[-1].split(" ")[0]
        wait_for(lambda: has_text(driver, "Newest pings") and has_text(driver, document_id), WAIT_SECONDS)
        driver.run(WATCH)
        driver.click(f"a[href='/pings/{document_id}']")
        wait_for(lambda: has_text(driver, "What happened"), WAIT_SECONDS)
        assert path_of(driver) == f"/pings/{document_id}" and quiet(driver, url)
        driver.back()
        wait_for(lambda: has_text(driver, "Newest pings"), WAIT_SECONDS)

        driver.open(f"{url}/pings?live=1&debug_id=garden")
        driver.run(WATCH)
        assert has_text(driver, "No ping matches these filters.")
        tagged = str(uuid4())
        post(
            f"http://127.0.0.1:{server.port}/submit/example/hello/1/{tagged}",
            b"{}",
            **{"X-Debug-ID": "garden"},
        )
        wait_for(lambda: has_text(driver, tagged) and has_text(driver, "1 new ping."), WAIT_SECONDS)
        assert quiet(driver, url)

        driver.open(f"{url}/sql")
        driver.type("#sql", "SELECT count(*) AS pings FROM pings")
        driver.click("#statement button.primary")
        wait_for(lambda: has_text(driver, "1 row."), WAIT_SECONDS)
        assert path_of(driver).startswith("/sql?sql=SELECT") and quiet(driver, url)
        csv = driver.run("return (await fetch(document.querySelector('.links a').href)).status")
        driver.back()
        wait_for(lambda: not has_text(driver, "1 row."), WAIT_SECONDS)
        driver.click("a.theme")
        wait_for(lambda: driver.run("return document.documentElement.dataset.theme") == "light", WAIT_SECONDS)

    assert csv == 200


@pytest.mark.parametrize("browser", BROWSERS)
def test_signing_in_and_out_and_what_is_refused(browser, tmp_path):
    """Wrong password, wrong role, an expired token, a form without its token, log-out, the back button."""
    root = DataRoot(tmp_path / "data")
    root.prepare(Disk())
    with_access(root)
    expired, text = new_token(Role.ADMIN, NOW, NOW - timedelta(seconds=1))
    AccessFile(root).change(lambda before: replace(before, tokens=(*before.tokens, expired)))
    with served(tmp_path) as server, DRIVERS[browser](tmp_path) as driver:
        url = reports_of(server)
        wait_for(lambda: answered(f"{url}/__lbheartbeat__") is not None, WAIT_SECONDS)
        driver.open(f"{url}/pings?outcome=stored")
        assert path_of(driver).startswith("/sign-in?next=")
        sign_in(driver, "a-viewer", "a guess")
        wait_for(lambda: has_text(driver, "Name or password is wrong."), WAIT_SECONDS)
        sign_in(driver, "a-viewer", PASSWORD)
        wait_for(lambda: path_of(driver) == "/pings?outcome=stored", WAIT_SECONDS)
        driver.open(f"{url}/sql")
        assert has_text(driver, "This page is for analysts. You are signed in as a-viewer (viewer).")
        links = driver.run(
            "return [...document.querySelectorAll('nav a')].map((each) => each.getAttribute('href'))"
        )
        unmeant = driver.run("return (await fetch('/sign-out', {method: 'POST'})).status")
        bearer = json.dumps({"headers": {"Authorization": f"Bearer {text}"}})
        late = driver.run(f"return (await fetch('/api/v1/status', {bearer})).status")
        driver.open(f"{url}/pings")
        driver.click("form.who button")
        wait_for(lambda: path_of(driver) == "/sign-in", WAIT_SECONDS)
        driver.back()
        wait_for(lambda: path_of(driver).startswith("/sign-in"), WAIT_SECONDS)

        driver.open(f"{url}/sign-in?next=/users")
        sign_in(driver, "a-admin", PASSWORD)
        wait_for(lambda: has_text(driver, "Add a user"), WAIT_SECONDS)
        driver.type("#expires", "90d")
        driver.click("form[aria-labelledby='create'] button")
        wait_for(lambda: has_text(driver, "The new token"), WAIT_SECONDS)
        token = driver.run("return document.getElementById('token').textContent")
        driver.open(f"{url}/users")
        is_shown_again = has_text(driver, token)

    assert "/sql" not in links and "/users" not in links
    assert (unmeant, late) == (403, 401)
    assert token.startswith("tsr_") and not is_shown_again


def sign_in(driver: PageDriver, name: str, password: str) -> None:
    """Fill in the form, and send it."""
    driver.type("#name", name)
    driver.type("#password", password)
    driver.click("form.narrow button")


@pytest.mark.parametrize("browser", BROWSERS)
def test_keys_alone_reach_everything_in_its_order(browser, tmp_path):
    """Tab stops once at each link, field, chart and table; the focus can be seen; arrows read the chart."""
    with served(tmp_path) as server, DRIVERS[browser](tmp_path) as driver:
        url = reports_of(server)
        post(f"http://127.0.0.1:{server.port}/submit/example/hello/1/{uuid4()}", b"{")
        wait_for(lambda: b"invalid_json" in (answered(f"{url}/quarantine") or b""), WAIT_SECONDS)
        for path in ("/quarantine", "/sql", "/users"):
            driver.open(url + path)
            driver.run("document.activeElement.blur()")
            count = driver.run(f"const found = (() => {{{TABBABLE}}})(); return found.length")
            seen = []
            for _ in range(count):
                driver.press(TAB)
                seen.append(
                    driver.run(
                        f"const found = (() => {{{TABBABLE}}})();"
                        "const style = getComputedStyle(document.activeElement);"
                        "return [found.indexOf(document.activeElement), style.outlineStyle !== 'none']"
                    )
                )
            assert [position for position, _ in seen] == list(range(count)), (path, seen)
            assert all(is_visible for _, is_visible in seen), path
        driver.open(f"{url}/quarantine")
        first = driver.run("return document.getElementById('readout').textContent.trim()")
        driver.run("document.querySelector('.chart').focus()")
        driver.press("\ue011")  # Home
        driver.press("\ue010")  # End
        last = driver.run("return document.getElementById('readout').textContent.trim()")

    assert first == last


@pytest.mark.parametrize("browser", BROWSERS)
def test_without_scripts_charts_tables_filters_and_statements_work(browser, tmp_path):
    """The server draws everything."""
    with served(tmp_path) as server, DRIVERS[browser](tmp_path) as driver:
        url = reports_of(server)
        post(f"http://127.0.0.1:{server.port}/submit/example/hello/1/{uuid4()}", b"{")
        wait_for(lambda: b"invalid_json" in (answered(f"{url}/quarantine") or b""), WAIT_SECONDS)
        driver.without_scripts()
        driver.open(f"{url}/quarantine")
        quarantine = driver.source()
        driver.type("#f-reason", "invalid_json")
        driver.click("form.filters button.primary")
        wait_for(lambda: "Newest first" in driver.source(), WAIT_SECONDS)
        driver.open(f"{url}/sql")
        driver.type("#sql", "SELECT 6 * 7 AS answer")
        driver.click("#statement button.primary")
        wait_for(lambda: "1 row." in driver.source(), WAIT_SECONDS)
        result = driver.source()

    assert '<rect class="s1"' in quarantine and 'id="numbers"' in quarantine
    assert ">42<" in result.replace("<bdi>", "").replace("</bdi>", "")
