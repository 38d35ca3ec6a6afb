"""Conversion from gzip to zstd, compared with a plain implementation and with parsing and writing only."""

import gc
import gzip
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson

from bench.plain_conversion import GZIP_WINDOW, LEVEL, PlainConversion
from bench.report import Row, paired_row
from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.history.resolver import Resolver
from histogram_specs.spec_file import parse_spec_file
from storage.partitions.frames import compress_frame
from storage.partitions.schema import PartitionSchema
from storage.raw.submission import Submission
from storage.tables.memory import use_system_memory
from telemetry_server.convert.compiled.ping_text import IS_COMPILED
from telemetry_server.convert.conversion import ConversionContext
from telemetry_server.convert.histograms.definition_choice import TaskResolver
from telemetry_server.convert.pipeline import convert
from telemetry_server.convert.step_by_step import convert_each
from telemetry_server.coordinator.conversion_worker import ResultBuilder
from telemetry_server.generator.definitions import Definitions, shipped_definitions
from telemetry_server.generator.payloads import Layout
from telemetry_server.generator.stream import Recipe
from telemetry_server.outcomes.outcome import Stored

BATCH = 64  # pings, as in a task of a conversion process
REFUSED = 70  # histograms of a ping

Work = Callable[[list[Submission]], object]


def milliseconds_each(work: Work, batch: list[Submission]) -> float:
    """Return the CPU time of this process per ping of *batch*."""
    gc.disable()  # as in a conversion process
    start = time.process_time()
    work(batch)
    taken = time.process_time() - start
    gc.enable()
    return taken * 1000 / len(batch)


def only_parse(batch: list[Submission]) -> object:
    """Only parse and write: the cost of the libraries alone."""
    lines = [orjson.dumps(orjson.loads(zlib.decompress(each.body, GZIP_WINDOW))) for each in batch]
    return compress_frame(b"\n".join(lines), LEVEL)


def context_in(folder: Path, definitions: Definitions) -> ConversionContext:
    """Return a context whose cache has *definitions*."""
    RevisionCache(folder).store(definitions.revision, definitions.text)
    return ConversionContext(Resolver(RevisionCache(folder), None, offline=True), PartitionSchema.default())


def good_pings(definitions: Definitions, layout: Layout, count: int) -> list[Submission]:
    """Return good pings as submissions."""
    now = datetime.now(UTC)
    return [
        Submission(received_at=now, path=ping.path, body=ping.body)
        for ping in Recipe(definitions, layout=layout).pings(count)
    ]


def ours(context: ConversionContext, *, plainly: bool) -> Work:
    """Return a function that does the work of a conversion process, including frames by partition."""

    def work(batch: list[Submission]) -> object:
        task = replace(context, resolver=TaskResolver(context.resolver))
        builder = ResultBuilder()
        outcomes = (
            (convert(each, task, fully=True) for each in batch) if plainly else convert_each(batch, task)
        )
        for index, (submission, outcome) in enumerate(zip(batch, outcomes, strict=True)):
            if not isinstance(outcome, Stored):
                raise TypeError(f"a good ping was not stored: {outcome}")
            builder.add(index, submission, outcome)
        return builder.result()

    return work


def measure(quick: bool) -> list[Row]:
    """Return rows for each layout of payload, and for refused histograms in it, from alternating rounds."""
    count, rounds = (BATCH, 1) if quick else (3 * BATCH, 9)
    use_system_memory()  # as a conversion process
    definitions = shipped_definitions()
    plain = PlainConversion(parse_spec_file(definitions.text))
    rows = []
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as folder:
        context = context_in(Path(folder), definitions)
        for layout in Layout:
            submissions = good_pings(definitions, layout, count)
            rows += _rows(layout, submissions, context, plain, rounds)
            rows.append(_refused_row(layout, submissions, context, rounds))
    return rows


def _rows(
    layout: Layout,
    submissions: list[Submission],
    context: ConversionContext,
    plain: PlainConversion,
    rounds: int,
) -> list[Row]:
    works: dict[str, Work] = {
        "ours": ours(context, plainly=False),
        "plainly": ours(context, plainly=True),
        "yardstick": lambda batch: plain.frame([each.body for each in batch]),
        "parse": only_parse,
    }
    for work in works.values():
        milliseconds_each(work, submissions[:BATCH])
    taken: dict[str, list[float]] = {name: [] for name in works}
    # Alternates after each batch, because the speed of a shared machine changes from second to second.
    for _ in range(rounds):
        for first in range(0, len(submissions), BATCH):
            for name, work in works.items():
                taken[name].append(milliseconds_each(work, submissions[first : first + BATCH]))
    size = statistics.mean(len(zlib.decompress(each.body, GZIP_WINDOW)) for each in submissions)
    rows = []
    for what, name, yardstick, words in (
        ("", "ours", "yardstick", "plain implementation (zlib, orjson, filter, zstd 3)"),
        ("", "ours", "parse", "only parse and write (zlib, orjson, zstd 3)"),
        (" with a full parse", "plainly", "yardstick", "plain implementation (zlib, orjson, filter, zstd 3)"),
    ):
        rows.append(
            paired_row(
                f"conversion{what}, {layout} {size / 1000:.0f} KB",
                "CPU ms per ping",
                list(zip(taken[name], taken[yardstick], strict=True)),
                words,
                "" if IS_COMPILED else "without the compiled module",
            )
        )
    return rows


def _refused_row(layout: Layout, clean: list[Submission], context: ConversionContext, rounds: int) -> Row:
    refused = [_with_refused(each) for each in clean]
    work = ours(context, plainly=False)
    for each in (clean, refused):
        milliseconds_each(work, each[:BATCH])
    return paired_row(
        f"conversion with {REFUSED} refused histograms, {layout}",
        "CPU ms per ping",
        [
            (
                milliseconds_each(work, refused[at : at + BATCH]),
                milliseconds_each(work, clean[at : at + BATCH]),
            )
            for _ in range(rounds)
            for at in range(0, len(clean), BATCH)
        ],
        "the same without",
        "asked for: at most 1.5",
    )


def _with_refused(submission: Submission) -> Submission:
    """Return the ping with `REFUSED` histograms that are refused, for five reasons in turn."""
    ping = orjson.loads(gzip.decompress(submission.body))
    histograms = ping.get("payload", ping)["histograms"]
    for number, name in enumerate(list(histograms)[:REFUSED]):
        histogram = histograms[name]
        match number % 5:
            case 0:
                histograms[f"{name}_OF_NO_DEFINITION"] = histograms.pop(name)
            case 1:
                histogram["bucket_count"] += 1
            case 2:
                histogram["range"][1] += 1
            case 3:
                histogram["values"] = dict.fromkeys(histogram["values"], -1)
            case _:
                histogram["histogram_type"] = 99
    return replace(submission, body=gzip.compress(orjson.dumps(ping), mtime=0))
