"""Hostile text in every field is inert on every page, in every answer of the API, command and export."""

import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from telemetry_server.cli.commands import tail
from telemetry_server.cli.main import COMMANDS
from telemetry_server.composition.reports import site
from telemetry_server.terminal.csv_text import FORMULA_STARTS
from tests.reports.hostile_pings import HOSTILE, STORES, hostile_world
from tests.reports.reports_server import running_reports
from tests.support.data_root import REVISION, World, an_id

SPELLED = quote(HOSTILE, safe="")
ALL_PINGS = [an_id(number) for number in (1, 2, 3, 4, 5, 6, 7, 20, 21, 22, 30, 31, 40)]
SQL = "SELECT * FROM (SELECT * FROM {}) LIMIT 100"
# Characters that steer a terminal, or the direction of text; lines of a page end with \n.
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")

SOURCES = f"https://hg.mozilla.org/{REVISION.repository}/file/{REVISION.changeset}/"
# Each page and each address of the API that answers a GET, as it is asked for.
TARGETS: dict[str, list[str]] = {
    "/": ["/", "/?last=30d"],
    "/pings": ["/pings", "/pings?live=1", f"/pings?version={SPELLED}&reason={SPELLED}&debug_id={SPELLED}"],
    "/pings/{document_id}": [f"/pings/{each}{more}" for each in ALL_PINGS for more in ("", "?body=1")],
    "/quarantine": [
        "/quarantine?by=hour",
        "/quarantine?reason=invalid_json",
        f"/quarantine?histogram={SPELLED}",
    ],
    "/collected": ["/collected", f"/collected?application={SPELLED}", f"/collected?q={SPELLED}"],
    "/drift": ["/drift", f"/drift?q={SPELLED}"],
    "/stores": ["/stores", "/stores?store=main", "/stores?store=side", f"/stores?store={SPELLED}"],
    "/sql": [
        *(f"/sql?sql={quote(SQL.format(table))}" for table in ("pings", "histograms", "scalars", "events")),
        f"/sql?sql={SPELLED}",
    ],
    "/users": ["/users"],
    "/clients": ["/clients", f"/clients?version={SPELLED}"],
    "/clients/pings": ["/clients/pings", f"/clients/pings?country={SPELLED}"],
    "/probes": ["/probes", f"/probes?q={SPELLED}"],
    "/probes/{name}": ["/probes/LOAD_MS", "/probes/garden.weather.note"],
    "/probes/{name}/pings": ["/probes/LOAD_MS/pings"],
    "/search": [f"/search?q={SPELLED}"],
    "/normandy": ["/normandy"],
    "/normandy/recipes/{id}": ["/normandy/recipes/9", "/normandy/recipes/nothing%3Cimg%3E"],
    "/normandy/studies/{slug}": ["/normandy/studies/nothing%3Cimg%3E"],
    "/sign-in": [f"/sign-in?next={SPELLED}"],
    "/theme": [f"/theme?theme={SPELLED}"],
    "/api/v1/status": ["/api/v1/status"],
    "/api/v1/pings": ["/api/v1/pings"],
    "/api/v1/pings/{document_id}": [f"/api/v1/pings/{each}?body=1" for each in ALL_PINGS],
    "/api/v1/submissions": ["/api/v1/submissions"],
    "/api/v1/quarantine": ["/api/v1/quarantine", "/api/v1/quarantine?bodies=1"],
    "/api/v1/quarantine/counts": ["/api/v1/quarantine/counts"],
    "/api/v1/quarantine/replay": ["/api/v1/quarantine/replay"],
    "/api/v1/probes": ["/api/v1/probes"],
    "/api/v1/probes/{name}": ["/api/v1/probes/LOAD_MS"],
    "/api/v1/probes/{name}/pings": ["/api/v1/probes/LOAD_MS/pings"],
    "/api/v1/stores": ["/api/v1/stores"],
    "/api/v1/collected": ["/api/v1/collected"],
    "/api/v1/drift": ["/api/v1/drift"],
    "/api/v1/normandy/uptake": ["/api/v1/normandy/uptake"],
    "/api/v1/normandy/recipes": ["/api/v1/normandy/recipes"],
    "/api/v1/normandy/studies": ["/api/v1/normandy/studies"],
    "/api/v1/histogram": ["/api/v1/histogram?metric=LOAD_MS&by=version"],
    "/api/v1/clients": ["/api/v1/clients?by=version,channel"],
    "/api/v1/clients/pings": ["/api/v1/clients/pings"],
    "/api/v1/jobs/{id}": [f"/api/v1/jobs/{quote('<img>')}"],
    "/aggregates_by/{by}/channels/": ["/aggregates_by/build_id/channels/"],
    "/aggregates_by/{by}/channels/{channel}/dates/": ["/aggregates_by/build_id/channels/x/dates/"],
    "/aggregates_by/{by}/channels/{channel}/": ["/aggregates_by/build_id/channels/x/"],
    "/filters/": ["/filters/?channel=x&version=1"],
}
# These answer nothing that a client sent.
# tests/fuel/test_fuel_api.py and test_fuel_failures.py look at these: their text is that of other clients.
OF_FUEL = ("/fuel", "/api/v1/fuel/", "/api/v1/json/", "/api/v1/csv/")
OURS_ALONE = {"/api/openapi.json", "/static/{name}", "/__lbheartbeat__", "/__version__", "/metrics"}


