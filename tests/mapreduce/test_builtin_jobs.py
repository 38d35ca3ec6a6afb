"""The built-in jobs, and the files for the dashboards of the original server."""

import asyncio
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from histogram_specs.revision import Revision
from tests.mapreduce.conftest import Jobs
from tests.support.data_root import NOON, World, submitted

FORMAT = Path(__file__).resolve().parents[2].joinpath("StorageFormat.md").read_text(encoding="utf-8")
NAME = "DOM_TIMERS_FIRED_PER_NATIVE_TIMEOUT"
STARTS = [0, 1, 3, 8, 21, 57, 154, 414, 1114, 3000]
ROW = [0, 1232, 7, 2, 0, 0, 0, 1, 0, 0, 1279, 873.474196434021, 624.027626294358, -1, -1]
COUNTS, SUM = ROW[:10], ROW[10]
FILTER = {"idle-daily": {"Firefox": {"WINNT": {"6.1": {"x86": {}}}}}}


def example(name: str) -> object:
    """An example of StorageFormat.md."""
    (text,) = re.findall(rf"```json {name}\n(.*?)```", FORMAT, re.DOTALL)
    return json.loads(text)


def page_ping(**info) -> dict:
    """The ping of the page, with what its machine says of itself."""
    revision = "https://hg.mozilla.org/releases/mozilla-release/rev/a55c55edf302"
    about = {
        "reason": "idle-daily",
        "appName": "Firefox",
        "appUpdateChannel": "release",
        "appVersion": "23.0.1",
        "appBuildID": "20130814063812",
        "revision": revision,
        "OS": "WINNT",
        "version": "6.1",
        "arch": "x86",
    }
    return {"ver": 1, "info": about | info, "histograms": {NAME: example("verbose")}}


def jobs_over(pings: list[dict], command, folder: Path) -> Jobs:
    """Runs jobs over records of *pings*."""
    world = World(folder / "data")
    definition = example("definition")
    definition[NAME]["description"] = "timers"
    world.put_specs(Revision("releases/mozilla-release", "a55c55edf302"), definition)
    world.receive([submitted(ping, number, at=NOON) for number, ping in enumerate(pings)])
    asyncio.run(world.convert())
    (folder / "work").mkdir()
    return Jobs(command, world.root.path, folder / "work")


@pytest.fixture
def page_jobs(command, tmp_path):
    """Runs jobs over the record of the page."""
    return jobs_over([page_ping()], command, tmp_path)


def test_the_frontend_job_gives_a_line_for_each_histogram(page_jobs):
    """Counts, sum, instances."""
    output, _ = page_jobs.command("mapreduce", "frontend", *page_jobs.always)
    key, text = output.rstrip("\n").split("\t")

    assert key == f"release/23/{NAME}"
    assert text == json.dumps(
        {"buckets": STARTS, "values": {"20130814/idle-daily/Firefox/WINNT/6.1/x86": [*COUNTS, SUM, 1]}},
        separators=(",", ":"),
    )


def test_the_frontend_job_adds_rows_of_equal_paths(command, tmp_path):
    """And leaves out other channels, pings that lack a part, and histograms without a sum."""
    no_sum = page_ping(reason="saved-session")
    del no_sum["histograms"][NAME]["sum"]
    pings = [
        *[page_ping(OS="Linux", version="3.16.0-4") for _ in range(60)],
        page_ping(appUpdateChannel="default"),
        page_ping(OS=""),
        page_ping(appVersion="x/../../y"),
        page_ping(OS="a/b"),
        no_sum,
    ]
    jobs = jobs_over(pings, command, tmp_path)
    output, _ = jobs.command("mapreduce", "frontend", *jobs.always)
    (line,) = output.splitlines()
    values = json.loads(line.partition("\t")[2])["values"]

    assert values == {
        "20130814/idle-daily/Firefox/Linux/3.1/x86": [60 * count for count in COUNTS] + [60 * SUM, 60],
        "20130814/idle-daily/Firefox/a_b/6.1/x86": [*COUNTS, SUM, 1],
    }


