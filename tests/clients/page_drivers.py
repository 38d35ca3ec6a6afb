"""Real browsers that a test drives: pages are opened, and scripts run in them."""

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from telemetry_server.demo.temporary_server import free_port
from tests.clients.browsers import CHROMIUM_FLAGS, FIREFOX_PREFS
from tests.clients.marionette import Marionette
from tests.support.sizes import IS_FULL
from tests.support.waiting import PATIENCE_SECONDS

BROWSERS = [
    pytest.param("chromium", marks=pytest.mark.slow),
    pytest.param("firefox", marks=pytest.mark.firefox),
]
# For what hardly depends on the browser.
ONE_BROWSER = BROWSERS if IS_FULL else BROWSERS[:1]
START_SECONDS = 60
TRIES = 10
Ask = Callable[[str, dict[str, Any]], Any]
COMMANDS_OF_CHROMIUM: dict[str, Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]] = {
    "size": lambda size: (
        "Emulation.setDeviceMetricsOverride",
        {**size, "deviceScaleFactor": 1, "mobile": False},
    ),
    "scripts off": lambda _: ("Emulation.setScriptExecutionDisabled", {"value": True}),
    "media": lambda media: ("Emulation.setEmulatedMedia", media),
    "picture": lambda _: ("Page.captureScreenshot", {"captureBeyondViewport": True}),
}
COMMANDS_OF_FIREFOX = {
    "url": "WebDriver:Navigate",
    "size": "WebDriver:SetWindowRect",
    "actions": "WebDriver:PerformActions",
    "back": "WebDriver:Back",
}


class PageDriver:
    """One window of a browser."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def open(self, url: str) -> None:
        """Show *url*; returns when it is loaded."""
        self._ask("url", {"url": url})

    def run(self, script: str) -> Any:
        """Run *script*, the body of an async function, in the page; return what it does."""
        return self._ask("run", {"script": f"return (async () => {{{script}}})()"})

    def resize(self, width: int, height: int = 900) -> None:
        """Give the window this size, in CSS pixels; Firefox has a least width."""
        self._ask("size", {"width": width, "height": height})

    def press(self, keys: str) -> None:
        """Press *keys* one after another, as a keyboard does; `Keys` of WebDriver are one character each."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._ask("actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def back(self) -> None:
        """Go back in the history."""
        self._ask("back", {})

    def show_as(self, media: str = "", **features: str) -> None:
        """Draw pages as on *media*, such as ``print``, with *features* like ``forced_colors``; Chromium."""
        listed = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self._ask("media", {"media": media, "features": listed})

    def picture(self) -> bytes:
        """Return the whole page as PNG; Chromium only."""
        return base64.b64decode(self._ask("picture", {}))

    def click(self, selector: str) -> None:
        """Click the first element that *selector* finds, also one that is replaced meanwhile."""
        for left in reversed(range(TRIES)):
            try:
                self._ask("click", {"using": "css selector", "value": selector})
                return
            except (OSError, AssertionError):
                if not left:
                    raise
                time.sleep(0.2)

    def type(self, selector: str, text: str) -> None:
        """Type *text* into the first element that *selector* finds."""
        self._ask("type", {"using": "css selector", "value": selector, "text": text})

    def without_scripts(self) -> None:
        """Run no script of a page any more."""
        self._ask("scripts off", {})

    def source(self) -> str:
        """Return the page as the browser has it now."""
        return str(self._ask("source", {}))

    def errors(self) -> list[str]:
        """Return what the browser logged as errors since the last call; Chromium only."""
        return [entry["message"] for entry in self._ask("errors", {})]


