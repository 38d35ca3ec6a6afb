"""
Runs a Firefox twice against a server, in a network namespace that contains only loopback.

    unshare --map-root-user --net python -m tests.clients.firefox_session FIREFOX FOLDER
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from telemetry_server.demo.temporary_server import TemporaryServer
from tests.clients.marionette import Marionette
from tests.support.running_server import running_server, telemetry_server
from tests.support.waiting import PATIENCE_SECONDS

SET_FLAGS = 0x8914  # SIOCSIFFLAGS
IS_UP = 0x1 | 0x40
MARIONETTE_PORT = 2828

ENROL = """
Glean.normandy.enrollNimbusExperiment.record({value: "study-a", branch: "b1", experimentType: "nimbus"});
"""
# Firefox's own code for preference studies, as a recipe would call it.
STUDY = """
const {PreferenceExperiments} = ChromeUtils.importESModule(
  "resource://normandy/lib/PreferenceExperiments.sys.mjs");
await PreferenceExperiments.start({
  slug: "tulips", actionName: "PreferenceExperimentAction", branch: "control", experimentType: "exp",
  userFacingName: "Tulips", userFacingDescription: "A study of tulips.",
  preferences: {"garden.tulips": {
    preferenceValue: true, preferenceType: "boolean", preferenceBranchType: "default"}},
});
await PreferenceExperiments.stop("tulips", {resetValue: true, reason: "recipe-not-seen"});
"""
SUBMIT_CUSTOM = """
const {TelemetryController} = ChromeUtils.importESModule("resource://gre/modules/TelemetryController.sys.mjs");
const payload = {custom: "free text", scalars: {parent: {"garden.litres": 7}}};
await TelemetryController.submitExternalPing("custom-garden", payload, {addEnvironment: true});
// The stores forbid the second.
for (const addClientId of [false, true]) {
  await TelemetryController.submitExternalPing("custom-secret", payload, {addClientId, addEnvironment: true});
}
"""
STORES = """
[custom-secret]
store = "secret-store"
client_id = "forbidden"

[new-profile]
store = "new-profile"
client_id = "required"

[deletion-request]
store = "deletion-request"
client_id = "required"
"""
OPT_OUT = "Services.prefs.setBoolPref('datareporting.healthreport.uploadEnabled', false);"


def raise_loopback() -> None:
    """Activate the loopback interface, which is down in a new namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        fcntl.ioctl(anything, SET_FLAGS, struct.pack("16sh14x", b"lo", IS_UP))


@contextmanager
def firefox(program: str, profile: Path) -> Iterator[Marionette]:
    """Start a Firefox, and quit it like a user."""
    words = ["--headless", "--no-remote", "--marionette", "--remote-allow-system-access"]
    with (profile.parent / "firefox.log").open("ab") as log:
        process = subprocess.Popen(
            [program, *words, "--profile", str(profile), "about:blank"],
            stdout=log,
            stderr=log,
            env=os.environ | {"HOME": str(profile.parent)},
        )
    try:
        driver = Marionette(MARIONETTE_PORT, wait_seconds=90)
        yield driver
        driver.quit()
        process.wait(90)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(PATIENCE_SECONDS)


def settle(server: TemporaryServer, quiet_seconds: float) -> None:
    """Wait until nothing has arrived for a while."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < quiet_seconds:
        if (now := server.counted("telemetry_submissions_received_total")) != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.5)


def main(program: str, folder: Path) -> None:
    """Run once to enrol and submit; run again to send the `main` ping of the first run and to opt out."""
    raise_loopback()
    profile = folder / "profile"
    profile.mkdir()
    stores = folder / "stores.toml"
    stores.write_text(STORES)
    settings = {"unresolved_revision": "self_described", "stores_file": str(stores)}
    with running_server(folder, **settings) as server:
        written = telemetry_server(
            "point", "firefox", "--url", server.url, "--write", str(profile / "user.js")
        )
        assert written.returncode == 0, written.stderr
        with firefox(program, profile) as driver:
            driver.run(ENROL)
            driver.run(STUDY)
            driver.run(SUBMIT_CUSTOM)
            settle(server, 8)
        settle(server, 5)
        with firefox(program, profile) as driver:
            settle(server, 10)
            driver.run(OPT_OUT)
            settle(server, 12)
        settle(server, 5)
        server.wait_until_converted(server.counted("telemetry_submissions_received_total"))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
