"""
A seeded world of studies and recipes: clients that enter and leave studies, and what they report.

It keeps books of its own while it makes events, so that every figure of a report has a known answer.
"""

import gzip
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

import orjson

from telemetry_server.generator.stream import Expected, GeneratedPing

FIRST_START_MS = 1_795_132_800_000  # 2026-11-20, midnight UTC
MINUTE_MS, DAY_MS = 60_000, 86_400_000
FILLER = "__NO_ENROLLMENT_ID__"  # sent in place of an id by clients that opted out
EVENT, GLEAN = "event", "glean"
KIND = "normandy"
BUILD = "20261001000000"

_WORDS = {
    "runner": ("success", "network_error", "server_error"),
    "action": ("success", "network_error", "custom_1_error", "custom_2_error"),
    "recipe": ("success", "backoff", "apply_error", "content_error", "download_error"),
}
_ACTIONS = ("addon-study", "preference-experiment", "show-heartbeat")
_RECIPES = ("7", "88", "259")


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """How clients of one study behave."""

    object: str
    slug: str
    branches: tuple[str, ...] = ()
    has_id: bool = False  # enrolments have an enrollmentId
    says_branch: bool = False  # unenrolments name the branch too
    leaving: str = ""  # the object of the unenrolment, where it is another one
    name: str = ""  # under which clients leave, where it is another one
    addon_id: str = ""
    reasons: tuple[str, ...] = ("recipe-not-seen", "unknown")
    graduates: bool = False
    fails: bool = True


STUDIES = (
    StudyPlan("preference_study", "tulips", ("control", "treatment")),
    StudyPlan("preference_study", "moss-2", ("a", "b", "c"), reasons=("user-preference-changed",)),
    StudyPlan(
        "addon_study",
        "soil-slug",
        name="Soil study",
        addon_id="soil@example.org",
        reasons=("individual-opt-out", "uninstalled"),
    ),
    StudyPlan("addon_study", "rain", addon_id="rain@example.org", reasons=("install-failure",)),
    StudyPlan("addon_study", "hail", ("x", "y"), has_id=True, says_branch=True, addon_id="hail@example.org"),
    StudyPlan("preference_study", "fern", ("control", "treatment"), has_id=True, says_branch=True),
    StudyPlan("preference_study", "ivy", ("on", "off"), has_id=True),
    StudyPlan(
        "preference_rollout", "light", leaving="preference_rollback", reasons=("rollback",), graduates=True
    ),
    StudyPlan("addon_rollout", "shade", leaving="addon_rollback", addon_id="shade@example.org", has_id=True),
    StudyPlan("nimbus_experiment", "pond", ("control", "treatment"), has_id=True, says_branch=True),
    StudyPlan("nimbus_experiment", "=reed<b>", ("control",), reasons=("=cmd()",)),
    StudyPlan("preference_study", "g" * 80, ("control", "treatment")),  # as long as a text may be
)


@dataclass(slots=True)
class StudyCounts:
    """What came of one study by one carrier."""

    counts: Counter[str] = field(default_factory=Counter)
    enrolled_by_branch: Counter[str] = field(default_factory=Counter)
    left_by_branch: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    orphan_reasons: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class NormandyWorld:
    """Pings in the order of their arrival, and the right answers about them."""

    pings: list[GeneratedPing] = field(default_factory=list)
    studies: dict[tuple[str, str, str], StudyCounts] = field(default_factory=dict)
    uptake: dict[tuple[str, str, str], Counter[str]] = field(default_factory=dict)

    def study(self, carrier: str, object_: str, name: str) -> StudyCounts:
        """Return the books of a study."""
        return self.studies.setdefault((carrier, object_, name), StudyCounts())


