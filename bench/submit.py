"""The CPU time of a submission: this build, the build of 2026-11-27, and a bare httptools protocol."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.earlier_builds import NOVEMBER_27, PRESENT, ServerOfBuild, earlier_build
from bench.edge import PARSES, Server, bare_server, take_turns, use_free_memory
from bench.report import Row, paired_row

EARLIER, OURS = f"the build {NOVEMBER_27}", "this build"
CASES = (  # bytes, connections, and the goals: at most so much of the earlier build, and of the bare protocol
    (2_000, 32, 0.55, 1.2),
    (2_000, 256, 0.55, 1.2),
    (50_000, 32, 0.7, None),
)
ROUNDS = 9


def measure(quick: bool) -> list[Row]:
    """Return two rows for each size and number of connections; none without the earlier build."""
    rows = []
    if not quick:
        use_free_memory()
    with (
        earlier_build(NOVEMBER_27) as build,
        tempfile.TemporaryDirectory(prefix="telemetry-bench-") as place,
        ExitStack() as stack,
    ):
        if build is None:
            return []
        servers = {PARSES: stack.enter_context(bare_server(1, Path(place) / "parser", "--parser-only"))}
        for name, each in ((EARLIER, build), (OURS, PRESENT)):
            data = Path(place) / str(len(servers)) / "data"
            data.parent.mkdir()
            started = stack.enter_context(
                ServerOfBuild(each, data, {"TELEMETRY_WORKERS": "1"}, ("--no-convert",))
            )
            servers[name] = Server(started.process.pid, started.port)
        for size, connections, goal, goal_of_bare in CASES[:1] if quick else CASES:
            found = take_turns(servers, os.urandom(size), connections, rounds=1 if quick else ROUNDS)
            for yardstick, asked in ((EARLIER, goal), (PARSES, goal_of_bare)):
                pairs = [
                    (ours.microseconds, theirs.microseconds)
                    for ours, theirs in zip(found[OURS], found[yardstick], strict=True)
                ]
                rows.append(
                    paired_row(
                        f"submit, {size // 1000} KB, {connections} connections, 1 worker",
                        "CPU µs per request",
                        pairs,
                        yardstick,
                        _least(pairs) + ("" if asked is None else f"; asked for: at most {asked}"),
                    )
                )
    return rows


def _least(pairs: list[tuple[float, float]]) -> str:
    ours, theirs = (min(each) for each in zip(*pairs, strict=True))
    return f"least {ours:.1f} to {theirs:.1f}: {ours / theirs:.2f}"
