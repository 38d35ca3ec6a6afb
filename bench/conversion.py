"""Converting a ping beside only parsing it: CPU time in this process."""

import gc
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson

from bench.report import Row
from histogram_specs.cache import SpecCache
from histogram_specs.resolve import Resolver
from storage.partitions.schema import PartitionSchema
from storage.raw.submission import Submission
from telemetry_server.convert.outcome import Stored
from telemetry_server.convert.pipeline import ConversionContext, convert
from telemetry_server.generator.definitions import shipped_definitions
from telemetry_server.generator.payloads import Layout
from telemetry_server.generator.stream import Recipe

GZIP_WINDOW = 31


def _milliseconds_each(work: Callable[[Submission], object], submissions: list[Submission]) -> float:
    gc.collect()
    start = time.process_time()
    for submission in submissions:
        work(submission)
    return (time.process_time() - start) * 1000 / len(submissions)


def _only_parse(submission: Submission) -> object:
    return orjson.loads(zlib.decompress(submission.body, GZIP_WINDOW))


def measure(quick: bool) -> list[Row]:
    """A row for each layout of payload, from rounds that take turns."""
    count, rounds = (40, 3) if quick else (150, 9)
    definitions = shipped_definitions()
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as folder:
        specs = Path(folder) / "specs"
        SpecCache(specs).store(definitions.revision, definitions.text)
        context = ConversionContext(
            resolver=Resolver(SpecCache(specs), None, offline=True), schema=PartitionSchema.default()
        )

        def whole(submission: Submission) -> object:
            outcome = convert(submission, context)
            if not isinstance(outcome, Stored):
                raise TypeError(f"a good ping was not stored: {outcome}")
            return outcome

        rows = []
        for layout in Layout:
            now = datetime.now(UTC)
            submissions = [
                Submission(received_at=now, path=ping.path, body=ping.body)
                for ping in Recipe(definitions, layout=layout).pings(count)
            ]
            _milliseconds_each(whole, submissions)
            ours, theirs = [], []
            for _ in range(rounds):
                theirs.append(_milliseconds_each(_only_parse, submissions))
                ours.append(_milliseconds_each(whole, submissions))
            ratios = [mine / parse for mine, parse in zip(ours, theirs, strict=True)]
            size = statistics.mean(len(zlib.decompress(s.body, GZIP_WINDOW)) for s in submissions)
            rows.append(
                Row(
                    what=f"conversion, {layout} {size / 1000:.0f} KB",
                    unit="CPU ms per ping",
                    ours=statistics.median(ours),
                    yardstick="gunzip and orjson parse",
                    theirs=statistics.median(theirs),
                    ratio=statistics.median(ratios),
                    spread=(min(ratios), max(ratios)),
                )
            )
    return rows