def normandy_world(clients: int, seed: int = 0) -> NormandyWorld:
    """Return a world of *clients*; equal arguments make equal worlds."""
    chance = Random(f"{seed}/normandy")
    world = NormandyWorld()
    pings: list[GeneratedPing] = []
    for number in range(clients):
        pings += _pings_of(_Client(world, Random(f"{seed}/normandy/{number}")), len(pings))
    # Some arrive again, and all in any order.
    again = [ping for ping in pings if chance.random() < 0.05]
    repeats = [
        GeneratedPing(len(pings) + n, "repeat", ping.document_id, ping.path, ping.body, Expected("duplicate"))
        for n, ping in enumerate(again)
    ]
    world.pings = pings + repeats
    chance.shuffle(world.pings)
    return world


class _Client:
    """One client: its events, by carrier."""

    def __init__(self, world: NormandyWorld, chance: Random) -> None:
        self.world = world
        self.chance = chance
        self.ids = {carrier: str(UUID(int=chance.getrandbits(128), version=4)) for carrier in (EVENT, GLEAN)}
        self.start_ms = FIRST_START_MS + chance.randrange(2 * 1440) * MINUTE_MS
        self.has_twin = chance.random() < 0.2  # newer clients send both kinds of events
        self.events: list[tuple[int, str, str, str, dict[str, str]]] = []  # at, method, object, value, extra
        self.uptake: list[tuple[int, str, str]] = []  # at, source, word
        for plan in STUDIES:
            if chance.random() < 0.3:
                self._enter(plan)
        for cycle in range(chance.randrange(3)):
            self._run(cycle * 400_000)

    @property
    def carriers(self) -> tuple[str, ...]:
        """How the events of this client come."""
        return (EVENT, GLEAN) if self.has_twin else (EVENT,)

    def _enter(self, plan: StudyPlan) -> None:
        chance = self.chance
        at = chance.randrange(1, DAY_MS)
        books = [self.world.study(carrier, plan.object, plan.slug) for carrier in self.carriers]
        if plan.fails and chance.random() < 0.1:
            self._add(at, "enrollFailed", plan.object, plan.slug, {"reason": "unknown"})
            for book in books:
                book.counts["enroll_failed"] += 1
            return
        branch = chance.choice(plan.branches) if plan.branches else ""
        id_ = str(UUID(int=chance.getrandbits(128), version=4)) if plan.has_id else ""
        is_missing = not plan.name and chance.random() < 0.1  # its enrolment is older than the data
        if not is_missing:
            extra = {"branch": branch, "enrollmentId": id_, "addonId": plan.addon_id}
            self._add(at, "enroll", plan.object, plan.slug, extra)
            if chance.random() < 0.1:
                self._add(at + 30 * MINUTE_MS, "enroll", plan.object, plan.slug, extra)
            for book in books:
                book.counts["enrolled"] += 1
                book.enrolled_by_branch[branch or "(unattributed)"] += 1
        later = at + chance.randrange(2 * 60, 24 * 60) * MINUTE_MS
        if plan.graduates and not is_missing and chance.random() < 0.3:
            self._add(later, "graduate", plan.object, plan.slug, {"reason": "all-prefs-match"})
            for book in books:
                book.counts["graduated"] += 1
        elif is_missing or chance.random() < 0.5:
            self._leave(plan, later, branch, id_, books, is_missing=is_missing)

    def _leave(
        self, plan: StudyPlan, at: int, branch: str, id_: str, books: list[StudyCounts], *, is_missing: bool
    ) -> None:
        reason = self.chance.choice(plan.reasons)
        if id_ and self.chance.random() < 0.2:
            id_ = FILLER
        extra = {
            "reason": reason,
            "branch": branch if plan.says_branch else "",
            "enrollmentId": id_,
            "addonId": plan.addon_id,
        }
        self._add(at, "unenroll", plan.leaving or plan.object, plan.name or plan.slug, extra)
        for book in books:
            if is_missing:
                book.counts["orphan_unenrolled"] += 1
                book.orphan_reasons[reason] += 1
            else:
                book.counts["unenrolled"] += 1
                book.left_by_branch[branch or "(unattributed)"] += 1
                book.reasons[reason] += 1

    def _add(self, at: int, method: str, object_: str, value: str, extra: Mapping[str, str]) -> None:
        self.events.append((at, method, object_, value, {key: text for key, text in extra.items() if text}))

    def _run(self, at: int) -> None:
        sources = [("action", name) for name in _ACTIONS] + [("recipe", name) for name in _RECIPES]
        for offset, (kind, name) in enumerate([*sources, ("runner", "")]):
            word = self.chance.choice(_WORDS[kind])
            source = f"normandy/{kind}/{name}" if name else "normandy/runner"
            self.uptake.append((at + offset, source, word))
            for carrier in self.carriers:
                self.world.uptake.setdefault((carrier, kind, name), Counter())[word] += 1