@contextmanager
def chromium_driver(folder: Path, more_flags: Sequence[str] = ()) -> Iterator[PageDriver]:
    """Chromium by chromedriver; skips the test where one of them is missing."""
    program, browser = shutil.which("chromedriver"), shutil.which("chromium")
    if program is None or browser is None:
        pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver")
    port = free_port()
    with (folder / "chromedriver.log").open("wb") as log:
        process = subprocess.Popen([program, f"--port={port}"], stdout=log, stderr=log)
    base = f"http://127.0.0.1:{port}"

    def send(path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(base + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
            return json.load(answer)["value"]

    try:
        flags = [*CHROMIUM_FLAGS, *more_flags, f"--user-data-dir={folder / 'chromium'}"]
        options = {"binary": browser, "args": flags}
        asked = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "SEVERE"}}
        wanted = {"capabilities": {"alwaysMatch": asked}}
        session = None
        deadline = time.monotonic() + START_SECONDS
        while session is None:
            try:
                session = send("/session", wanted)["sessionId"]
            except OSError:
                assert time.monotonic() < deadline, (folder / "chromedriver.log").read_text()
                time.sleep(0.2)

        def ask(command: str, parameters: dict[str, Any]) -> Any:
            if command == "url":
                return send(f"/session/{session}/url", parameters)
            if command in COMMANDS_OF_CHROMIUM:
                name, made = COMMANDS_OF_CHROMIUM[command](parameters)
                found = send(f"/session/{session}/goog/cdp/execute", {"cmd": name, "params": made})
                return found.get("data")
            if command in ("actions", "back"):
                return send(f"/session/{session}/{command}", parameters)
            if command == "source":
                return send(f"/session/{session}/source", None)
            if command in ("click", "type"):
                (element,) = send(f"/session/{session}/element", _locator(parameters)).values()
                if command == "click":
                    return send(f"/session/{session}/element/{element}/click", {})
                return send(f"/session/{session}/element/{element}/value", {"text": parameters["text"]})
            if command == "errors":
                return send(f"/session/{session}/se/log", {"type": "browser"})
            return send(f"/session/{session}/execute/sync", {**parameters, "args": []})

        yield PageDriver(ask)
    finally:
        if session is not None:
            request = urllib.request.Request(f"{base}/session/{session}", method="DELETE")
            with suppress(OSError):
                urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@contextmanager
def firefox_driver(folder: Path) -> Iterator[PageDriver]:
    """Firefox by Marionette; skips the test where it is missing."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        pytest.skip("needs Firefox: apt-get install firefox-esr")
    port = free_port()
    profile = folder / "firefox"
    profile.mkdir()
    prefs = {**FIREFOX_PREFS, "marionette.port": port}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in prefs.items()]
    (profile / "user.js").write_text("\n".join(lines) + "\n")
    words = ["--headless", "--no-remote", "--marionette", "--remote-allow-system-access"]
    with (folder / "firefox.log").open("wb") as log:
        process = subprocess.Popen(
            [program, *words, "--profile", str(profile), "about:blank"],
            stdout=log,
            stderr=log,
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        )
    marionette = None
    try:
        marionette = Marionette(port, wait_seconds=START_SECONDS)
        marionette.ask("Marionette:SetContext", {"value": "content"})

        def ask(command: str, parameters: dict[str, Any]) -> Any:
            if command in COMMANDS_OF_FIREFOX:
                return marionette.ask(COMMANDS_OF_FIREFOX[command], parameters)
            if command == "errors":
                return []  # Marionette does not hand them out
            if command == "source":
                return marionette.ask("WebDriver:GetPageSource", {})["value"]
            if command == "scripts off":
                marionette.ask("Marionette:SetContext", {"value": "chrome"})
                marionette.run('Services.prefs.setBoolPref("javascript.enabled", false)')
                return marionette.ask("Marionette:SetContext", {"value": "content"})
            if command in ("click", "type"):
                found = marionette.ask("WebDriver:FindElement", _locator(parameters))["value"]
                (element,) = found.values()
                if command == "click":
                    return marionette.ask("WebDriver:ElementClick", {"id": element})
                text = parameters["text"]
                return marionette.ask("WebDriver:ElementSendKeys", {"id": element, "text": text})
            return marionette.ask("WebDriver:ExecuteScript", {**parameters, "args": []})["value"]

        yield PageDriver(ask)
        marionette.ask("Marionette:SetContext", {"value": "chrome"})
        marionette.quit()
        process.wait(PATIENCE_SECONDS)
    finally:
        if marionette is not None:
            marionette.close()
        if process.poll() is None:
            process.kill()
            process.wait(PATIENCE_SECONDS)


def _locator(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in ("using", "value")}


DRIVERS = {"chromium": chromium_driver, "firefox": firefox_driver}
