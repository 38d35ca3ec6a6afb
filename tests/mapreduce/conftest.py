"""A data root of 300 records in many folders, and ways to run jobs over it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from storage.raw.submission import Submission
from tests.support.data_root import NOON, World, a_ping, submitted

RECORDS = 300
SPEC = {
    "GOOD": {"kind": "boolean", "description": "yes or no", "expires_in_version": "never"},
    "MODE": {"kind": "enumerated", "n_values": 4, "description": "a choice", "expires_in_version": "never"},
    "LOAD_MS": {
        "kind": "exponential",
        "high": 3000,
        "n_buckets": 10,
        "description": "a time",
        "expires_in_version": "never",
    },
}
SYSTEMS = ("WINNT", "Darwin", "Linux")


def job_ping(number: int) -> dict[str, Any]:
    """Return ping *number*; its fields vary, so that its record is in one of many folders."""
    ping = a_ping(number)
    ping["info"] |= {
        "reason": ("saved-session", "idle-daily")[number % 2],
        "appUpdateChannel": ("nightly", "aurora", "beta")[number // 2 % 3],
        "appVersion": ("30.0a1", "29.0")[number // 6 % 2],
        "appBuildID": f"201403{1 + number % 5:02}030202",
        "OS": SYSTEMS[number * 7 % 11 % 3],
        "version": "6.1",
        "arch": "x86",
    }
    good = {"range": [1, 2], "bucket_count": 3, "histogram_type": 2, "sum": number % 2}
    mode = {"range": [1, 4], "bucket_count": 5, "histogram_type": 1, "sum": number % 4}
    ping["histograms"] = {
        "GOOD": good | {"values": {str(number % 2): 1, "2": 0}},
        "MODE": mode | {"values": {str(number % 4): 2}},
        "LOAD_MS": ping["histograms"]["LOAD_MS"],
    }
    return ping


def job_submissions(numbers: range) -> list[Submission]:
    """Return the submissions of pings, over two days."""
    return [submitted(job_ping(n), n, at=NOON + timedelta(hours=24 * (n % 2), seconds=n)) for n in numbers]


def made_world(path: Path, numbers: range) -> World:
    """Return a data root that has converted the pings *numbers*."""
    world = World(path)
    world.put_specs(spec=SPEC)
    world.receive(job_submissions(numbers))
    asyncio.run(world.convert())
    return world


@pytest.fixture(scope="session")
def job_world(tmp_path_factory) -> World:
    """One data root; tests only read it."""
    return made_world(tmp_path_factory.mktemp("jobs") / "data", range(RECORDS))


@dataclass(frozen=True)
class Jobs:
    """Runs jobs on one data root."""

    command: Callable[..., tuple[str, str]]
    data: Path
    folder: Path

    def write(self, text: str, name: str = "job.py") -> Path:
        """Write a job file."""
        path = self.folder / name
        path.write_text(dedent(text))
        return path

    def run(self, text: str, *options: str, status: int = 0) -> tuple[str, str]:
        """Run the job *text*; return the output and what was said."""
        job = self.write(text)
        return self.command("mapreduce", str(job), *self.always, *options, status=status)

    @property
    def always(self) -> list[str]:
        """The options of every run."""
        return ["--data", str(self.data), "--work", str(self.folder), "--mappers", "2"]

    def output(self, text: str, *options: str) -> list[str]:
        """Return the lines that the job *text* writes."""
        return self.run(text, *options)[0].splitlines()

    def left(self) -> list[str]:
        """Return the names of what runs have left behind."""
        return sorted(path.name for path in self.folder.iterdir() if not path.name.endswith(".py"))


@pytest.fixture
def jobs(command, job_world, tmp_path) -> Jobs:
    """Runs jobs on `job_world`."""
    return Jobs(command, job_world.root.path, tmp_path)


@pytest.fixture
def lines(command, job_world) -> list[tuple[str, str]]:
    """Ids and JSON of all records, as ``cat converted`` prints them."""
    text, _ = command("cat", "converted", "--data", str(job_world.root.path))
    return [(line.partition("\t")[0], line.partition("\t")[2]) for line in text.splitlines()]
