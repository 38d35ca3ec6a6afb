"""The jobs of docs/analysis.md run, and give the output that the page shows."""

import re
from pathlib import Path

import pytest

from telemetry_server.mapreduce.jobs.names import BUILT_IN
from tests.mapreduce.conftest import job_world, jobs  # noqa: F401 - fixtures

PAGE = Path(__file__).resolve().parents[2].joinpath("docs/analysis.md").read_text(encoding="utf-8")
JOBS = dict(re.findall(r"```python (\S+)\n(.*?)```", PAGE, re.DOTALL))
OUTPUTS = dict(re.findall(r"```text (\S+)\n(.*?)```", PAGE, re.DOTALL))


@pytest.mark.parametrize("name", JOBS)
def test_a_job_of_the_page_gives_the_output_of_the_page(jobs, name):  # noqa: F811
    """Over the records of the tests."""
    output, _ = jobs.run(JOBS[name])

    assert output.replace("\r\n", "\n") == OUTPUTS[name]


def test_the_filter_of_the_page_selects_records(jobs):  # noqa: F811
    """As the page says."""
    (text,) = re.findall(r"```json nightly.json\n(.*?)```", PAGE, re.DOTALL)
    (jobs.folder / "nightly.json").write_text(text)
    output, _ = jobs.run(JOBS["systems.py"], "--filter", str(jobs.folder / "nightly.json"))

    assert 0 < sum(int(line.split("\t")[1]) for line in output.splitlines()) < 300


def test_there_are_three_worked_jobs():
    """Each with its output."""
    assert len(JOBS) == 3
    assert JOBS.keys() == OUTPUTS.keys()


def test_every_built_in_job_has_its_row():
    """In the table of built-in jobs."""
    section = PAGE.partition("## Built-in jobs")[2].partition("\n## ")[0]

    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == sorted(BUILT_IN)
