"""
Mozilla's Measurement Dashboard, unmodified, in Chromium on this server.

``TELEMETRY_DASHBOARD`` names a checkout of it (commit 3781615); its libraries come from npm.
"""

import asyncio
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.disk import Disk
from telemetry_server.aggregates.update import Updater
from telemetry_server.demo.temporary_server import bare_environment, free_port
from tests.aggregates.pings import (
    LINUX,
    MAC,
    REVISION,
    SPEC,
    WINDOWS,
    Aggregates,
    Main,
    exp,
    filled,
    histogram,
)
from tests.clients.dashboard_hosts import PACKAGES, PAGES, dashboard_hosts
from tests.clients.page_drivers import chromium_driver
from tests.reports.test_serve import answered
from tests.support.certificates import make_pair
from tests.support.data_root import World
from tests.support.waiting import PATIENCE_SECONDS, wait_for

pytestmark = pytest.mark.slow

BUILDS = [f"202611{day}030000" for day in (10, 11, 12, 13, 14)]
MEASURES = ("EXP", "LIN", "BOOL", "FLAG", "ENUM4", "CAT", "KEXP", "SCALARS_A.COUNT")
DESCRIPTION = "a <b>bold</b> & <script>document.title='run'</script>"
MARKUP = "<img src=x onerror=document.title='run'>"
PINGS = 200
INSTALL_SECONDS, SHOWN_SECONDS = 120, 60


def checkout() -> Path:
    """The checkout of the dashboard."""
    named = os.environ.get("TELEMETRY_DASHBOARD")
    if not named:
        pytest.skip("TELEMETRY_DASHBOARD names no checkout of mozilla/telemetry-dashboard")
    path = Path(named)
    if not (path / "new-pipeline" / "dist.html").is_file():
        pytest.skip(f"TELEMETRY_DASHBOARD: {path} has no new-pipeline/dist.html")
    return path


@pytest.fixture(scope="module")
def libraries(tmp_path_factory) -> Path:
    """The dashboard's libraries; TELEMETRY_DASHBOARD_LIBRARIES names a folder of packages that is there."""
    checkout()
    if ready := os.environ.get("TELEMETRY_DASHBOARD_LIBRARIES"):
        return Path(ready)
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("libraries")
    install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES]
    try:
        subprocess.run(install, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"the dashboard's libraries cannot be installed here: {type(error).__name__}")
    return folder / "node_modules"


def a_main(number: int) -> Main:
    """Ping *number* of a few hundred."""
    chance = random.Random(number)
    values = {start: chance.randint(0, 5) for start in (0, 1, 3, 8, 21, 57, 154)}
    trues = chance.randint(0, 4)
    return Main(
        number,
        "ABCDEFGHIJKLMNOP"[number % 16],
        chance.choice((15, 16)),
        BUILDS[number % len(BUILDS)],
        (MARKUP, "1") if number == 7 else chance.choice((WINDOWS, MAC, LINUX)),
        parent={
            **exp(values, sum(start * count for start, count in values.items()) + 3),
            "LIN": histogram("LIN", {0: chance.randint(0, 3), 1: 2, 7: chance.randint(0, 2)}, 20),
            "BOOL": histogram("BOOL", {0: 2, 1: trues}, trues),
            "FLAG": histogram("FLAG", {0: 0, 1: 1}, 1),
            "ENUM4": histogram("ENUM4", {chance.randint(0, 4): 3}, 6),
            "CAT": histogram("CAT", {chance.randint(0, 2): 2}, 2),
        },
        content=exp({1: 2}, 2) if chance.random() < 0.5 else {},
        payload={"keyedHistograms": {"KEXP": {"alpha": histogram("KEXP", {8: chance.randint(1, 3)}, 30)}}},
        scalars={"a.count": chance.randint(0, 300)},
    )


@pytest.fixture(scope="module")
def aggregates(tmp_path_factory) -> Aggregates:
    """200 pings of five builds."""
    checkout()
    world = World(tmp_path_factory.mktemp("dashboard") / "data")
    world.put_specs(REVISION, {**SPEC, "EXP": {**SPEC["EXP"], "description": DESCRIPTION}})
    asyncio.run(filled(world, [a_main(number) for number in range(PINGS)]))
    Updater(world.root, Disk()).update()
    return Aggregates(world)


