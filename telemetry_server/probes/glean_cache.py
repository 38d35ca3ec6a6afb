"""The parsed copy of an import of Glean definitions: a converter reads it without glean-parser."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import orjson

from telemetry_server.probes.glean_file import GleanDefinitions, GleanMetric, GleanPing

CACHE_NAME = "parsed.json"


def cache_text(found: GleanDefinitions, digest: str) -> bytes:
    """Return the text of a parsed copy; *digest* is that of the files."""
    return orjson.dumps(
        {
            "digest": digest,
            "metrics": [asdict(metric) for metric in found.metrics.values()],
            "pings": [asdict(ping) for ping in found.pings.values()],
        }
    )


def read_cache(path: Path, digest: str) -> GleanDefinitions | None:
    """Return the definitions of a parsed copy; None if it is missing, or of other files or versions."""
    try:
        parsed = orjson.loads(path.read_bytes())
        if not digest or parsed["digest"] != digest:
            return None
        metrics = [GleanMetric(**_tuples(GleanMetric, each)) for each in parsed["metrics"]]
        pings = [GleanPing(**each) for each in parsed["pings"]]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return GleanDefinitions({each.name: each for each in metrics}, {each.name: each for each in pings})


def _tuples(kind: type[GleanMetric], values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has lists where *kind* has tuples."""
    names = {field.name for field in fields(kind)}
    if not values.keys() == names:
        raise ValueError("the copy is of another version")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
