"""
Whole runs of `convert` on two numbers of pings: the price of a ping, and the fixed part of a run.

The slope from the small to the large run is the price of a ping; what the small run costs beyond its pings is
the fixed part.  CPU time of all processes; builds and settings take turns.
"""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bench.aggregates import ARRIVED, aggregate
from bench.commands import run
from bench.data_roots import fill
from bench.earlier_builds import NOVEMBER_22, NOVEMBER_27, PRESENT, Build, earlier_build
from bench.edge import use_free_memory
from bench.probes import SEED, definition_files, with_values
from bench.report import Row, paired_row
from bench.table_pings import big_submissions
from histogram_specs.cache.revision_cache import RevisionCache
from storage.data_root import DataRoot
from telemetry_server.generator.definitions import shipped_definitions
from telemetry_server.generator.payloads import Layout

ROUNDS = 5
QUICK_SIZES = (50, 1050)  # a smaller difference would be lost in the noise
SIZES = {Layout.CLASSIC: (1000, 7000), Layout.UNIFIED: (500, 4000)}  # pings of 90 and 117 KB
SCALARS, EVENTS = 2, 0
SETTINGS = {"TELEMETRY_REVISION_OFFLINE": "true", "TELEMETRY_CONVERT_PROCESSES": "1"}
NO_TABLES, TABLES = {"TELEMETRY_TABLES": "false"}, {"TELEMETRY_TABLES": "true"}
FIXED_GOAL = 0.6
REUSE_SECONDS = 5.5  # ext4 searches for inodes that were not deleted within the last 5 s


@dataclass(frozen=True, slots=True)
class Variant:
    """A build with its settings."""

    name: str
    build: Build
    settings: dict[str, str]
    goal: float | None = None  # at most so much of the build of 2026-11-22
    has_everything: bool = False  # checks of probes, and aggregates


@dataclass(slots=True)
class Prices:
    """Milliseconds of CPU time a ping, and the fixed seconds of a run, by round."""

    milliseconds: list[float] = field(default_factory=list)
    fixed_seconds: list[float] = field(default_factory=list)


def measure(quick: bool) -> list[Row]:
    """Return rows for both layouts against the build of 2026-11-22, and one for the fixed part of a run."""
    rows = []
    if not quick:
        use_free_memory()
    with earlier_build(NOVEMBER_22) as first, earlier_build(NOVEMBER_27) as second:
        if first is None or second is None:
            return []
        variants = (
            Variant("2026-11-22", first, {}),
            Variant("without tables and aggregates", PRESENT, NO_TABLES, 0.85),
            Variant("with tables", PRESENT, TABLES, 1.25),
            Variant(
                "with tables, checks of probes and aggregates", PRESENT, TABLES, 1.6, has_everything=True
            ),
        )
        for layout, (few, many) in SIZES.items():
            sizes, rounds = (QUICK_SIZES, 1) if quick else ((few, many), ROUNDS)
            fixed = (Variant("2026-11-27", second, {}),) if layout is Layout.CLASSIC else ()
            prices = _prices((*variants, *fixed), layout, sizes, rounds)
            rows += _rows(layout, variants, prices)
            if fixed:
                rows.append(_fixed_row(sizes[0], prices["with tables"], prices["2026-11-27"]))
    return rows


def _prices(
    variants: Sequence[Variant], layout: Layout, sizes: tuple[int, int], rounds: int
) -> dict[str, Prices]:
    found = {variant.name: Prices() for variant in variants}
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as name:
        folder = Path(name)
        for count in sizes:
            _fill(folder / str(count), layout, count)
        for _ in range(rounds):
            copies = folder / "copies"
            for variant in variants:
                few, many = (_cpu_seconds(variant, folder / str(count), copies) for count in sizes)
                each = (many - few) / (sizes[1] - sizes[0])
                found[variant.name].milliseconds.append(each * 1000)
                found[variant.name].fixed_seconds.append(few - each * sizes[0])
            shutil.rmtree(copies)
            time.sleep(REUSE_SECONDS)
    return found


def _fill(data: Path, layout: Layout, count: int) -> None:
    submissions = big_submissions(count, layout, at=ARRIVED)
    if layout is Layout.UNIFIED:
        chance = Random(SEED)
        submissions = (with_values(each, chance, SCALARS, EVENTS) for each in submissions)
    fill(data, submissions, count)


def _cpu_seconds(variant: Variant, source: Path, copies: Path) -> float:
    """Return the CPU seconds of one run on a copy of *source*."""
    data = copies / variant.name / source.name
    shutil.copytree(source, data)
    if variant.has_everything:
        definitions = shipped_definitions()
        RevisionCache(DataRoot(data).specs).store(
            definitions.revision, definitions.text, definition_files(SCALARS, max(EVENTS, 1))
        )
    command = variant.build.command("convert", "--data", data)
    os.sync()  # otherwise the run writes the copy to the disk
    used = run(command, SETTINGS | variant.settings, variant.build.folder).cpu_seconds
    if variant.has_everything:
        used += aggregate(data).cpu_seconds
    return used


def _rows(layout: Layout, variants: Sequence[Variant], prices: dict[str, Prices]) -> list[Row]:
    yardstick, *ours = variants
    before = prices[yardstick.name].milliseconds
    return [
        paired_row(
            f"conversion by slope, {layout}, {variant.name}",
            "CPU ms per ping, whole runs",
            list(zip(prices[variant.name].milliseconds, before, strict=True)),
            f"the build {NOVEMBER_22} without either",
            f"least {min(prices[variant.name].milliseconds) / min(before):.2f};"
            f" asked for: at most {variant.goal}",
        )
        for variant in ours
    ]


def _fixed_row(few: int, ours: Prices, theirs: Prices) -> Row:
    # A difference of two noisy runs: the ratio of single rounds says little.
    return paired_row(
        f"fixed part of convert, {few} pings",
        "CPU s on top of its pings",
        [(statistics.median(ours.fixed_seconds), statistics.median(theirs.fixed_seconds))],
        f"the build {NOVEMBER_27}",
        f"least {min(ours.fixed_seconds):.2f} and {min(theirs.fixed_seconds):.2f} s;"
        f" asked for: at most {FIXED_GOAL}",
    )
