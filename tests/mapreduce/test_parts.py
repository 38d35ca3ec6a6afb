"""Parts: several data roots, each mapped by itself, and one merge."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from tests.mapreduce.conftest import Jobs, job_submissions, made_world
from tests.mapreduce.original_jobs import ORIGINAL_JOBS, SUM
from tests.support.data_root import World

COUNT = 'def map(key, dims, value, context):\n    context.write("/".join(dims), 1)\n' + SUM
IN_ORDER = """
def map(key, dims, value, context):
    context.write("/".join(dims[:2]), key)

def reduce(key, values, context):
    context.write(key, " ".join(values))
"""


@pytest.fixture(scope="module")
def three_worlds(tmp_path_factory) -> tuple[World, World, World]:
    """Two data roots, and one with the records of both."""
    folder = tmp_path_factory.mktemp("worlds")
    return (
        made_world(folder / "one", range(60)),
        made_world(folder / "two", range(60, 120)),
        made_world(folder / "both", range(120)),
    )


@pytest.fixture
def machines(three_worlds, command, tmp_path) -> list[Jobs]:
    """Runs jobs on each of `three_worlds`."""
    return [Jobs(command, world.root.path, tmp_path) for world in three_worlds]


def part_of(machine: Jobs, text: str, name: str, *options: str, status: int = 0) -> str:
    """Make a part; return its path."""
    path = machine.folder / name
    machine.run(text, "--part", str(path), *options, status=status)
    return str(path)


@pytest.mark.parametrize("text", [COUNT, IN_ORDER, ORIGINAL_JOBS[4].text], ids=["count", "order", "extract"])
def test_merged_parts_equal_one_run_over_all_records(machines, text):
    """Also where the order of values matters: by folder, then part by part."""
    one, two, both = machines
    parts = [part_of(one, text, "one.part"), part_of(two, text, "two.part")]
    job = str(one.write(text))
    merged, _ = one.command("mapreduce", job, "--merge", *parts, "--work", str(one.folder))

    assert merged == both.run(text)[0]
    assert one.left() == ["one.part", "two.part"]


def test_merging_one_part_equals_the_run(machines):
    """To the byte."""
    one = machines[0]
    part = part_of(one, IN_ORDER, "one.part", "--mappers", "3")

    assert one.command("mapreduce", str(one.write(IN_ORDER)), "--merge", part)[0] == one.run(IN_ORDER)[0]


def test_a_part_may_go_to_standard_output(machines):
    """So that another machine gets it through a pipe; it has the bytes of the file."""
    one = machines[0]
    part = Path(part_of(one, COUNT, "one.part")).read_bytes()
    words = ["mapreduce", str(one.write(COUNT)), *one.always, "--part", "-"]

    done = subprocess.run([sys.executable, "-m", "telemetry_server", *words], capture_output=True, check=True)

    assert done.stdout == part
    assert b"records" in done.stderr


def test_a_part_does_not_go_to_a_terminal(machines, monkeypatch):
    """It would be noise there."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert "name a file with --part" in machines[0].run(COUNT, "--part", "-", status=2)[1]


def test_a_part_begins_with_a_line_of_json(machines):
    """Hashes, the data root's id, and counts."""
    one = machines[0]
    path = part_of(one, COUNT, "one.part")
    with zstd.open(path) as part:
        header = json.loads(part.readline())

    assert (header["format"], header["version"]) == ("telemetry-server part", 1)
    assert re.fullmatch("[0-9a-f]{64}", header["job"])
    assert re.fullmatch("[0-9a-f]{64}", header["filter"])
    assert re.fullmatch("[0-9a-f]{32}", header["root"])
    assert (header["records"], header["skipped"]) == (60, 0)
    assert header["files"] == len(header["directory_of_file"]) == len(header["directories"])


def test_a_part_of_nothing_merges_with_others(machines):
    """A machine whose records the filter excludes."""
    one, two, _ = machines
    (one.folder / "f.json").write_text(
        '{"version": 1, "dimensions": [{"field_name": "submission_date", "allowed_values": "20200101"}]}'
    )
    only = ["--filter", str(one.folder / "f.json")]
    parts = [part_of(one, COUNT, "a", *only), part_of(two, COUNT, "b", *only)]
    output, said = one.command("mapreduce", str(one.write(COUNT)), "--merge", *parts)

    assert output == ""
    assert "0 records" in said


