"""The pages of probes and clients in real browsers: accessible, quiet, usable by keyboard."""

import json
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from telemetry_server.demo.temporary_server import bare_environment, free_port
from tests.clients.page_drivers import BROWSERS, DRIVERS, ONE_BROWSER, PageDriver, chromium_driver
from tests.clients.test_reports_page import WATCH, axe  # noqa: F401 - a fixture
from tests.reports.probe_world import BUILDS, EXPERIMENT, HOSTILE, probe_world
from tests.reports.test_serve import answered
from tests.support.edges import wait_for
from tests.support.waiting import PATIENCE_SECONDS

PROBE = "/probes/GC_MS"
PAGES = [
    "/probes",
    "/probes?q=ms&state=all",
    f"{PROBE}?at={BUILDS[-1]}&compare=42&os=Linux",
    f"{PROBE}?experiment={EXPERIMENT}",
    f"{PROBE}?version=99",
    "/probes/CAT",
    f"/probes/{quote(HOSTILE, safe='')}",
    f"/probes/LABELLED_MS?label={quote(HOSTILE)}&limit=1",
    f"{PROBE}/pings?group={BUILDS[-1]}",
    "/clients?split=channel",
    "/clients/pings",
    f"{PROBE}?by=week&os=Linux",
    f"/search?q={quote(HOSTILE[:9])}",
]
ARROW_LEFT, ARROW_RIGHT, END, HOME, PAGE_UP, ENTER, ESCAPE, TAB = (
    *("\ue012", "\ue014", "\ue010", "\ue011", "\ue00e", "\ue007", "\ue00c", "\ue004"),
)
READOUT = "document.getElementById('evolution-readout').textContent"
ROWS = """
const cells = [...document.querySelectorAll('#evolution-numbers thead th')];
const heads = cells.map((each) => each.textContent.trim());
return [...document.querySelectorAll('#evolution-numbers tbody tr')].reverse().map((row) =>
  [...row.cells].map((cell, index) => `${heads[index]} ${cell.textContent.trim()}`).join(' · '));
"""

# The readout while the pointer is over a place of the chart.
POINT = """
const plot = document.querySelector('#evolution .plot'), box = plot.getBoundingClientRect();
const count = document.querySelectorAll('#evolution-numbers tbody tr').length;
const clientX = box.left + (({number} + 0.5) * box.width) / count;
plot.dispatchEvent(new PointerEvent('pointermove', {{ clientX, clientY: box.top + 5, bubbles: true }}));
return document.getElementById('evolution-readout').textContent;
"""

TOO_WIDE = """
const end = document.documentElement.clientWidth;
return [...document.querySelectorAll('main *')].filter((each) => each.getBoundingClientRect().right > end + 1)
  .map((each) => each.outerHTML.slice(0, 120)).slice(0, 5);
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    """The address of reports, alone, over a data root with probes."""
    folder = tmp_path_factory.mktemp("pages")
    world = probe_world(folder / "data")
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "telemetry_server", "reports"),
                *("--data", str(world.root.path), "--port", str(port)),
            ],
            env=bare_environment(),
            stdout=log,
            stderr=log,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(lambda: answered(f"{address}/__lbheartbeat__") is not None)
        yield address
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def value(driver: PageDriver, expression: str) -> object:
    """What *expression* is in the page."""
    return driver.run(f"return {expression}")


def choice(driver: PageDriver, name: str) -> str | None:
    """The value of a parameter of the page's address."""
    found = parse_qs(urlsplit(str(value(driver, "location.href"))).query).get(name)
    return found[0] if found else None


