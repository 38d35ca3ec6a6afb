"""Pages on paper, in forced colours, with wide text, and with very many or very long things on them."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest

from histogram_specs.buckets import exponential_bucket_starts
from telemetry_server.demo.temporary_server import bare_environment, free_port
from tests.aggregates.pings import REVISION, SPEC, TYPES, Aggregates, Main, exp, filled, histogram
from tests.clients.page_drivers import PageDriver, chromium_driver
from tests.reports.test_serve import answered
from tests.support.data_root import World
from tests.support.waiting import PATIENCE_SECONDS, wait_for

LONG = "A_VERY_LONG_NAME_" * 11 + "THE_END_MS_X"  # 199 characters
HUNDRED = exponential_bucket_starts(1, 10_000, 100)
LABELS = [f"label{number:02}" for number in range(50)]
WIDE = {"kind": "exponential", "low": 1, "high": 10_000, "n_buckets": 100}
EXTREMES = {
    "ONE_BUCKET": {"kind": "exponential", "low": 1, "high": 3000, "n_buckets": 10},
    "HUNDRED_BUCKETS": WIDE,
    "FIFTY_LABELS": {"kind": "categorical", "labels": LABELS},
    "MANY_KEYS": {"kind": "exponential", "low": 1, "high": 3000, "n_buckets": 10, "keyed": True},
    LONG: WIDE,
}
TYPES |= {
    "ONE_BUCKET": TYPES["EXP"],
    "MANY_KEYS": TYPES["EXP"],
    "HUNDRED_BUCKETS": (0, [1, 10_000], 100),
    LONG: (0, [1, 10_000], 100),
    "FIFTY_LABELS": (5, [1, 50], 51),
}
KEYS = [f"key number {number} of {'many ' * (number % 9)}" for number in range(2000)]
PROBES = {
    "ONE_BUCKET": histogram("ONE_BUCKET", {8: 5}, 40),
    "HUNDRED_BUCKETS": histogram("HUNDRED_BUCKETS", dict.fromkeys(HUNDRED, 3), 400_000),
    "FIFTY_LABELS": histogram("FIFTY_LABELS", {number: 1 + number for number in range(50)}, 1225),
    LONG: histogram(LONG, dict.fromkeys(HUNDRED[::7], 3), 400_000),
}
SPECS = {
    name: {"description": name, "expires_in_version": "never", **spec} for name, spec in EXTREMES.items()
}
PAGES = ("/", "/pings", "/probes", "/clients", "/quarantine", "/drift", "/sql", f"/probes/{LONG}")
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Labels of an axis that lie on one another.
OVERLAPS = """
const boxes = [...document.querySelectorAll('.chart svg.plot text')]
  .filter((each) => getComputedStyle(each).display !== 'none' && !each.classList.contains('change'))
  .map((each) => each.getBoundingClientRect()).sort((a, b) => a.left - b.left);
