"""The ids of stored pings: size on disk, and cost of look-up and insertion."""

import random
import statistics
import tempfile
import time
from pathlib import Path

from bench.conversion import context_in, good_pings, milliseconds_each, ours
from bench.report import Row
from storage.ledger.ledger import Ledger
from telemetry_server.generator.definitions import shipped_definitions
from telemetry_server.generator.payloads import Layout

BATCH = 1000
DIRECTORY = "converted/20261122/main/Firefox/release/56.0/20170928000000"
SCOPE = ("telemetry", "main")


def measure(quick: bool) -> list[Row]:
    """Return rows for a million ids: their size, and CPU time compared with converting a ping."""
    count = 10_000 if quick else 1_000_000
    chance = random.Random(1)
    lookups, inserts = [], []
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as folder:
        path = Path(folder) / "ledger.sqlite"
        with Ledger(path) as ledger:
            for _ in range(count // BATCH):
                ids = [chance.randbytes(16) for _ in range(BATCH)]
                start = time.process_time()
                for each in ids:
                    ledger.seen_digest(each, *SCOPE)
                looked_up = time.process_time()
                with ledger.transaction() as transaction:
                    for each in ids:
                        transaction.remember(
                            each, *SCOPE, digest=-(2**62), day="20261122", directory=DIRECTORY
                        )
                lookups.append((looked_up - start) * 1e6 / BATCH)
                inserts.append((time.process_time() - looked_up) * 1e6 / BATCH)
        size = path.stat().st_size / count
        definitions = shipped_definitions()
        pings = good_pings(definitions, Layout.CLASSIC, 64)
        work = ours(context_in(Path(folder) / "specs", definitions), plainly=False)
        whole_us = statistics.median(milliseconds_each(work, pings) for _ in range(5)) * 1000
    both = [lookup + insert for lookup, insert in zip(lookups, inserts, strict=True)]
    shares = [each / whole_us for each in both]
    return [
        Row(
            what=f"dedup, {count} ids",
            unit="CPU µs to look up and insert",
            ours=statistics.median(both),
            yardstick="converting a ping of 90 KB",
            theirs=whole_us,
            ratio=statistics.median(shares),
            spread=(min(shares), max(shares)),
            note=f"{statistics.median(lookups):.1f} µs to look up; {size:.0f} bytes per id",
        )
    ]
