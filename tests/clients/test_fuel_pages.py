"""The pages of Fuel-stat in real browsers: figures without scripts, and names of installations as text."""

import json

import pytest

from tests.clients.page_drivers import DRIVERS, ONE_BROWSER
from tests.clients.test_reports_page import HOSTILE, WATCH, axe, has_text, post  # noqa: F401
from tests.fuel.documents import a_structure, a_task
from tests.reports.test_serve import reports_of, served
from tests.support.running_server import result_of

PAGES = (
    "/fuel",
    "/fuel/deployment-time",
    "/fuel/server-types",
    "/fuel/distribution?of=settings",
    "/fuel/files",
    "/fuel/failures",
    "/fuel/left-out",
)


@pytest.mark.parametrize("browser", ONE_BROWSER)
def test_the_pages_of_fuel_are_accessible_and_show_figures(browser, axe, tmp_path):  # noqa: F811
    """Nothing serious by axe-core, nothing that the policy refuses, no sideways scroll."""
    structure = a_structure()
    structure["installation_structure"]["clusters"][0] |= {"status": HOSTILE, "mode": HOSTILE}
    with served(tmp_path, fuel="true") as server, DRIVERS[browser](tmp_path) as driver:
        url, edge = reports_of(server), f"http://127.0.0.1:{server.port}/api/v1"
        headers = {"Content-Type": "application/json"}
        post(f"{edge}/installation_structure/", json.dumps(structure).encode(), **headers)
        post(f"{edge}/action_logs/", json.dumps({"action_logs": [a_task(1)]}).encode(), **headers)
        result_of("fuel", "etl", "--data", str(tmp_path / "data"))
        for path in PAGES:
            driver.open(url + path)
            driver.run(WATCH)
            result = driver.run(f"{axe}; return await axe.run()")
            serious = [
                each["id"] for each in result["violations"] if each["impact"] in ("serious", "critical")
            ]
            wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert not serious, (path, serious)
            assert driver.run(wide) <= 0, path
            assert driver.run("return window.seen") == [], path
            assert driver.run("return document.querySelectorAll('main img, [style], style').length") == 0
        driver.open(f"{url}/fuel/deployment-time")
        assert has_text(driver, "2,730.0")
        driver.open(f"{url}/fuel")
        driver.run("document.querySelector('a[href=\"/fuel/statuses\"]').click()")
        driver.open(f"{url}/fuel/statuses")
        assert has_text(driver, "Environments by status.")
