"""One hostile text in every field that a client can send, in pings of every kind, as a data root."""

import asyncio
import gzip
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from histogram_specs.revision import Revision
from storage.raw.submission import Submission
from telemetry_server.probes.stores import parse_stores
from tests.flow.test_normandy import UPTAKE_SPEC, an_event_ping, enrolment, uptake
from tests.probes.samples import SCALARS
from tests.support.data_root import NOON, REVISION, SPEC, World, a_ping, an_id

# A formula, markup, a title and colours of a terminal, DEL, C1, directions, separators, line ends, a tag.
HOSTILE = (
    '=HYPERLINK("http://evil.example")<img src=x onerror=alert(1)>"\'&</script><script>alert(2)</script>'
    "\x1b]0;owned\x07\x1b[31m\x7f\x9b1m\x85\u202eevil\u2066\u200f\u2028\u2029\r\n\t\U000e0041"
)
IN_HEADERS = "=1+1<img src=x>\x7f\x9b1m\x85"  # what HTTP allows of it
CLIENT = "c0ffee00-1234-4abc-8def-0123456789ab"
URL = f"https://hg.mozilla.org/{REVISION.repository}/rev/{REVISION.changeset}"
CLASSIC, UNIFIED, GLEAN, UPTAKES, GENERIC, ELSEWHERE, VIOLATION = range(1, 8)
NOT_JSON, LATE_PATH, CUSTOM = 20, 21, 22
STORES = b"[custom]\nstore = 'side'\nclient_id = 'allowed'\n"


def poisoned(value: Any) -> Any:
    """Return *value* with the text in place of every string, and as a key of every object."""
    if isinstance(value, dict):
        return {name: poisoned(each) for name, each in value.items()} | {HOSTILE: HOSTILE}
    if isinstance(value, list):
        return [poisoned(each) for each in value]
    return HOSTILE if isinstance(value, str) else value


def _submission(ping: Any, number: int, *, path: str | None = None) -> Submission:
    body = ping if isinstance(ping, bytes) else orjson.dumps(ping)
    names = ("user-agent", "x-debug-id", "x-source-tags", "date", "x-pingsender-version", "dnt")
    return Submission(
        received_at=NOON,
        path=path or f"/submit/telemetry/{an_id(number)}",
        body=gzip.compress(body, 1, mtime=0),
        query=IN_HEADERS,
        host=IN_HEADERS,
        method="POST",
        headers=dict.fromkeys(names, IN_HEADERS),
    )


def _classic() -> dict[str, Any]:
    ping = a_ping(CLASSIC)
    revision, sent = ping["info"]["revision"], ping["histograms"]
    ping = poisoned(ping) | {"clientID": HOSTILE, "metadata": {HOSTILE: HOSTILE}}
    ping["info"] |= {"revision": revision, "OS": HOSTILE, "locale": HOSTILE}
    ping["histograms"] = {**sent, HOSTILE: sent["PLAIN_FLAG"]}
    return ping


def _main(kind: str) -> dict[str, Any]:
    names = ("buildId", "name", "version", "vendor", "platformVersion", "xpcomAbi", "channel", "architecture")
    events = [[1, HOSTILE, HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE}]]
    sent = a_ping(1)["histograms"]
    return {
        "type": kind,
        "version": 4,
        "clientId": CLIENT,
        "id": HOSTILE,
        "application": dict.fromkeys(names, HOSTILE),
        "environment": {
            "build": dict.fromkeys(names, HOSTILE),
            "system": {"os": {"name": HOSTILE, "version": HOSTILE, "locale": HOSTILE}},
            "settings": {"locale": HOSTILE},
            "experiments": {HOSTILE: {"branch": HOSTILE, "type": HOSTILE}},
        },
        "payload": {
            "info": {"revision": URL, "reason": HOSTILE, "sessionId": HOSTILE, "subsessionId": HOSTILE},
            "histograms": {**sent, HOSTILE: sent["PLAIN_FLAG"], f"{HOSTILE}2": HOSTILE},
            "keyedHistograms": {HOSTILE: {HOSTILE: sent["PLAIN_FLAG"]}},
            "processes": {
                "parent": {
                    "scalars": {HOSTILE: HOSTILE, "garden.weather.note": HOSTILE},
                    "keyedScalars": {"garden.weather.by_bed": {HOSTILE: 1}, HOSTILE: {HOSTILE: HOSTILE}},
                    "events": events,
                },
                HOSTILE: {"histograms": {HOSTILE: {HOSTILE: HOSTILE}}, "scalars": {HOSTILE: 1}},
            },
        },
    }


