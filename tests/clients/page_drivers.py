"""Real browsers that a test drives: pages are opened, and scripts run in them."""

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from telemetry_server.demo.temporary_server import free_port
from tests.clients.browsers import CHROMIUM_FLAGS, FIREFOX_PREFS
from tests.clients.marionette import Marionette

START_SECONDS = 60
TRIES = 10
Ask = Callable[[str, dict[str, Any]], Any]


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

    def back(self) -> None:
        """Go back, like the button."""
        self._ask("back", {})

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

    def press(self, key: str) -> None:
        """Press *key*, a character of the WebDriver's table of keys."""
        strokes = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self._ask("press", {"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]})

    def width(self, pixels: int) -> None:
        """Make the window so wide; Firefox has a least width of its own."""
        self._ask("width", {"width": pixels, "height": 900})

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
        request = urllib.request.Request(
            base + path, body and json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        if body == {}:
            request.data = b"{}"
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

        ask = partial(_ask_chromium, partial(_sent, send, session))

        yield PageDriver(ask)
    finally:
        if session is not None:
            request = urllib.request.Request(f"{base}/session/{session}", method="DELETE")
            with suppress(OSError):
                urllib.request.urlopen(request, timeout=20).close()
        process.terminate()
        process.wait(20)


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
    try:
        marionette = Marionette(port, wait_seconds=START_SECONDS)
        marionette.ask("Marionette:SetContext", {"value": "content"})

        yield PageDriver(partial(_ask_firefox, marionette))
        marionette.ask("Marionette:SetContext", {"value": "chrome"})
        marionette.quit()
        process.wait(60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)


def _sent(
    send: Callable[[str, dict[str, Any] | None], Any], session: str, path: str, body: dict[str, Any] | None
) -> Any:
    return send(f"/session/{session}/{path}", body)


def _ask_chromium(
    send: Callable[[str, dict[str, Any] | None], Any], command: str, parameters: dict[str, Any]
) -> Any:
    """Return what chromedriver answers to *command* of a `PageDriver`."""
    if command in ("url", "back"):
        return send(command, parameters)
    if command == "errors":
        return send("se/log", {"type": "browser"})
    if command == "source":
        return send("source", None)
    if command == "press":
        return send("actions", parameters)
    if command == "width":
        metrics = {**parameters, "deviceScaleFactor": 1, "mobile": False}
        return send("goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics})
    if command == "scripts off":
        asked = {"cmd": "Emulation.setScriptExecutionDisabled", "params": {"value": True}}
        return send("goog/cdp/execute", asked)
    if command in ("click", "type"):
        text = parameters.pop("text", "")
        (element,) = send("element", parameters).values()
        body = {} if command == "click" else {"text": text}
        return send(f"element/{element}/{'click' if command == 'click' else 'value'}", body)
    return send("execute/sync", {**parameters, "args": []})


def _ask_firefox(marionette: Marionette, command: str, parameters: dict[str, Any]) -> Any:
    """Return what Firefox answers to *command* of a `PageDriver`."""
    if command == "url":
        return marionette.ask("WebDriver:Navigate", parameters)
    if command == "back":
        return marionette.ask("WebDriver:Back", {})
    if command == "source":
        return marionette.ask("WebDriver:GetPageSource", {})["value"]
    if command == "press":
        return marionette.ask("WebDriver:PerformActions", parameters)
    if command == "width":
        return marionette.ask("WebDriver:SetWindowRect", parameters)
    if command == "errors":
        return []
    if command == "scripts off":
        marionette.ask("Marionette:SetContext", {"value": "chrome"})
        marionette.run('Services.prefs.setBoolPref("javascript.enabled", false)')
        return marionette.ask("Marionette:SetContext", {"value": "content"})
    if command in ("click", "type"):
        text = parameters.pop("text", "")
        (element,) = marionette.ask("WebDriver:FindElement", parameters)["value"].values()
        if command == "click":
            return marionette.ask("WebDriver:ElementClick", {"id": element})
        return marionette.ask("WebDriver:ElementSendKeys", {"id": element, "text": text})
    return marionette.ask("WebDriver:ExecuteScript", {**parameters, "args": []})["value"]


DRIVERS = {"chromium": chromium_driver, "firefox": firefox_driver}