const charts = [...document.querySelectorAll('.chart')].map((each) => each.getBoundingClientRect());
return charts.flatMap((chart) => {
  const own = boxes.filter((box) => box.top >= chart.top && box.bottom <= chart.bottom + 8
    && box.left >= chart.left - 40 && box.right <= chart.right + 60);
  return own.slice(1).filter((box, at) => box.left < own[at].right && Math.abs(box.top - own[at].top) < 8)
    .map((box) => [Math.round(box.left), Math.round(own[own.indexOf(box) - 1].right)]);
});
"""
# WCAG 2.2, 1.4.12: what a reader's own style may set.
SPACED = """
for (const each of document.querySelectorAll('body *')) {
  each.style.lineHeight = '1.5'; each.style.letterSpacing = '0.12em'; each.style.wordSpacing = '0.16em';
  if (each.matches('p')) each.style.marginBottom = '2em';
}
"""
CLIPPED = """
return [...document.querySelectorAll('main *, header *')].filter((each) => {
  const style = getComputedStyle(each);
  return ['hidden', 'clip'].includes(style.overflowX) && each.scrollWidth > each.clientWidth + 1
    && each.clientWidth > 1 && !each.closest('.hidden, svg, input') && style.textOverflow !== 'ellipsis';
}).map((each) => each.outerHTML.slice(0, 100));
"""

pytestmark = pytest.mark.slow


@contextmanager
def reports_over(world: World, log) -> Iterator[str]:
    """The address of reports, alone, over a data root."""
    port = free_port()
    words = ("reports", "--data", str(world.root.path), "--port", str(port))
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "telemetry_server", *words], env=bare_environment(), stdout=out, stderr=out
        )
    try:
        wait_for(lambda: answered(f"http://127.0.0.1:{port}/__lbheartbeat__") is not None)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    """The address of reports over extremes."""
    folder = tmp_path_factory.mktemp("media")
    world = World(folder / "data")
    world.put_specs(REVISION, SPEC | SPECS)
    keys = {key: histogram("MANY_KEYS", {8: 1 + number % 5}, 9) for number, key in enumerate(KEYS)}
    pings = [
        Main(
            1, "A", 19, parent={**exp({8: 1}, 8), **PROBES}, payload={"keyedHistograms": {"MANY_KEYS": keys}}
        ),
        Main(2, "B", 20, "20261119030000", parent={**exp({21: 1}, 21), **PROBES}),
    ]
    asyncio.run(filled(world, pings))
    Aggregates(world).update()
    with reports_over(world, folder / "log") as address:
        yield address


def value(driver: PageDriver, expression: str):
    """What *expression* is in the page."""
    return driver.run(f"return {expression}")


def test_very_many_and_very_long_things_are_readable_on_a_phone(url, tmp_path):
    """1 and 100 buckets, 50 labels, 2,000 keys, a name of 199 characters: nothing is cut or overlaps."""
    with chromium_driver(tmp_path) as driver:
        for width in (390, 1280):
            driver.resize(width)
            for name in EXTREMES:
                driver.open(f"{url}/probes/{quote(name)}")
                assert value(driver, WIDER) <= 0, (name, width)
                assert driver.run(OVERLAPS) == [], (name, width)
                assert driver.run(CLIPPED) == [], (name, width)
        driver.open(f"{url}/probes/MANY_KEYS")
        shown = value(driver, "document.querySelectorAll('[aria-labelledby=keys] tbody tr').length")
        more = value(driver, "document.body.innerText.includes('1,900 more keys')")
        driver.open(f"{url}/probes/FIFTY_LABELS")
        labels = value(driver, "document.querySelectorAll('#by-samples-numbers tbody tr').length")
        driver.open(f"{url}/probes/HUNDRED_BUCKETS")
        columns = value(driver, "document.querySelectorAll('#by-samples rect.s1').length")

    assert (shown, more) == (100, True)
    assert labels >= 50
    assert columns == 100


def test_wide_text_fits_into_a_narrow_window(url, tmp_path):
    """At 320 pixels, with the spacing that readers may choose."""
    with chromium_driver(tmp_path) as driver:
        driver.resize(320)
        for path in PAGES:
            driver.open(url + path)
            driver.run(SPACED)
            assert value(driver, WIDER) <= 0, path
            assert driver.run(CLIPPED) == [], path


def test_paper_is_white_and_has_the_tables(url, tmp_path):
    """From the dark theme, too: no navigation, the colours of the light theme, every table, the address."""
    with chromium_driver(tmp_path) as driver:
        for theme in ("light", "dark"):
            driver.show_as()
            driver.open(f"{url}/theme?theme={theme}")
            driver.open(f"{url}/probes/HUNDRED_BUCKETS")
            driver.show_as("print")
            ground = value(driver, "getComputedStyle(document.documentElement).backgroundColor")
            fill = value(driver, "getComputedStyle(document.querySelector('.chart rect.s1')).fill")
            hidden = "['header.top', '.filters-box', '.links', '.readout']"
            shown = value(driver, f"{hidden}.filter((each) => document.querySelector(each)?.offsetHeight)")
            heights = value(
                driver,
                "[...document.querySelectorAll('main table')].map((each) => each.offsetHeight)",
            )
            address = value(driver, "document.querySelector('.on-paper').textContent")

            assert (ground, fill) == ("rgb(255, 255, 255)", "rgb(31, 102, 176)"), theme
            assert shown == [], theme
            assert min(heights) > 0, theme
            assert address == f"{url}/probes/HUNDRED_BUCKETS"


def test_charts_can_be_seen_in_forced_colours(url, tmp_path):
    """Text has the colour of text; bars and lines differ from the ground."""
    with chromium_driver(tmp_path) as driver:
        driver.show_as(forced_colors="active")
        driver.open(f"{url}/probes/HUNDRED_BUCKETS")
        text, canvas_text, canvas = driver.run(
            "const probe = document.body.appendChild(document.createElement('p'));"
            "probe.style.color = 'CanvasText'; probe.style.backgroundColor = 'Canvas';"
            "const own = getComputedStyle(probe);"
            "const text = getComputedStyle(document.querySelector('.chart text'));"
            "return [text.fill, own.color, own.backgroundColor]"
        )
        marks = driver.run(
            "return ['.chart rect.s1', '.chart path.s1', 'svg.cell .s1'].map((each) => {"
            " const style = getComputedStyle(document.querySelector(each));"
            " return each.includes('path') ? style.stroke : style.fill; })"
        )

    assert text == canvas_text
    assert canvas not in marks


def test_a_page_that_updates_itself_rests_while_it_is_paused(url, tmp_path):
    """It asks again when it goes on."""
    asked = "performance.getEntriesByType('resource').filter((each) => each.initiatorType === 'fetch').length"
    with chromium_driver(tmp_path) as driver:
        driver.open(f"{url}/pings?live=1&q=ffff")  # of no ping, so that it asks every 2 s
        wait_for(lambda: value(driver, asked) >= 1)
        driver.click("#pause")
        words = value(driver, "document.getElementById('pause').textContent")
        wait_for(lambda: value(driver, "document.getElementById('updated').textContent").startswith("Paused"))
        time.sleep(1)  # what was under way has come
        before = value(driver, asked)
        time.sleep(5)
        resting = value(driver, asked)
        driver.click("#pause")
        wait_for(lambda: value(driver, asked) > before)

    assert words == "Continue"
    assert resting == before


# A driver waits while a page is being loaded, so the page itself presses the buttons.
CANCEL = """
window.seen = [];
const running = document.getElementById('running'), cancel = document.getElementById('cancel');
const watch = setInterval(() => {
  if (cancel.hidden || !running.textContent) return;
  clearInterval(watch);
  window.seen.push(running.textContent);
  cancel.click();
}, 100);
setTimeout(() => document.querySelector('#statement button.primary').click(), 50);
"""


def test_a_long_statement_is_cancelled(url, tmp_path):
    """A line says for how long it runs; the button ends it, and the next statement is answered."""
    slow = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7"
    with chromium_driver(tmp_path) as driver:
        driver.open(f"{url}/sql")
        driver.type("#sql", slow)
        driver.run(CANCEL)
        wait_for(lambda: value(driver, "window.seen.length"))
        (words,) = value(driver, "window.seen")
        said = value(driver, "document.getElementById('running').textContent")
        hidden = value(driver, "document.getElementById('cancel').hidden")
        kept = value(driver, "document.getElementById('sql').value")
        driver.open(f"{url}/sql?sql=SELECT%2041%20%2B%201%20AS%20n")
        found = value(driver, "document.querySelector('main td').textContent")

    assert words.startswith("Running for ")
    assert (said, hidden, kept) == ("Cancelled.", True, slow)
    assert found == "42"