def _glean() -> dict[str, Any]:
    names = ("app_build", "app_channel", "app_display_version", "architecture", "os", "os_version", "locale")
    return {
        "client_info": dict.fromkeys(names, HOSTILE) | {"client_id": CLIENT, HOSTILE: HOSTILE},
        "ping_info": {"seq": 1, "reason": HOSTILE, "experiments": {HOSTILE: {"branch": HOSTILE}}},
        "metrics": {
            "string": {HOSTILE: HOSTILE},
            "counter": {HOSTILE: 1},
            "labeled_counter": {HOSTILE: {HOSTILE: 1}},
        },
        "events": [
            {"timestamp": 1, "category": HOSTILE, "name": HOSTILE, "extra": {HOSTILE: HOSTILE}},
            {
                "timestamp": 2,
                "category": "normandy",
                "name": "enroll_preference_study",
                "extra": {"value": HOSTILE, "branch": HOSTILE, "reason": HOSTILE},
            },
        ],
    }


def submissions() -> list[Submission]:
    """Return pings of every kind and outcome."""
    spelled = quote(HOSTILE, safe="")
    elsewhere = poisoned(a_ping(ELSEWHERE))
    elsewhere["info"]["revision"] = f"https://hg.mozilla.org/mozilla-central/rev/{'f' * 12}"
    events = an_event_ping(
        CLIENT,
        uptake(1, "apply_error", "normandy/recipe/9", **{HOSTILE: HOSTILE}),
        uptake(2, HOSTILE, f"normandy/recipe/{HOSTILE}"),
        enrolment(3, "enroll", HOSTILE, branch=HOSTILE, reason=HOSTILE, enrollmentId=HOSTILE),
    )
    dimensions = f"main/{spelled}/{spelled}/{spelled}/{spelled}"
    return [
        _submission(_classic(), CLASSIC),
        _submission(_main("main"), UNIFIED),
        _submission(_main("custom"), CUSTOM),
        _submission(_glean(), GLEAN, path=f"/submit/firefox-desktop/events/1/{an_id(GLEAN)}"),
        _submission(events, UPTAKES),
        _submission(poisoned({"greeting": "x"}), GENERIC, path=f"/submit/garden/hello/1/{an_id(GENERIC)}"),
        _submission(elsewhere, ELSEWHERE),
        _submission({"version": 4, "type": HOSTILE, "application": {HOSTILE: HOSTILE}}, VIOLATION),
        _submission(b'{"' + HOSTILE.encode() + b'": ', NOT_JSON),
        _submission(
            _main("main") | {"n": 2}, LATE_PATH, path=f"/submit/telemetry/{an_id(LATE_PATH)}/{dimensions}"
        ),
        _submission({}, 0, path=f"/submit/{spelled}/{spelled}/1/{an_id(30)}"),
        _submission({}, 0, path=f"/submit/telemetry/{HOSTILE}"),
        _submission({}, 0, path=f"/submit/telemetry/{an_id(31)}/{HOSTILE}"),
        _submission(_classic() | {"again": HOSTILE}, CLASSIC),  # another ping under a known id
    ]


def hostile_world(folder: Path) -> World:
    """Return a data root that has converted all of them, and one that waits."""
    world = World(folder, stores=parse_stores(STORES))
    world.put_specs(REVISION, SPEC | UPTAKE_SPEC)
    place = world.root.specs / REVISION.repository
    next(place.rglob("*.json")).with_name("Scalars.yaml").write_bytes(SCALARS)
    world.receive(submissions())
    asyncio.run(world.convert())
    world.receive([_submission(poisoned(a_ping(40, revision=Revision("mozilla-central", "e" * 12))), 40)])
    return world