@contextmanager
def reports_alone(data: Path) -> Iterator[str]:
    """Run the reports; yield their address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "telemetry_server", "reports", "--data", str(data), "--port", str(port)],
        env=bare_environment() | {"TELEMETRY_REPORTS_CORS_ORIGINS": "*"},
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: answered(f"{url}/__lbheartbeat__") is not None)
        yield url
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def browser(aggregates, libraries, tmp_path_factory):
    """Chromium, for which all hosts are on this machine; and what the reports are asked."""
    folder = tmp_path_factory.mktemp("browser")
    certificate = make_pair(folder, PAGES)
    with (
        reports_alone(aggregates.world.root.path) as url,
        dashboard_hosts(checkout(), libraries, url, certificate) as (port, asked),
    ):
        rules = f"--host-resolver-rules=MAP * 127.0.0.1:{port}, EXCLUDE 127.0.0.1"
        with chromium_driver(folder, [rules]) as driver:
            yield driver, asked


def shown(browser, page: str, state: str, ready: str) -> None:
    """Open a page of the dashboard, and wait until the script *ready* is true."""
    driver, asked = browser
    driver.open("about:blank")
    driver.errors()
    asked.clear()
    driver.open(f"https://{PAGES}/new-pipeline/{page}#!{state}")
    deadline = time.monotonic() + SHOWN_SECONDS
    while not driver.run(f"return Boolean({ready})"):
        assert time.monotonic() < deadline, driver.errors()
        time.sleep(0.2)


def exceptions(driver) -> list[str]:
    """What scripts of the page threw."""
    return [error for error in driver.errors() if "Uncaught" in error or "Assertion" in error]


SELECTED = "max_channel_version=nightly%2F42&sanitize=0&table=0&trim=0"


@pytest.mark.parametrize("measure", MEASURES)
def test_the_distribution_page_shows_our_numbers(measure, aggregates, browser):
    """Samples, instances and sum are ours; percentiles are of the page's own arithmetic over our counts."""
    driver, asked = browser
    shown(
        browser,
        "dist.html",
        f"{SELECTED}&measure={measure}",
        "window.$ && gCurrentHistogramsList && gCurrentHistogramsList.length && $('#prop-count').text()",
    )
    found = driver.run(
        "const each = gCurrentHistogramsList[0].histograms[0];"
        "return {values: each.values, kind: each.kind, count: each.count, sum: each.sum,"
        " submissions: each.submissions, buckets: each.buckets,"
        " p: [5, 25, 50, 75, 95].map((p) => each.percentile(p))}"
    )
    row = aggregates.row("42", measure, by="version")

    assert exceptions(driver) == []
    assert driver.run("return document.title") != "run"
    assert found["count"] == row["samples"]
    assert found["submissions"] == row["instances"]
    assert found["sum"] == row["sum"]
    values = row["counts"][: len(found["values"])]
    assert found["values"] == values
    if found["kind"] in ("linear", "exponential"):
        expected = [page_percentile(found, p) for p in (5, 25, 50, 75, 95)]
        assert found["p"] == pytest.approx(expected)
    first = [path.partition("?")[0] for path in asked]
    assert first[:3] == [
        "/aggregates_by/build_id/channels/",
        "/aggregates_by/build_id/channels/nightly/dates/",
        "/aggregates_by/submission_date/channels/nightly/dates/",
    ]
    assert {"/filters/", "/aggregates_by/build_id/channels/nightly/"} <= set(first)


def page_percentile(found, p: int) -> float:
    """The page's percentile: every bucket is as wide as the last, and a tie goes up."""
    buckets, kind = found["buckets"], found["kind"]
    is_linear = kind == "linear"
    last, before = buckets[-1], buckets[-2]
    end = last + last - before if is_linear else last * last / before
    left = sum(found["values"]) * (p / 100)
    position = 0
    while left >= 0:
        left -= found["values"][position]
        position += 1
    position -= 1
    left += found["values"][position]
    share = left / found["values"][position]
    return (
        buckets[position] + (end - last) * share if is_linear else buckets[position] * (end / last) ** share
    )


@pytest.mark.parametrize("measure", MEASURES)
def test_the_evolution_page_draws_every_build(measure, browser):
    """No script fails, and the chart is there."""
    driver, _ = browser
    shown(
        browser,
        "evo.html",
        f"aggregates=5th-percentile!25th-percentile!median&{SELECTED}&measure={measure}"
        "&min_channel_version=nightly%2F42",
        "window.$ && $('#evolutions svg, #submissions svg').length",
    )

    assert exceptions(driver) == []
    assert driver.run("return document.title") != "run"


def test_systems_are_compared_without_running_their_names(browser):
    """One request for each system; a name with markup is OTHER."""
    driver, asked = browser
    shown(
        browser,
        "dist.html",
        f"{SELECTED}&measure=EXP&compare=os",
        "window.$ && gCurrentHistogramsList && gCurrentHistogramsList.length",
    )
    names = driver.run("return gCurrentHistogramsList[0].histograms.map((each) => each.measure)")

    assert exceptions(driver) == []
    assert driver.run("return document.title") != "run"
    assert not any("<" in name for name in names)
    assert any("OTHER" in path for path in asked)


def test_a_missing_measure_is_no_data(browser):
    """404 is borne."""
    driver, _ = browser
    shown(
        browser,
        "dist.html",
        f"{SELECTED}&measure=NOPE",
        "window.$ && window.gCurrentHistogramsList !== null && !$('.busy-indicator').is(':visible')",
    )

    assert exceptions(driver) == []