def exported(jobs: Jobs, form: str, folder: Path) -> dict[str, object]:
    """The exported files, by name."""
    jobs.command("export", form, "--output", str(folder), "--data", str(jobs.data), "--mappers", "1")
    return {
        str(path.relative_to(folder)): json.loads(path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_frontend_files_are_what_its_page_loads(page_jobs, tmp_path):
    """Run twice, they are the same."""
    files = exported(page_jobs, "frontend", tmp_path / "out")
    leaf = 5

    assert files == {
        "versions.json": ["release/23"],
        f"release/23/{NAME}.json": {
            "buckets": STARTS,
            "values": {"20130814": [[*COUNTS, SUM, 1, leaf]]},
        },
        "release/23/filter.json": tree("0"),
        "release/23/histograms.json": {NAME: [leaf]},
    }
    assert exported(page_jobs, "frontend", tmp_path / "out") == files
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["release", "versions.json"]


def tree(root_id: str | int) -> dict:
    """The tree of one filter."""
    leaf: dict = {"_id": 5}
    system_version = {"_id": 4, "name": "arch", "x86": leaf}
    system = {"_id": 3, "name": "osVersion", "6.1": system_version}
    application = {"_id": 2, "name": "OS", "WINNT": system}
    reason = {"_id": 1, "name": "appName", "Firefox": application}
    return {"_id": root_id, "name": "reason", "idle-daily": reason}


def test_the_dashboard_files_are_what_telemetry_js_loads(page_jobs, tmp_path):
    """Stored rows, with instances and filter; the submission is too late for a file by day."""
    files = exported(page_jobs, "dashboard-v1", tmp_path / "out")

    assert files == {
        "versions.json": {"release/23": "release/23"},
        "release/23/histograms.json": {
            NAME: {
                "kind": "exponential",
                "low": 1,
                "high": 3000,
                "n_buckets": 10,
                "description": "timers",
            }
        },
        "release/23/filter-tree.json": tree(0),
        f"release/23/{NAME}-by-build-date.json": {"20130814": [[*ROW, 1, 5]]},
        f"release/23/{NAME}-by-submission-date.json": {},
    }
    assert exported(page_jobs, "dashboard-v1", tmp_path / "out") == files
    entry = files[f"release/23/{NAME}-by-build-date.json"]["20130814"][0]
    assert sum(entry[:10]) == 1242
    assert round(entry[10] / sum(entry[:10]), 4) == 1.0298


def test_days_of_submission_are_within_sixty_days_of_the_build(command, tmp_path):
    """And what was not sent is not added."""
    pings = [
        page_ping(appBuildID=f"20261{month}{day}000000") for month, day in (("1", 20), ("0", "01"), ("1", 20))
    ]
    pings[0]["histograms"][NAME] |= {"log_sum": -1}
    files = exported(jobs_over(pings, command, tmp_path), "dashboard-v1", tmp_path / "out")
    doubled = [2 * count for count in COUNTS]

    by_day = files[f"release/23/{NAME}-by-submission-date.json"]
    assert list(by_day) == ["20261122"]
    assert by_day["20261122"][0][:10] == [3 * count for count in COUNTS]
    by_build = files[f"release/23/{NAME}-by-build-date.json"]
    assert by_build["20261120"] == [[*doubled, 2 * SUM, ROW[11], 2 * ROW[12], -1, -1, 2, 5]]


def test_numbers_of_filters_stay_when_the_tree_grows(command, tmp_path):
    """A later export in the same folder keeps them."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    out = tmp_path / "out"
    later = [page_ping(), page_ping(OS="Darwin"), page_ping(OS="name")]
    first = exported(jobs_over([page_ping()], command, tmp_path / "one"), "frontend", out)
    second = exported(jobs_over(later, command, tmp_path / "two"), "frontend", out)

    of_firefox = second["release/23/filter.json"]["idle-daily"]["Firefox"]
    assert first["release/23/filter.json"]["idle-daily"]["Firefox"]["WINNT"] == of_firefox["WINNT"]
    assert of_firefox["Darwin"]["6.1"]["x86"]["_id"] > 5
    assert of_firefox["name"] == "OS"
    assert set(second["release/23/histograms.json"][NAME]) >= {5}


def test_an_export_that_cannot_be_written_is_one_line(page_jobs, tmp_path):
    """Status 78."""
    (tmp_path / "file").write_text("")
    words = ["--output", str(tmp_path / "file" / "x"), "--data", str(page_jobs.data)]
    _, said = page_jobs.command("export", "frontend", *words, status=78)

    assert said == f"telemetry-server export: {tmp_path}/file/x: Not a directory\n"


def test_the_simple_jobs_count_records_folders_and_ids(jobs, lines):
    """`count`, `dimensions`, `duplicates`."""
    count, _ = jobs.command("mapreduce", "count", *jobs.always)
    dimensions, _ = jobs.command("mapreduce", "dimensions", *jobs.always)
    duplicates, _ = jobs.command("mapreduce", "duplicates", *jobs.always)

    assert count == f"record_count\t{len(lines)}\n"
    counts = Counter({line.split("\t")[0]: int(line.split("\t")[1]) for line in dimensions.splitlines()})
    assert counts.total() == len(lines)
    assert counts["idle_daily/Firefox/aurora/29.0/20140301030202/20261123"] > 0
    assert duplicates == ""
