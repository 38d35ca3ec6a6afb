"""Generates payloads: the classic one of version 1, and the unified main ping."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from random import Random
from typing import Any
from uuid import UUID

from telemetry_server.generator.definitions import Definitions
from telemetry_server.generator.histograms import verbose_histogram

HISTOGRAMS_PER_PING = 200
CHANNELS = ("release", "release", "release", "beta", "aurora", "nightly")
VERSIONS = ("23.0.1", "24.0", "25.0", "25.0.1", "26.0")
UNIFIED_VERSIONS = ("54.0", "54.0.1", "55.0", "55.0.3", "56.0")
SYSTEMS = (("WINNT", "6.1"), ("WINNT", "6.1"), ("WINNT", "10.0"), ("Darwin", "12.5.0"), ("Linux", "3.11.0"))
LOCALES = ("en-US", "en-US", "de", "fr", "pt-BR", "ja", "pl", "zh-CN")
WORDS = ("signons", "places", "cookies", "formhistory", "content-prefs", "addons", "webapps", "indexeddb")
ADDON_KEYS = ("flashblock@example.org", "{5a2f7c60-11d3-4b8e-9d17-4f7a5c1e0d42}", "größe@example.org")


class Layout(StrEnum):
    """The two layouts of payloads with histograms."""

    CLASSIC = "classic"
    UNIFIED = "unified"


# Pings are of one of so many builds.
BUILDS, BETWEEN_BUILDS = 3, timedelta(days=42)
FIRST_BUILDS = {Layout.CLASSIC: date(2013, 1, 1), Layout.UNIFIED: date(2017, 1, 1)}


@dataclass(slots=True)
class Draft:
    """A valid ping, before a fault may be put into it."""

    document_id: str
    layout: Layout
    payload: dict[str, Any]
    path: str

    @property
    def section(self) -> dict[str, Any]:
        """The object that contains ``info`` and ``histograms``."""
        return self.payload if self.layout is Layout.CLASSIC else self.payload["payload"]

    @property
    def histograms(self) -> dict[str, Any]:
        """The histograms of the main process."""
        return self.section["histograms"]  # type: ignore[no-any-return]

    def histogram_count(self) -> int:
        """The number of all histograms; each key of a keyed histogram counts."""
        processes = self.section.get("processes", {}).values()
        holders = [self.section, *processes]
        plain = sum(len(holder.get("histograms", {})) for holder in holders)
        return plain + sum(
            len(keys) for holder in holders for keys in holder.get("keyedHistograms", {}).values()
        )


def uuid_of(chance: Random) -> str:
    """Return a random UUID of version 4."""
    return str(UUID(int=chance.getrandbits(128), version=4))


def _build_id(chance: Random, first_build: date) -> str:
    day = first_build + chance.randrange(BUILDS) * BETWEEN_BUILDS
    return f"{day:%Y%m%d}{chance.choice(('030204', '113522', '004004'))}"


def _some_histograms(chance: Random, definitions: Definitions, count: int) -> dict[str, Any]:
    specs = chance.sample(definitions.plain, min(count, len(definitions.plain)))
    return {spec.name: verbose_histogram(chance, spec) for spec in sorted(specs, key=lambda spec: spec.name)}


def _keyed_histograms(chance: Random, definitions: Definitions) -> dict[str, Any]:
    return {
        spec.name: {
            key: verbose_histogram(chance, spec) for key in ADDON_KEYS[: chance.randint(1, len(ADDON_KEYS))]
        }
        for spec in definitions.keyed
    }


def _simple_measurements(chance: Random) -> dict[str, Any]:
    at = chance.randint(30, 90)
    found: dict[str, Any] = {"uptime": chance.randint(1, 3000), "start": at}
    for name in ("main", "selectProfile", "afterProfileLocked", "createTopLevelWindow", "firstPaint"):
        at += chance.randint(10, 1500)
        found[name] = at
    return found


def _slow_sql(chance: Random) -> dict[str, Any]:
    def statement() -> str:
        table = chance.choice(WORDS)
        return f"SELECT name, value FROM {table} WHERE id = :id{chance.randint(1, 99)} /* {table}.sqlite */"  # noqa: S608

    return {
        "mainThread": {
            statement(): [chance.randint(1, 9), chance.randint(51, 900)] for _ in range(chance.randint(0, 6))
        },
        "otherThreads": {
            statement(): [chance.randint(1, 60), chance.randint(100, 9000)]
            for _ in range(chance.randint(5, 25))
        },
    }


def _hangs(chance: Random) -> dict[str, Any]:
    modules = [[f"lib{word}.so", f"{chance.getrandbits(132):033X}"] for word in WORDS]
    # In real pings the same few functions hang repeatedly.
    frames = [[chance.randrange(len(modules)), chance.randrange(2**24)] for _ in range(150)]
    stacks = [chance.choices(frames, k=chance.randint(20, 60)) for _ in range(chance.randint(60, 120))]
    durations = [chance.randint(1, 30) for _ in stacks]
    return {"memoryMap": modules, "stacks": stacks, "durations": durations}


def _classic(chance: Random, definitions: Definitions, first_build: date) -> tuple[dict[str, Any], str]:
    system, system_version = chance.choice(SYSTEMS)
    info = {
        "reason": chance.choice(("idle-daily", "saved-session", "saved-session")),
        "OS": system,
        "version": system_version,
        "appID": "{ec8030f7-c20a-464f-9b0e-13a3a9e97384}",
        "appName": "Firefox",
        "appVersion": chance.choice(VERSIONS),
        "appBuildID": _build_id(chance, first_build),
        "appUpdateChannel": chance.choice(CHANNELS),
        "revision": definitions.revision_url,
        "locale": chance.choice(LOCALES),
        "arch": chance.choice(("x86", "x86-64")),
        "cpucount": chance.choice((1, 2, 4, 8)),
        "memsize": chance.choice((447, 2047, 4095, 8191)),
        "adapterDescription": chance.choice(("Grafikkarte für Büros", "Generic display adapter")),
        "addons": "testpilot%40labs.mozilla.com:1.2.2",
        "flashVersion": "11.8.800.94",
    }
    payload = {
        "ver": 1,
        "clientID": uuid_of(chance),
        "simpleMeasurements": _simple_measurements(chance),
        "histograms": _some_histograms(chance, definitions, HISTOGRAMS_PER_PING),
        "slowSQL": _slow_sql(chance),
        "chromeHangs": _hangs(chance),
        "lateWrites": {"memoryMap": [], "stacks": []},
        "addonHistograms": {},
        "info": info,
    }
    names = ("reason", "appName", "appVersion", "appUpdateChannel", "appBuildID")
    return payload, "/".join(str(info[name]) for name in names)


def _unified(chance: Random, definitions: Definitions, first_build: date) -> tuple[dict[str, Any], str]:
    version, build = chance.choice(UNIFIED_VERSIONS), _build_id(chance, first_build)
    channel = chance.choice(CHANNELS)
    application = {
        "name": "Firefox",
        "vendor": "Mozilla",
        "version": version,
        "displayVersion": version,
        "buildId": build,
        "channel": channel,
        "architecture": "x86-64",
        "platformVersion": version,
        "xpcomAbi": "x86_64-gcc3",
    }
    section = {
        "ver": 4,
        "info": {
            "reason": chance.choice(("shutdown", "daily", "environment-change")),
            "revision": definitions.revision_url,
            "sessionId": uuid_of(chance),
            "subsessionId": uuid_of(chance),
            "subsessionCounter": chance.randint(1, 40),
            "sessionLength": chance.randint(60, 86400),
            "timezoneOffset": 60,
        },
        "simpleMeasurements": _simple_measurements(chance),
        "histograms": _some_histograms(chance, definitions, HISTOGRAMS_PER_PING // 2),
        "keyedHistograms": _keyed_histograms(chance, definitions),
        "processes": {
            "parent": {"scalars": {"browser.engagement.total_uri_count": chance.randint(1, 900)}},
            "content": {
                "histograms": _some_histograms(chance, definitions, HISTOGRAMS_PER_PING // 2),
                "keyedHistograms": _keyed_histograms(chance, definitions),
            },
        },
        "chromeHangs": _hangs(chance),
        "slowSQL": _slow_sql(chance),
    }
    payload = {
        "type": "main",
        "version": 4,
        "creationDate": "2017-09-28T09:12:44.091Z",
        "clientId": uuid_of(chance),
        "application": application,
        "environment": {
            "build": {"applicationName": "Firefox", "buildId": build, "version": version},
            "settings": {"locale": chance.choice(LOCALES), "e10sEnabled": True},
            "system": {"os": {"name": "Linux", "version": "4.9"}, "memoryMB": 7870, "gfx": {"adapters": []}},
        },
        "payload": section,
    }
    return payload, f"main/Firefox/{version}/{channel}/{build}"


def draft(
    chance: Random, definitions: Definitions, layout: Layout, newest_build: date | None = None
) -> Draft:
    """Return a random valid ping; *newest_build* is the day of its newest possible build."""
    make: Callable[[Random, Definitions, date], tuple[dict[str, Any], str]]
    make = _classic if layout is Layout.CLASSIC else _unified
    first_build = FIRST_BUILDS[layout]
    if newest_build is not None:
        first_build = newest_build - (BUILDS - 1) * BETWEEN_BUILDS
    document_id = uuid_of(chance)
    payload, dimensions = make(chance, definitions, first_build)
    if layout is Layout.UNIFIED:
        payload["id"] = document_id
    return Draft(document_id, layout, payload, f"/submit/telemetry/{document_id}/{dimensions}")