@pytest.mark.parametrize("browser", ONE_BROWSER)
def test_the_pages_are_accessible_and_quiet(browser, url, axe, tmp_path):  # noqa: F811 - the fixture
    """Nothing serious by axe-core, no policy violation, nothing from elsewhere, no sideways scroll."""
    found = {}
    with DRIVERS[browser](tmp_path) as driver:
        for theme in ("light", "dark"):
            driver.open(f"{url}/theme?theme={theme}")
            for number, path in enumerate(PAGES):
                if theme == "dark" and number % 3 != 2:
                    continue
                driver.resize(1280)
                driver.open(url + path)
                driver.run(WATCH)
                result = driver.run(f"{axe}; return await axe.run()")
                serious = [
                    (each["id"], [node["html"][:200] for node in each["nodes"][:3]])
                    for each in result["violations"]
                    if each["impact"] in ("serious", "critical")
                ]
                if serious:
                    found[theme, path] = serious
                for width in (390, 320):
                    driver.resize(width)
                    wider = value(
                        driver, "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                    )
                    assert wider <= 0, (path, width, driver.run(TOO_WIDE))
                assert value(driver, "document.querySelectorAll('[style], style, main img').length") == 0
                assert value(driver, "document.title").endswith("telemetry-server")
                assert value(driver, "window.seen") == []
                hosts = "performance.getEntriesByType('resource').map((each) => new URL(each.name).origin)"
                assert set(driver.run(f"return {hosts}")) == {url}
        if browser == "chromium":
            # The page of a wrong view is an answer with status 400, which Chromium notes.
            noted = [each for each in driver.errors() if "(Bad Request)" not in each]
            assert noted == []

    assert not found


@pytest.mark.parametrize("browser", BROWSERS)
def test_a_chart_is_read_and_pinned_by_keys(browser, url, tmp_path):
    """The readout is the row at every place, by keys and pointer; Enter pins, Back and Escape undo it."""
    with DRIVERS[browser](tmp_path) as driver:
        driver.open(url + PROBE)
        rows = driver.run(ROWS)
        assert value(driver, READOUT) == rows[-1]
        driver.run("document.getElementById('evolution').focus()")
        for row in reversed(rows):
            driver.press(ARROW_LEFT)
            assert value(driver, READOUT) == row
        driver.press(ARROW_LEFT)
        assert value(driver, READOUT) == rows[0]
        for key, row in ((END, rows[-1]), (HOME, rows[0]), (ARROW_RIGHT, rows[1]), (PAGE_UP, rows[0])):
            driver.press(key)
            assert value(driver, READOUT) == row
        assert [driver.run(POINT.format(number=number)) for number in range(len(rows))] == rows
        driver.press(END)
        driver.press(ENTER)
        wait_for(lambda: choice(driver, "at") == BUILDS[-1])
        wait_for(lambda: value(driver, "document.readyState") == "complete")
        assert value(driver, "document.querySelectorAll('line.at').length") == 1
        assert value(driver, "document.activeElement.id") == "evolution"
        assert f"of build {BUILDS[-1]}" in value(driver, "document.body.innerText")
        driver.back()
        wait_for(lambda: choice(driver, "at") is None)
        driver.open(f"{url}{PROBE}?at={BUILDS[-1]}")
        driver.run("document.getElementById('evolution').focus()")
        driver.press(ESCAPE)
        wait_for(lambda: choice(driver, "at") is None)


@pytest.mark.parametrize("browser", BROWSERS)
def test_everything_is_reached_by_tab_and_the_search_by_a_slash(browser, url, tmp_path):
    """Each place once and in order; a chart is one stop; in a field the slash is typed."""
    with DRIVERS[browser](tmp_path) as driver:
        driver.open(url + PROBE)
        stops = []
        for _ in range(120):
            driver.press(TAB)
            stop = value(
                driver, "document.activeElement.id || document.activeElement.textContent.trim().slice(0, 40)"
            )
            if stops and value(driver, "document.activeElement === document.body"):
                break
            stops.append(stop)
        named = [
            stop
            for stop in stops
            if stop in ("find", "f-channel", "f-version", "evolution", "by-samples", "by-clients")
        ]
        assert named[:6] == ["find", "f-channel", "f-version", "evolution", "by-samples", "by-clients"]
        assert stops[0] == "Skip to content"

        driver.open(url + PROBE)
        driver.press("/")
        assert value(driver, "document.activeElement.id") == "find"
        driver.press("/gc")
        assert value(driver, "document.activeElement.value") == "/gc"


@pytest.mark.slow
def test_without_scripts_tables_filters_and_links_are_there(url, tmp_path):
    """The pinned build has its line, too."""
    with chromium_driver(tmp_path, ["--blink-settings=scriptEnabled=false"]) as driver:
        driver.open(f"{url}{PROBE}?at={BUILDS[-1]}")
        counted = driver.run(
            "return ['#evolution-numbers tbody tr', 'line.at', '#by-samples rect.s1', 'form.filters select',"
            " 'a[href*=\"format=csv\"]'].map((each) => document.querySelectorAll(each).length)"
        )

    assert counted[0] == len(BUILDS)
    assert all(counted), json.dumps(counted)