def test_the_same_data_root_twice_is_refused(machines):
    """Its records would count twice."""
    one = machines[0]
    parts = [part_of(one, COUNT, "a"), part_of(one, COUNT, "b")]
    words = ["mapreduce", str(one.write(COUNT)), "--merge", *parts, "--output", str(one.folder / "out")]
    _, said = one.command(*words, status=4)

    assert "are of one data root" in said
    assert not (one.folder / "out").exists()


def test_parts_of_two_jobs_are_refused(machines):
    """And so is a part of another job than the one that merges."""
    one, two, _ = machines
    parts = [part_of(one, COUNT, "a"), part_of(two, IN_ORDER, "b")]
    _, said = one.command("mapreduce", str(one.write(COUNT)), "--merge", *parts, status=4)

    assert "b was made by another job" in said


def test_a_changed_module_beside_the_job_makes_another_job(machines):
    """It is part of the job."""
    one = machines[0]
    one.write("WORD = 'x'", "part_helper.py")
    text = "import part_helper\n" + COUNT
    part = part_of(one, text, "a")
    one.write("WORD = 'y'", "part_helper.py")
    _, said = one.command("mapreduce", str(one.folder / "job.py"), "--merge", part, status=4)

    assert "made by another job" in said


def test_parts_of_two_filters_are_refused(machines):
    """Together they would answer no question."""
    one, two, _ = machines
    (one.folder / "f.json").write_text(
        '{"version": 1, "dimensions": [{"field_name": "appName", "allowed_values": "Firefox"}]}'
    )
    parts = [part_of(one, COUNT, "a"), part_of(two, COUNT, "b", "--filter", str(one.folder / "f.json"))]
    _, said = one.command("mapreduce", str(one.write(COUNT)), "--merge", *parts, status=4)

    assert "were made with different filters" in said


@pytest.mark.parametrize("damage", ["cut", "changed", "none", "missing", "header"])
def test_a_damaged_part_is_refused(machines, damage):
    """One line, status 4, no output."""
    one = machines[0]
    path = one.folder / "a"
    part_of(one, COUNT, "a")
    data = path.read_bytes()
    if damage == "cut":
        path.write_bytes(data[:-5])
    elif damage == "changed":
        path.write_bytes(data[:-40] + bytes([data[-40] ^ 255]) + data[-39:])
    elif damage == "none":
        path.write_bytes(b"no part\n")
    elif damage == "header":
        path.write_bytes(data[:20])
    else:
        path.unlink()
    words = ["mapreduce", str(one.write(COUNT)), "--merge", str(path), "--output", str(one.folder / "out")]
    _, said = one.command(*words, status=4)

    assert str(path) in said
    assert len(said.splitlines()) == 1
    assert not (one.folder / "out").exists()


def test_records_that_are_stored_while_a_job_runs_are_not_read(tmp_path, command):
    """And compaction meanwhile takes no file away."""
    world = made_world(tmp_path / "data", range(40))
    jobs = Jobs(command, world.root.path, tmp_path)
    go_on = tmp_path / "go-on"
    text = f"""
    import os, subprocess, sys, time
    def map(key, dims, value, context):
        if not os.path.exists({str(go_on)!r}):
            with open({str(go_on)!r}, "w"):
                pass
            code = "from tests.mapreduce.test_parts import store_more; store_more({str(world.root.path)!r})"
            subprocess.run([sys.executable, "-c", code], check=True)
        context.write("n", 1)
    def reduce(key, values, context):
        context.write(key, len(values))
    """

    before = sorted(path.name for path in world.root.converted.rglob("*.zst"))
    assert jobs.output(text, "--mappers", "1") == ["n\t40"]
    assert sorted(path.name for path in world.root.converted.rglob("*.zst")) != before
    assert jobs.output(text) == ["n\t160"]


def store_more(data: str) -> None:
    """Convert 120 more pings into *data*, and merge their frames with the older ones."""
    from pathlib import Path

    from storage.disk import Disk
    from storage.ledger.ledger import Ledger
    from storage.partitions.compact import compact_day

    world = World(Path(data))
    for first in (1020, 2040):
        world.receive(job_submissions(range(first, first + 60)))
        asyncio.run(world.convert())
    with Ledger(world.root.ledger) as ledger:
        for day in ("20261122", "20261123"):
            assert list(compact_day(world.root.path, ledger, Disk(), day))