class _Tags(HTMLParser):
    """Collects what a page could run or fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag in ("img", "iframe", "object", "style") or (
            tag == "script" and not (given.get("src") or "").startswith("/static/")
        ):
            self.wrong.append(tag)
        for name, value in attributes:
            is_address = name in ("href", "src", "action")
            if name.startswith("on") or name == "style" or (is_address and not _is_ours(value or "")):
                self.wrong.append(f"{tag} {name}={value}")


def _is_ours(address: str) -> bool:
    is_source = address.startswith(SOURCES)  # a definition's text
    return is_source or (address.startswith(("/", "#")) and not address.startswith("//"))


def wrong_in_page(text: str, *, is_echo: bool = False) -> list[str]:
    """What of a page is not plain text; a form repeats what the visitor's own address says, as it is."""
    tags = _Tags()
    tags.feed(text)
    if is_echo:
        return tags.wrong
    return tags.wrong + [ascii(found) for found in STEERING.findall(text)[:3]]


def wrong_in_csv(text: str) -> list[str]:
    """The cells that a spreadsheet would run."""
    cells = (cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row)
    return [cell[:40] for cell in cells if cell.startswith(FORMULA_STARTS) and not _is_number(cell)]


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"-?[0-9.]+(e[+-]?[0-9]+)?", cell) is not None


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    """The data root; nothing changes it."""
    return hostile_world(tmp_path_factory.mktemp("hostile"))


def test_the_text_is_in_every_place_that_is_looked_at(world):
    """Else the other tests here would look at nothing."""
    texts = json.dumps([fields for _, fields in [*world.lines(), *world.lines("quarantine")]])
    counts = {
        reason: len(world.lines("quarantine", reason=reason)) for reason in ("invalid_json", "conflict")
    }

    assert texts.count(json.dumps(HOSTILE)[1:-1]) > 50
    assert len(world.lines()) >= 6
    assert min(counts.values()) >= 1


def test_the_table_names_every_address_that_answers_a_get():
    """A new page or route of the API gets a line."""
    served = {route.template for route in site().routes if route.method == "GET"}
    served = {template for template in served if not template.startswith(OF_FUEL)}

    assert set(TARGETS) | OURS_ALONE == served


async def test_pages_and_the_api_hold_the_text_as_text(world):
    """No markup, no steering character, no formula; JSON holds the exact text."""
    with_csv = {route.template for route in site().routes if route.has_csv}
    wrong: dict[str, list[str]] = {}
    exact = 0
    async with running_reports(world.setup, timeout_seconds=120.0) as reports:
        for template, targets in TARGETS.items():
            for target in targets:
                answer = await reports.get(target)
                kind = answer.headers["Content-Type"]
                if "html" in kind:
                    found = wrong_in_page(answer.text, is_echo=SPELLED in target)
                else:
                    found = [] if answer.status == 303 else [] if answer.json() is not None else ["no JSON"]
                    exact += answer.text.count(json.dumps(HOSTILE)[1:20])
                if answer.status >= 500:
                    found.append(f"status {answer.status}: {answer.text[:300]}")
                if template in with_csv:
                    joint = "&" if "?" in target else "?"
                    table = await reports.get(f"{target}{joint}format=csv")
                    found += wrong_in_csv(table.text)
                if found:
                    wrong[target[:80]] = found
        for table in ("pings", "histograms", "scalars", "events", "uptake", "enrollments", "quarantine"):
            result = await reports.post("/api/v1/sql?format=csv", json={"sql": f"FROM {table} LIMIT 100"})
            wrong |= {table: found} if (found := wrong_in_csv(result.text)) else {}

    assert not wrong
    assert exact > 20


