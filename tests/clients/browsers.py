"""Opens pages of another origin in real browsers, headless and with a new profile."""

import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import PATIENCE_SECONDS

SEEN_SECONDS = 90
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Servers in tests have self-signed certificates.
    "--ignore-certificate-errors",
)
# Only the page may be fetched.
FIREFOX_PREFS = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.region.update.enabled": False,
    "browser.safebrowsing.blockedURIs.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.update": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "",
    "toolkit.telemetry.unified": False,
}


class _Page(SimpleHTTPRequestHandler):
    """Serves a folder, and puts reports of the page into a queue."""

    def __init__(self, *args: Any, seen: "queue.Queue[Any]", **options: Any) -> None:
        self.seen = seen
        super().__init__(*args, **options)

    def do_POST(self) -> None:
        self.seen.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class PageServer:
    """Serves the pages of a folder from an origin of its own, and receives their reports."""

    def __init__(self, port: int, seen: "queue.Queue[Any]") -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self._seen = seen

    def report(self) -> Any:
        """Return the report of the page; raises `queue.Empty` if it does not arrive in time."""
        return self._seen.get(timeout=SEEN_SECONDS)


@contextmanager
def serving_pages(folder: Path) -> Iterator[PageServer]:
    """Serve the files of *folder* on a free port."""
    seen: queue.Queue[Any] = queue.Queue()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Page, directory=str(folder), seen=seen))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield PageServer(server.server_port, seen)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def chromium_command(url: str, profile: Path) -> list[str]:
    """Return the command with which Chromium opens *url*; skip the test if it is not installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    return [program, *CHROMIUM_FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", url]


def firefox_command(url: str, profile: Path) -> list[str]:
    """Return the command with which Firefox opens *url*; skip the test if it is not installed."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        pytest.skip("needs Firefox: apt-get install firefox-esr")
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in FIREFOX_PREFS.items()]
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "user.js").write_text("\n".join(lines) + "\n")
    return [program, "--headless", "--no-remote", "--profile", str(profile), url]


COMMANDS: dict[str, Callable[[str, Path], list[str]]] = {
    "chromium": chromium_command,
    "firefox": firefox_command,
}


@contextmanager
def open_page(browser: str, url: str, folder: Path) -> Iterator[None]:
    """Open *url* in *browser*, with a new profile below *folder*."""
    command = COMMANDS[browser](url, folder / "profile")
    with (folder / "browser.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "TZ": "Asia/Kolkata"},
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
