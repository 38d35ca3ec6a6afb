"""Shows whether the converter keeps up with the edge on the same cores, and how far it falls behind."""

import tempfile
from pathlib import Path

from bench.edge import our_server
from bench.load import burst
from bench.report import Row
from bench.stored import stored_records, wait_until_stored
from histogram_specs.cache.revision_cache import RevisionCache
from telemetry_server.generator.definitions import shipped_definitions
from telemetry_server.generator.stream import Recipe

PINGS_PER_SECOND = 500
CONNECTIONS = 32
WORKERS = 2
GIVE_UP_SECONDS = 120.0


def measure(quick: bool) -> list[Row]:
    """Return one row: pings at a steady rate, and when the last of them was stored."""
    definitions = shipped_definitions()
    (ping,) = Recipe(definitions).pings(1)
    seconds = 1 if quick else 20
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as place:
        data = Path(place) / "data"
        RevisionCache(data / "specs").store(definitions.revision, definitions.text)
        with our_server(WORKERS, data, {"TELEMETRY_REVISION_OFFLINE": "true"}) as server:
            sent = burst(
                server.port,
                ping.body,
                seconds=seconds,
                connections=CONNECTIONS,
                requests_per_second=PINGS_PER_SECOND,
            )
            stored = stored_records(data)
            behind_seconds = wait_until_stored(data, sent.requests, within_seconds=GIVE_UP_SECONDS)
    offered = sent.requests / sent.seconds
    converted = sent.requests / (sent.seconds + behind_seconds)
    return [
        Row(
            what=f"{offered:.0f} pings of {len(ping.body) // 1000} KB (gzip) a second for {seconds} s",
            unit="converted per s",
            ours=converted,
            yardstick="sent",
            theirs=offered,
            ratio=offered / converted,
            spread=(offered / converted,) * 2,
            note=f"{stored / sent.requests:.0%} stored when the last was sent,"
            f" all after {behind_seconds:.1f} s more",
        )
    ]
