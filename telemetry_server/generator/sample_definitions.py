"""
Makes ``histogram_specs/data/Histograms.json``: sample definitions similar to those of Firefox.

``python -m telemetry_server.generator.sample_definitions`` prints it; a test compares the
shipped file with this output.
"""

import json
import sys
from typing import Any

UNUSABLE = "SAMPLE_UNRESOLVABLE_SYMBOL"

# Part of the browser, its operations that take time, its events that are counted.
PARTS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("LAYOUT", "page layout", ("REFLOW", "STYLE_FLUSH", "FRAME_BUILD"), ("FRAMES", "DIRTY_ROOTS")),
    ("PAINT", "painting", ("RASTER", "COMPOSE", "UPLOAD"), ("LAYERS", "TILES")),
    ("SCRIPT", "script execution", ("COMPILE", "PARSE", "EVENT_LOOP"), ("BAILOUTS", "MODULES")),
    ("COLLECT", "memory collection", ("MARK", "SWEEP", "SLICE", "CYCLES"), ("ARENAS", "ROOTS")),
    ("NET", "the network stack", ("DNS_LOOKUP", "CONNECT", "FIRST_BYTE", "TLS"), ("RETRIES", "REDIRECTS")),
    ("STORE", "local storage", ("OPEN", "QUERY", "COMMIT", "VACUUM"), ("STATEMENTS", "PAGES")),
    ("DISKCACHE", "the disk cache", ("LOOKUP", "READ", "WRITE", "EVICT"), ("ENTRIES", "REVALIDATIONS")),
    ("SESSION", "session restore", ("SAVE", "RESTORE", "SERIALIZE"), ("TABS", "WINDOWS")),
    ("HISTORY", "the history database", ("EXPIRE", "SEARCH", "ANNOTATE"), ("VISITS", "BOOKMARKS")),
    ("MEDIA", "playback", ("SEEK", "DECODE", "BUFFER"), ("DROPPED_FRAMES", "STALLS")),
    ("ADDONS", "add-ons", ("STARTUP", "SHUTDOWN", "INSTALL"), ("ENABLED", "BLOCKED")),
    ("UPDATES", "updating", ("CHECK", "DOWNLOAD", "APPLY"), ("ATTEMPTS", "FALLBACKS")),
    ("TABS", "tab handling", ("OPEN", "SWITCH", "CLOSE"), ("LOADED", "PINNED")),
    ("SYNC", "synchronisation", ("UPLOAD", "DOWNLOAD", "RECONCILE"), ("RECORDS", "CONFLICTS")),
)
EXPONENTIALS: tuple[tuple[object, object], ...] = (  # high, n_buckets
    (3000, 10),
    (10000, 50),
    ("10000", "20"),
    (60000, 50),
    ("30 * 1000", 30),
    (1000000, "40 + 1"),
)
SIZE_HIGHS = ("16 * 1024", "64 * 1024", "512 * 1024", 8388608)


def _timers(part: str, about: str, actions: tuple[str, ...], turn: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for n, action in enumerate(actions):
        high, buckets = EXPONENTIALS[(turn + n) % len(EXPONENTIALS)]
        words = action.lower().replace("_", " ")
        found[f"{part}_{action}_MS"] = {
            "kind": "exponential",
            "high": high,
            "n_buckets": buckets,
            "description": f"Time that one {words} takes in {about} (ms).",
        }
        found[f"{part}_{action}_RESULT"] = {
            "kind": "enumerated",
            "n_values": 4 + (turn + n) % 13,
            "description": f"How a {words} in {about} ended, by code.",
        }
        found[f"{part}_{action}_IDLE"] = {
            "kind": "boolean",
            "description": f"Whether the user was idle while {about} did a {words}.",
        }
    return found


def _counts(part: str, about: str, things: tuple[str, ...], turn: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for n, thing in enumerate(things):
        words = thing.lower().replace("_", " ")
        found[f"{part}_{thing}"] = {
            "kind": "linear",
            "low": 1 + n,
            "high": 100 * (1 + (turn + n) % 4),
            "n_buckets": 12 + turn % 20,
            "description": f"Number of {words} in {about}, when the session ends.",
        }
        found[f"{part}_{thing}_SEEN"] = {
            "kind": "count",
            "description": f"How often {about} met {words}.",
        }
    return found


def _part(turn: int) -> dict[str, Any]:
    part, about, actions, things = PARTS[turn]
    found = _timers(part, about, actions, turn) | _counts(part, about, things, turn)
    found[f"{part}_HEAP_BYTES"] = {
        "kind": "exponential",
        "low": 32,
        "high": SIZE_HIGHS[turn % len(SIZE_HIGHS)],
        "n_buckets": 24,
        "description": f"Heap that {about} holds (bytes).",
    }
    found[f"{part}_EVER_USED"] = {"kind": "flag", "description": f"Whether {about} was used at all."}
    found[f"{part}_OUTCOME"] = {
        "kind": "categorical",
        "labels": ["ok", "partial", "retried", "gave_up", f"{part.lower()}_off"],
        "description": f"How the last piece of work in {about} ended.",
    }
    found[f"{part}_MS_BY_CALLER"] = {
        "kind": "exponential",
        "keyed": True,
        "high": 5000,
        "n_buckets": 16,
        "description": f"Time spent in {about}, by who asked for it (ms).",
    }
    found[f"{part}_ERRORS_BY_SITE"] = {
        "kind": "count",
        "keyed": True,
        "description": f"Errors of {about}, by the place that saw them.",
    }
    return found


def sample_definitions() -> str:
    """Return the text of the file: about 250 definitions of all kinds, one of them unusable on purpose."""
    found: dict[str, Any] = {}
    for turn in range(len(PARTS)):
        found |= _part(turn)
    found[UNUSABLE] = {
        "kind": "enumerated",
        "n_values": "sample::kNumberOfNobodyKnows",
        "description": "A size that only the compiler of that build knew: no buckets can be told.",
    }
    for definition in found.values():
        definition["expires_in_version"] = "never"
        definition["record_in_processes"] = ["main", "content"]
    return json.dumps(found, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(sample_definitions())