def _pings_of(client: _Client, first: int) -> Iterator[GeneratedPing]:
    """Yield the pings of *client*: its events in up to three event pings, and all again in a Glean ping."""
    arrays: list[list[Any]] = [
        [at, "normandy", method, object_, value, extra] for at, method, object_, value, extra in client.events
    ]
    arrays += [
        [at, "uptake.remotecontent.result", "uptake", "normandy", word, {"source": source}]
        for at, source, word in client.uptake
    ]
    parts = 3
    for part in range(parts):
        # A cycle of the runner stays in one ping.
        events = [
            event
            for event in arrays
            if (event[0] // (DAY_MS // 2) if event[1] == "normandy" else 0) % parts == part
        ]
        if events:
            section = client.chance.choice(("parent", "dynamic"))
            yield _event_ping(client, first, {section: sorted(events, key=lambda event: event[0])})
            first += 1
    if client.has_twin and arrays:
        yield _glean_ping(client, first)


def _event_ping(client: _Client, index: int, events: Mapping[str, Any]) -> GeneratedPing:
    ping = {
        "type": "event",
        "version": 4,
        "clientId": client.ids[EVENT],
        "application": {
            "name": "Firefox",
            "version": "70.0",
            "channel": "release",
            "buildId": BUILD,
            "architecture": "x86-64",
        },
        "environment": {},
        "payload": {"reason": "periodic", "processStartTimestamp": client.start_ms, "events": events},
    }
    document_id = str(UUID(int=client.chance.getrandbits(128), version=4))
    path = f"/submit/telemetry/{document_id}/event/Firefox/70.0/release/{BUILD}"
    return _generated(index, document_id, path, ping)


def _glean_ping(client: _Client, index: int) -> GeneratedPing:
    events = [
        {
            "timestamp": at,
            "category": "normandy",
            "name": f"{_snake(method)}_{object_}",
            "extra": {"value": value, **extra, "glean_timestamp": str(client.start_ms + at)},
        }
        for at, method, object_, value, extra in client.events
    ]
    events += [
        {
            "timestamp": at,
            "category": "uptake.remotecontent.result",
            "name": "uptake_normandy",
            "extra": {"value": word, "source": source},
        }
        for at, source, word in client.uptake
    ]
    ping = {
        "client_info": {
            "client_id": client.ids[GLEAN],
            "app_build": BUILD,
            "app_channel": "release",
            "app_display_version": "70.0",
            "os": "Linux",
        },
        "ping_info": {"seq": 1, "start_time": "2026-11-20T00:00+00:00", "end_time": "2026-11-23T00:00+00:00"},
        "events": events,
    }
    document_id = str(UUID(int=client.chance.getrandbits(128), version=4))
    return _generated(index, document_id, f"/submit/firefox-desktop/events/1/{document_id}", ping)


def _snake(method: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in method)


def _generated(index: int, document_id: str, path: str, ping: Mapping[str, Any]) -> GeneratedPing:
    body = gzip.compress(orjson.dumps(ping), 1, mtime=0)
    return GeneratedPing(index, KIND, document_id, path, body, Expected("stored"))
