"""``aggregate``, ``histogram`` and ``clients``, as a person or a script sees them."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from telemetry_server.cli.commands.histogram import chart_rows
from telemetry_server.cli.days_behind import say_behind
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.terminal.bar_chart import bar_chart
from tests.aggregates.pings import FIXTURE, MAC, REVISION, SPEC, Main, exp, filled
from tests.support.data_root import World

FIRST = "20261118"


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    """The eight pings, without aggregates."""
    found = World(tmp_path_factory.mktemp("aggregates") / "data")
    found.put_specs(REVISION, SPEC)
    asyncio.run(filled(found, FIXTURE.values()))
    return found


@pytest.fixture
def run(world, command):
    """Runs a command on the data root; returns its stdout and stderr."""
    return lambda *words, status=0: command(*words, "--data", str(world.root.path), status=status)


def test_aggregate_says_what_changed(run):
    """Run again, it has nothing to do; the check finds nothing."""
    first = json.loads(run("aggregate", "--json")[0])
    second = json.loads(run("aggregate", "--json")[0])
    checked = json.loads(run("aggregate", "--check", "--json")[0])

    assert first["days"] == ["20261120", "20261121"]
    assert second["days"] == []
    assert checked == {"days": 2, "summaries": 4, "behind": [], "findings": []}


def test_a_check_counts_only_days_that_have_an_aggregate(tmp_path, command):
    """Days that were never summed up are not up to date, and nothing else is said of them."""
    world = World(tmp_path / "data")
    world.put_specs(REVISION, SPEC)
    data = ("--data", str(world.root.path))
    asyncio.run(filled(world, [Main(1, "A", 20, os=MAC)]))
    never = command("aggregate", "--check", *data)[0].splitlines()
    command("aggregate", *data)
    asyncio.run(filled(world, [Main(2, "B", 21, os=MAC)]))
    one = command("aggregate", "--check", *data)[0].splitlines()
    answer = json.loads(command("aggregate", "--check", "--json", *data)[0])

    assert never == [
        "no day has been summed up yet",
        "not up to date (telemetry-server aggregate does that): 20261120",
    ]
    assert one == [
        "the aggregates of 1 days hold what the tables say",
        "not up to date (telemetry-server aggregate does that): 20261121",
    ]
    assert (answer["days"], answer["behind"]) == (1, ["20261121"])


def test_a_damaged_table_is_a_finding(run, world):
    """Status 1; once it is removed, it is made again."""
    run("aggregate")
    path = sorted((world.root.state / "aggregates" / "20261120").glob("*.summary"))[0]
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    _, said = run("aggregate", "--check", status=ExitStatus.FINDINGS)
    path.unlink()
    run("aggregate")

    assert "20261120" in said
    assert path.read_bytes() == data
    run("aggregate", "--check")


@pytest.mark.parametrize(
    "words", [("aggregate",), ("histogram", "EXP", "--weight", "clients"), ("histogram", "NOPE")]
)
def test_a_missing_table_file_is_named(tmp_path, command, words):
    """As by `sql`: to run it again does not help."""
    world = World(tmp_path / "data")
    world.put_specs(REVISION, SPEC)
    asyncio.run(filled(world, FIXTURE.values()))
    data = ("--data", str(world.root.path))
    if words[0] == "histogram":
        command("aggregate", *data)
    path = min(world.root.path.glob("tables/histograms/20261120/part-*"))
    path.unlink()

    _, said = command(*words, *data, status=ExitStatus.BAD_INPUT)

    assert said.splitlines()[-1] == (
        f"telemetry-server {words[0]}: {path} is missing; telemetry-server tables check lists what is wrong"
    )


def test_histogram_prints_a_line_for_each_group(run):
    """With the numbers of the API; what is left out is said."""
    run("aggregate")
    table, said = run("histogram", "EXP")
    answer = json.loads(run("histogram", "EXP", "--by", "version", "--json")[0])
    lines = run("histogram", "EXP", "--csv")[0].splitlines()

    assert table.splitlines()[2].split()[:5] == [FIRST, "106", "5", "4", "2"]
    assert "1 pings (automation)" in said
    assert answer["rows"][0]["samples"] == 114
    assert lines[:3] == ["group,start,label,count", f"{FIRST},0,,0", f"{FIRST},1,,3"]


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (("NOPE",), ExitStatus.FINDINGS, "no revision defines NOPE"),
        (("EXP", "--channel", "beta"), ExitStatus.DONE, "the selection leaves nothing"),
        (("LIN",), ExitStatus.DONE, "no ping of this selection has it"),
        (("EXP", "--by", "branch"), ExitStatus.USAGE, "--experiment"),
        (("",), ExitStatus.USAGE, "argument NAME: it is empty"),
    ],
)
def test_histogram_says_why_there_is_nothing(run, words, status, text):
    """One line."""
    run("aggregate")

    assert text in run("histogram", *words, status=status)[1]


@pytest.mark.parametrize("words", [("histogram", "EXP"), ("clients",)])
def test_histogram_and_clients_do_not_import_heavy_libraries(run, world, words):
    """They read summaries, which takes less time than such imports would."""
    run("aggregate")
    code = (
        "import sys; from telemetry_server.cli.main import main\n"
        "status = main(sys.argv[1:]); print(*sys.modules, file=sys.stderr); sys.exit(status)"
    )
    command = [sys.executable, "-c", code, *words, "--json", "--data", str(world.root.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["rows"]
    heavy = {"aiohttp", "asyncio", "duckdb", "pyarrow", "pydantic", "rich", "structlog", "yaml"}
    assert not heavy & set(done.stderr.split())


def test_clients_are_counted_by_what_is_asked_for(run):
    """As a table, CSV and JSON."""
    run("aggregate")
    table = run("clients", "--by", "version,channel")[0]
    lines = run("clients", "--by", "day", "--from", "2026-11-21", "--csv")[0].splitlines()
    answer = json.loads(run("clients", "--json")[0])

    assert table.splitlines()[-1].split() == ["42", "nightly", "3", "6"]
    assert lines == ["day,clients,pings", "20261121,2,3"]
    assert [row["clients"] for row in answer["rows"]] == [2, 2]


@pytest.mark.parametrize(
    ("words", "days"),
    [
        (("clients",), "20261120, 20261121"),
        (("clients", "--json"), "20261120, 20261121"),
        (("clients", "--from", "20261121", "--csv"), "20261121"),
        (("clients", "--to", "20261119"), ""),
        (("histogram", "EXP"), "20261120, 20261121"),
        (("histogram", "EXP", "--by", "day", "--to", "20261120", "--json"), "20261120"),
        (("histogram", "EXP", "--as-of", "20261120"), "20261120"),
        (("histogram", "EXP", "--by", "branch", "--experiment", "none"), ""),
    ],
)
def test_days_that_are_not_summed_up_yet_are_named(tmp_path, command, words, days):
    """On stderr, with the command that sums them up; then they are not named any more."""
    world = World(tmp_path / "data")
    world.put_specs(REVISION, SPEC)
    asyncio.run(filled(world, FIXTURE.values()))
    data = ("--data", str(world.root.path))
    line = f"not summed up yet: {days}; run: telemetry-server aggregate --data {world.root.path}"

    said = command(*words, *data)[1].splitlines()
    command("aggregate", *data)

    assert [text for text in said if text.startswith("not summed up yet: ")] == ([line] if days else [])
    assert "not summed up" not in command(*words, *data)[1]


def test_a_day_that_grew_is_named_until_it_is_summed_up_again(tmp_path, command):
    """The printed numbers stay what they were."""
    world = World(tmp_path / "data")
    world.put_specs(REVISION, SPEC)
    data = ("--data", str(world.root.path))
    asyncio.run(filled(world, [Main(1, "A", 20, os=MAC, parent=exp({8: 1}, 9))]))
    command("aggregate", *data)
    before = [command(*words, *data)[0] for words in (("clients",), ("histogram", "EXP"))]
    asyncio.run(filled(world, [Main(2, "B", 20, os=MAC, parent=exp({8: 1}, 9))]))

    for words, printed in zip((("clients",), ("histogram", "EXP")), before, strict=True):
        table, said = command(*words, *data)
        assert table == printed
        assert "not summed up yet: 20261120; run: telemetry-server aggregate" in said


def test_of_many_days_the_first_and_the_last_are_named(capsys):
    """And their number."""
    say_behind([f"202611{day}" for day in range(10, 30)], Path("data"))

    assert capsys.readouterr().err == (
        "not summed up yet: 20 days from 20261110 to 20261129; run: telemetry-server aggregate --data data\n"
    )


def test_charts_are_drawn_in_characters():
    """The longest bar fills the line, and what is there is seen."""
    lines = list(bar_chart([("1", 1000.0, "1,000"), ("10", 1.0, "1"), ("100", 0.0, "0")], 40))

    assert max(len(line) for line in lines) <= 40
    assert lines[0].count("█") >= 20
    assert lines[1].endswith("▏")
    assert lines[2] == "100      0"
    assert list(bar_chart([], 40)) == []


def test_a_chart_shows_the_buckets_from_the_first_to_the_last_with_samples():
    """With labels where there are some."""
    row = {"counts": [0, 2, 0, 2, 0], "starts": [0, 1, 2, 3, 4]}

    assert [label for label, _, _ in chart_rows(row)] == ["1", "2", "3"]
    assert chart_rows({**row, "labels": list("abcde")})[0][0] == "b"
    assert chart_rows({**row, "counts": [0] * 5}) == []


def test_names_of_clients_are_text(tmp_path, command):
    """No command prints what a terminal would run."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    evil = Main(1, "A", 20, os=("\x1b[31mred", "1"), parent=exp({8: 1}, 9))
    asyncio.run(filled(world, [evil, Main(2, "B", 20, os=MAC, parent=exp({8: 1}, 9))]))
    command("aggregate", "--data", str(tmp_path))

    for words in ((), ("--csv",), ("--json",)):
        assert "\x1b" not in command("clients", "--by", "os", *words, "--data", str(tmp_path))[0]


def test_a_chart_in_an_svg_file(run, tmp_path):
    """The picture of the last row: no style, script or address of anything outside."""
    run("aggregate")
    path = tmp_path / "chart.svg"
    run("histogram", "EXP", "--svg", str(path))
    text = path.read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not re.search(r"<style|<script|style=|href|url\(", text)
    assert "EXP, " in text


def test_a_chart_on_standard_output(run, tmp_path, monkeypatch):
    """The same; PNG does not go to a terminal."""
    run("aggregate")
    path = tmp_path / "chart.svg"
    run("histogram", "EXP", "--svg", str(path))

    assert run("histogram", "EXP", "--svg", "-")[0] == path.read_text(encoding="utf-8")

    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    _, errors = run("histogram", "EXP", "--png", "-", status=ExitStatus.USAGE)
    assert errors == "telemetry-server histogram: PNG is not text; name a file with --png\n"


def test_a_chart_in_a_png_file(run, tmp_path):
    """The chart of `--svg`, with its texts."""
    pytest.importorskip("vl_convert")
    run("aggregate")
    path = tmp_path / "chart.png"
    run("histogram", "EXP", "--png", str(path))

    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_png_file_needs_an_extra(run, tmp_path, monkeypatch):
    """One line says which."""
    monkeypatch.setattr("telemetry_server.cli.drawing.find_spec", lambda _: None)
    run("aggregate")
    _, errors = run("histogram", "EXP", "--png", str(tmp_path / "chart.png"), status=ExitStatus.CONFIGURATION)

    assert "telemetry-server[charts]" in errors
