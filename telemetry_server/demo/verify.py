"""Compares the outcomes of generated pings with the expected ones."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from telemetry_server.demo.temporary_server import bare_environment
from telemetry_server.generator.normandy_world import NormandyWorld
from telemetry_server.generator.stream import CONFLICT, REPEAT, GeneratedPing
from telemetry_server.supervision.interpreter import python_words

StudyKey = tuple[str, str, str]
"""Carrier, object and study."""
RunCommand = Callable[..., bytes]
"""Runs the command with these words, and returns its output."""
STUDY_FIGURES = ("enrolled", "enroll_failed", "graduated", "unenrolled", "orphan_unenrolled")


@dataclass(frozen=True, slots=True)
class Observed:
    """What `cat`, `audit` and /metrics report about a data root."""

    stored: dict[str, dict[str, int]]  # by id: histograms dropped, by reason
    stored_twice: int
    quarantined: Counter[str]  # whole submissions, by reason
    histograms_kept: int
    total: dict[str, int]  # of `audit`
    balanced: bool
    studies: Mapping[StudyKey, Mapping[str, int]] | None = None  # None where tables are not installed


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of ping, with the expected number of its outcome and the number seen."""

    kind: str
    sent: int
    becomes: str
    expected: int
    seen: int

    @property
    def is_as_expected(self) -> bool:
        """Whether the two numbers are equal."""
        return self.expected == self.seen

    def as_json(self) -> dict[str, Any]:
        """Return the row as ``demo --json`` prints it."""
        return asdict(self) | {"as_expected": self.is_as_expected}


def run_command(*words: str) -> bytes:
    """
    Run one of our commands in a process of its own; return its output.

    Raises:
        RuntimeError: It failed; its messages were printed before.
    """
    done = subprocess.run(  # noqa: S603 - our own command
        [*python_words(), "-m", "telemetry_server", *words],
        capture_output=True,
        check=False,
        env=bare_environment(),
    )
    if done.returncode not in (0, 1):
        sys.stderr.buffer.write(done.stderr)
        raise RuntimeError(f"{words[0]} ended with status {done.returncode}")
    return done.stdout


def _lines(run: RunCommand, *words: str) -> list[tuple[str, dict[str, Any]]]:
    lines = run(*words).splitlines()
    pairs = (line.split(b"\t", 1) for line in lines)
    return [(document_id.decode(), orjson.loads(text)) for document_id, text in pairs]


def verify(data: Path, histograms_kept: int, run: RunCommand = run_command) -> Observed:
    """Return what `cat` and `audit` report about *data*; *histograms_kept* comes from /metrics."""
    records = _lines(run, "cat", "converted", "--data", str(data))
    refused = _lines(run, "cat", "quarantine", "--data", str(data))
    books = orjson.loads(run("audit", "--json", "--data", str(data)))
    stored = {
        document_id: dict(record["metadata"].get("dropped_histograms", {})) for document_id, record in records
    }
    whole = [entry for _, entry in refused if not entry.get("histogram")]
    return Observed(
        stored=stored,
        stored_twice=len(records) - len(stored),
        quarantined=Counter(entry["reason"] for entry in whole if entry["reason"] != CONFLICT),
        histograms_kept=histograms_kept,
        total=books["total"],
        balanced=books["balanced"],
        studies=_studies(data, run),
    )


def _studies(data: Path, run: RunCommand) -> dict[StudyKey, dict[str, int]] | None:
    if find_spec("duckdb") is None or find_spec("pyarrow") is None:
        return None
    run("convert", "--data", str(data))  # tables follow the records with a delay; this run catches up
    found = orjson.loads(run("normandy", "studies", "--json", "--data", str(data)))
    return {
        (row["carrier"], row["object"], row["study"]): {name: row[name] for name in STUDY_FIGURES}
        for row in found["studies"]
    }


def study_row(world: NormandyWorld, seen: Observed) -> Row | None:
    """Return the row that compares the figures of studies with the books of *world*; None without tables."""
    if seen.studies is None:
        return None
    right = sum(
        seen.studies.get(key) == {name: books.counts[name] for name in STUDY_FIGURES}
        for key, books in world.studies.items()
    )
    pings = sum(ping.expected.outcome == "stored" for ping in world.pings)
    return Row("normandy", pings, "studies with correct figures", len(world.studies), right)


def _row(kind: str, pings: Sequence[GeneratedPing], seen: Observed) -> Row:
    sample = pings[0].expected
    if kind == REPEAT:
        return Row("same ping again", len(pings), "duplicate", len(pings), _plain_repeats(seen))
    if kind == CONFLICT:
        conflicts = seen.total["conflict"]
        return Row("same id, other content", len(pings), "duplicate, kept as conflict", len(pings), conflicts)
    if sample.outcome == "quarantined":
        return Row(kind, len(pings), f"quarantined: {sample.reason}", len(pings), seen.quarantined[kind])
    found = sum(seen.stored.get(ping.document_id) == dict(ping.expected.histograms_dropped) for ping in pings)
    dropped = sum(sum(ping.expected.histograms_dropped.values()) for ping in pings)
    name = f"histogram: {kind}" if dropped else kind
    becomes = f"stored, {dropped} histograms dropped" if dropped else "stored completely"
    return Row(name, len(pings), becomes, len(pings), found)


def _plain_repeats(seen: Observed) -> int:
    return seen.total["duplicate"] - seen.total["conflict"]


def rows_of(pings: Sequence[GeneratedPing], seen: Observed) -> list[Row]:
    """Return a row for each kind of ping, stored ones first, and three rows for all of them."""
    by_kind: dict[str, list[GeneratedPing]] = {}
    for ping in pings:
        by_kind.setdefault(ping.kind, []).append(ping)
    order = {"stored": 0, "duplicate": 1, "quarantined": 2}
    kinds = sorted(by_kind, key=lambda kind: (order[by_kind[kind][0].expected.outcome], kind != "good", kind))
    rows = [_row(kind, by_kind[kind], seen) for kind in kinds]
    kept = sum(ping.expected.histograms_kept for ping in pings)
    stored = sum(ping.expected.outcome == "stored" for ping in pings)
    other = sum(count for reason, count in seen.quarantined.items() if reason not in by_kind)
    return [
        *rows,
        Row("stored pings", stored, "histograms kept", kept, seen.histograms_kept),
        Row("all pings", len(pings), "quarantined: any other reason", 0, other),
        Row("all pings", len(pings), "stored more than once", 0, seen.stored_twice),
    ]
