"""The benchmarks run, and measure the right processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import SUITES, parsed
from bench.processes import cpu_seconds, family
from tests.support.sizes import IS_FULL
from tests.support.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
# The other suites take two minutes of CPU time, mostly to fill data roots.
SAMPLE = ("edge", "conversion", "dedup")
BUSY = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()\n"


def test_the_cpu_time_of_a_child_counts():
    """While the child runs, like the workers of a server."""
    before = cpu_seconds(os.getpid())
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()

        assert child.pid in family(os.getpid())
        assert 0.25 <= cpu_seconds(child.pid) < 2
        assert cpu_seconds(os.getpid()) - before >= 0.25
        child.communicate(b"\n")


def test_an_unknown_suite_is_refused(capsys):
    """The message names the known suites."""
    with pytest.raises(SystemExit):
        parsed(["edges"])

    assert ", ".join(SUITES) in capsys.readouterr().err


@pytest.mark.slow
def test_the_quick_benchmarks_give_a_ratio_for_each_measurement():
    """As JSON, each with the value that it is compared with; `make full` runs all of them."""
    suites = SUITES if IS_FULL else SAMPLE
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--json", *suites],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=8 * PATIENCE_SECONDS,
    )

    rows = json.loads(done.stdout)["rows"]
    assert {row["what"].split(",")[0] for row in rows} >= {"edge", "conversion"}
    for row in rows:
        assert row["ours"] > 0
        assert row["theirs"] > 0
        assert row["spread"][0] <= row["ratio"] <= row["spread"][1]