COMMAND_LINES: dict[str, list[tuple[str, ...]]] = {
    "convert": [("convert",), ("convert", "--json")],
    "cat": [("cat", store) for store in ("raw", "converted", "quarantine")],
    "explain": [("explain", each, *more) for each in ALL_PINGS[:-3] for more in ((), ("--json",))],
    "replay": [("replay", "--dry-run"), ("replay", "--dry-run", "--json")],
    "audit": [("audit",), ("audit", "--json")],
    "retention": [("retention", "plan"), ("retention", "plan", "--json")],
    "collected": [],  # tests/reports/test_collected.py
    "compact": [("compact", "--date", "20261122")],
    "sql": [
        ("sql", f"FROM {table} LIMIT 50", "--format", form)
        for table in ("pings", "histograms", "scalars", "events", "uptake", "enrollments")
        for form in ("table", "json", "ndjson", "csv")
    ],
    "normandy": [
        ("normandy", what, *more) for what in ("uptake", "recipes", "studies") for more in ((), ("--json",))
    ],
    "tables": [("tables", "list"), ("tables", "check")],
    "stores": [("stores",), ("stores", "--json")],
    "drift": [("drift",), ("drift", "--json")],
    "aggregate": [("aggregate",)],
    "histogram": [
        ("histogram", "LOAD_MS", "--by", "version", *more) for more in ((), ("--csv",), ("--json",))
    ],
    "clients": [("clients", "--by", "version,channel", *more) for more in ((), ("--csv",), ("--json",))],
    "mapreduce": [],  # tests/mapreduce/test_jobs.py
    "export": [],  # tests/flow/test_exports.py
    "tail": [("tail", "--all"), ("tail", "--all", "--json")],
    "doctor": [("doctor",)],
    "repair": [("repair", "--dry-run")],
}
# What these print is of operators and of files that they name.
NO_CLIENT_TEXT = {
    *(
        "serve",
        "archive",
        "forget",
        "pull",
        "forget",
        "reports",
        "users",
        "tokens",
        "backup",
        "restore",
        "specs",
        "fuel",
        "fuel-sender",
        "generate",
    ),
    *("doctypes", "point", "certificate", "demo", "health", "completion", "config"),
}
FINDINGS = {"doctor", "repair", "tables", "convert"}  # may end with another status


def test_the_table_names_every_command():
    """A new command is in one of the two lists."""
    assert set(COMMAND_LINES) | NO_CLIENT_TEXT == {name for name, _ in COMMANDS}


def lines_of(text: str, words: tuple[str, ...]) -> Iterator[str]:
    """The lines of an output; of `cat` the tab between id and object is left out."""
    for line in text.split("\n"):
        yield line.replace("\t", "", 1) if words[0] == "cat" else line


@pytest.fixture
def print_command(command, tmp_path, monkeypatch):
    """Like `command`, with the file of stores that the data root was converted with."""
    path = tmp_path / "stores.toml"
    path.write_bytes(STORES)
    monkeypatch.setenv("TELEMETRY_STORES_FILE", str(path))
    monkeypatch.setattr(tail, "LOOK_BACK_SECONDS", 1e9)
    monkeypatch.setattr(tail, "_is_read", lambda seconds: False)
    return command


@pytest.mark.parametrize("name", [name for name, lines in COMMAND_LINES.items() if lines])
def test_commands_print_the_text_as_safe_lines(name, world, print_command, capsys):
    """Nothing steers a terminal; CSV has no formula; JSON is JSON."""
    for words in COMMAND_LINES[name]:
        try:
            out, err = print_command(*words, "--data", str(world.root.path))
        except AssertionError:
            if name not in FINDINGS:
                raise
            out, err = capsys.readouterr()
        for line in (*lines_of(out, words), *err.split("\n")):
            assert "csv" in words or not STEERING.search(line), (words, ascii(line)[:300])
        if "csv" in words or "--csv" in words:  # in a pipe, texts are as sent
            assert not wrong_in_csv(out), words
        if "--json" in words and name != "tail":
            json.loads(out)


def test_files_that_commands_write_run_nothing_in_a_spreadsheet(world, command, tmp_path):
    """CSV of `sql`; the other formats are for programs."""
    path = tmp_path / "pings.csv"
    words = ("sql", "SELECT * FROM pings", "--format", "csv", "--output", str(path))
    command(*words, "--data", str(world.root.path))

    text = path.read_bytes().decode()
    assert text.count("=HYPERLINK") > 3
    assert not wrong_in_csv(text)
