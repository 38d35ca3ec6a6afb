"""Glean pings as clients send them, with all metric types of the tables."""

from random import Random
from typing import Any

from telemetry_server.generator.payloads import uuid_of

NAMESPACE = "org-example-app"
TIMING = ("page.load", "page.paint")


def glean_ping(chance: Random) -> dict[str, Any]:
    """Return a ``metrics`` ping; equal states of *chance* give equal pings."""
    ping = _common_ping(chance)
    ping["metrics"] |= _rarer_metrics(chance)
    return ping


def _common_ping(chance: Random) -> dict[str, Any]:
    return {
        "client_info": {
            "client_id": uuid_of(chance),
            "app_channel": chance.choice(("beta", "release")),
            "app_display_version": chance.choice(("3.0", "3.1")),
            "app_build": chance.choice(("77", "78")),
            "os": chance.choice(("Android", "Windows", "Linux")),
            "os_version": "10.0.19",
            "architecture": "arm64",
            "session_id": uuid_of(chance),
        },
        "ping_info": {
            "seq": chance.randint(1, 9),
            "start_time": "2026-11-22T10:00:00Z",
            "end_time": "2026-11-22T11:00:00Z",
            "experiments": {"onboarding": {"branch": chance.choice(("blue", "green"))}},
        },
        "metrics": _metrics(chance),
        "events": [
            {
                "timestamp": chance.randint(0, 10**6),
                "category": "ui",
                "name": chance.choice(("click", "scroll")),
                "extra": {"place": chance.choice(("bar", "größe")), "count": "3"},
            }
            for _ in range(chance.randint(0, 3))
        ],
    }


def _metrics(chance: Random) -> dict[str, Any]:
    return {
        "counter": {"page.loads": chance.randint(1, 500)},
        "quantity": {"tabs.open": chance.randint(0, 40)},
        "boolean": {"settings.dark": chance.random() < 0.5},
        "string": {"search.engine": chance.choice(("duck", "größe", "google"))},
        "string_list": {"addons.active": ["a", "b"][: chance.randint(0, 2)]},
        "timespan": {"startup.time": {"time_unit": "millisecond", "value": chance.randint(50, 5000)}},
        "url2": {"search.default": "https://example.org/?q="},
        "rate": {"network.failures": {"numerator": chance.randint(0, 5), "denominator": 9}},
        "object": {"crash.threads": {"frames": [{"ip": "0x1"}]}},
        "labeled_counter": {"errors": {"network": chance.randint(1, 9), "disk": chance.randint(1, 9)}},
        "labeled_boolean": {"features": {"pocket": True}},
        "dual_labeled_counter": {"codecs": {"h264": {"ok": chance.randint(1, 3)}}},
        "timing_distribution": {name: _distribution(chance) for name in TIMING},
        "memory_distribution": {"heap.size": _distribution(chance)},
        "custom_distribution": {"tabs.count": _distribution(chance)},
        "labeled_timing_distribution": {
            "request.time": {"h2": _distribution(chance), "h3": _distribution(chance)}
        },
    }


def _rarer_metrics(chance: Random) -> dict[str, Any]:
    return {
        "memory_usage": {"not.a.type": 1},
        "text": {"crash.reason": "größe: 5\n<none>" * chance.randint(1, 3)},
        "uuid": {"install.id": uuid_of(chance)},
        "datetime": {"install.day": "2026-11-22T10:00:00.000-08:00"},
        "url": {"search.old": "https://example.org/"},
        "labeled_quantity": {"memory": {"gpu": chance.randint(0, 2**40), "größe": 0}},
        "labeled_string": {"codec.name": {"audio": "opus", "video": chance.choice(("av1", ""))}},
        "labeled_memory_distribution": {"heap.part": {"gpu": _distribution(chance)}},
        "labeled_custom_distribution": {"tabs.kind": {"pinned": _distribution(chance)}},
    }


def _distribution(chance: Random) -> dict[str, Any]:
    starts = sorted(chance.sample(range(1, 4000), chance.randint(1, 8)))
    values = {str(start): chance.randint(0, 20) for start in starts}
    return {"sum": sum(int(start) * count for start, count in values.items()), "values": values}
