"""
Takes the pictures of docs/reports.md: ``python -m tests.clients.screenshots docs/screenshots``.

It fills a data root with the pings of the tests, and starts the reports over it.  It needs Chromium and its
driver.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from telemetry_server.demo.temporary_server import bare_environment, free_port
from tests.clients.page_drivers import chromium_driver
from tests.reports.probe_world import BUILDS, EXPERIMENT, probe_world
from tests.reports.test_serve import answered
from tests.support.edges import wait_for
from tests.support.waiting import PATIENCE_SECONDS

PROBE = f"/probes/GC_MS?at={BUILDS[-1]}&compare=42"
# File name, path, theme, width in CSS pixels.
SHOTS = (
    ("probe-light", PROBE, "light", 1280),
    ("probe-dark", PROBE, "dark", 1280),
    ("probe-narrow", PROBE, "light", 390),
    ("branches-light", f"/probes/GC_MS?experiment={EXPERIMENT}", "light", 1280),
    ("categories-dark", "/probes/CAT", "dark", 1280),
    ("probes-light", "/probes?state=all", "light", 1280),
    ("probes-dark-narrow", "/probes", "dark", 390),
    ("clients-light", "/clients", "light", 1280),
    ("clients-dark-narrow", "/clients", "dark", 390),
    ("search-light", "/search?q=ms", "light", 1280),
)


def main(folder: Path) -> None:
    """Write a PNG file for each of `SHOTS` into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        world = probe_world(Path(work) / "data")
        port = free_port()
        words = ("reports", "--data", str(world.root.path), "--port", str(port))
        process = subprocess.Popen([sys.executable, "-m", "telemetry_server", *words], env=bare_environment())
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(lambda: answered(f"{url}/__lbheartbeat__") is not None)
            _take(url, folder, Path(work))
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def _take(url: str, folder: Path, work: Path) -> None:
    with chromium_driver(work) as driver:
        for name, path, theme, width in SHOTS:
            driver.open(f"{url}/theme?theme={theme}")
            driver.resize(width)
            driver.open(url + path)
            driver.resize(width, int(driver.run("return document.documentElement.scrollHeight")))
            (folder / f"{name}.png").write_bytes(driver.picture())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
