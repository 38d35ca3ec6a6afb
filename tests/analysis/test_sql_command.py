"""``telemetry-server sql`` as a person or a script uses it."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from telemetry_server.analysis import extras
from telemetry_server.cli.main import main
from tests.support.waiting import PATIENCE_SECONDS, wait_for

VALUES = """
SELECT 1 AS whole, 170141183460469231731687303715884105727::HUGEINT AS large, 9007199254740993 AS exact,
  12.50 AS decimal, 0.1::DOUBLE AS float, 'nan'::DOUBLE AS nan, 'größe "x", y' AS text, NULL AS nothing,
  true AS flag, [1, NULL, 3] AS list, MAP {'a': 'b'} AS map, {'x': [1]} AS struct,
  TIMESTAMP '2026-11-22 12:00:00.000001' AS moment, DATE '2026-11-22' AS day, TIME '12:00:01' AS clock,
  TIMESTAMPTZ '2026-11-22 14:00:00+02' AS zoned, INTERVAL 1 DAY AS span,
  '00000000-0000-4000-8000-000000000001'::UUID AS id, '\\xAB'::BLOB AS bytes,
  e'\\x1b[2J' || chr(155) AS command
"""


def test_json_is_an_array_of_objects_with_exact_values(rows_of):
    """Integers and decimals have all digits, lists are arrays, moments are in UTC."""
    (row,) = rows_of(VALUES)

    assert row == {
        "whole": 1,
        "large": 170141183460469231731687303715884105727,
        "exact": 9007199254740993,
        "decimal": 12.5,
        "float": 0.1,
        "nan": None,
        "text": 'größe "x", y',
        "nothing": None,
        "flag": True,
        "list": [1, None, 3],
        "map": {"a": "b"},
        "struct": {"x": [1]},
        "moment": "2026-11-22T12:00:00.000001Z",
        "day": "2026-11-22",
        "clock": "12:00:01",
        "zoned": "2026-11-22T12:00:00.000000Z",
        "span": "1 day, 0:00:00",
        "id": "00000000-0000-4000-8000-000000000001",
        "bytes": "ab",
        "command": "\x1b[2J\x9b",
    }


def test_json_has_no_character_that_a_terminal_obeys(sql):
    """They are escapes in the text, and themselves once it is parsed."""
    out, _ = sql(VALUES, "--format", "json")

    assert all(character.isprintable() or character == "\n" for character in out)
    assert '"decimal":12.50,' in out


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT 1 AS a WHERE false", "[]\n"),
        ("SELECT 1 AS a", '[\n{"a":1}\n]\n'),
        ("SELECT 1 AS a, 2 AS a, 3 AS a_1", '[\n{"a":1,"a_1":2,"a_1_1":3}\n]\n'),
    ],
)
def test_json_of_few_rows_is_whole(sql, statement, expected):
    """No rows are an empty array; columns of one name get numbers."""
    assert sql(statement, "--format", "json")[0] == expected
    assert sql(statement, "--json")[0] == expected


def test_ndjson_is_an_object_a_line(sql):
    """In the order that the statement asks for."""
    out, _ = sql("SELECT range AS n FROM range(2500) ORDER BY n DESC", "--format", "ndjson")

    assert [json.loads(line)["n"] for line in out.splitlines()] == list(range(2499, -1, -1))


def test_csv_has_a_line_of_names_and_no_cell_that_a_spreadsheet_runs(sql):
    """NULL is an empty cell, lists and maps are JSON; a text like a formula follows an apostrophe."""
    statement = "SELECT '=1+1' AS a, NULL AS b, 'x,\"y\"\nz' AS c, [1, 2] AS d, 0.1::DOUBLE AS e, true AS f"

    out, _ = sql(statement, "--format", "csv")

    assert list(csv.reader(io.StringIO(out))) == [
        ["a", "b", "c", "d", "e", "f"],
        ["'=1+1", "", 'x,"y"\nz', "[1,2]", "0.1", "true"],
    ]


def test_in_csv_only_numbers_begin_with_a_sign(sql):
    """A spreadsheet would run a negative span of time, which is a text to it."""
    out, _ = sql("SELECT -1 AS a, -1.50 AS b, '-inf'::DOUBLE AS c, INTERVAL (-1) DAY AS d", "--format", "csv")

    assert list(csv.reader(io.StringIO(out)))[1] == ["-1", "-1.50", "-inf", "'-1 day, 0:00:00"]


def test_a_table_shows_text_of_clients_as_text(sql):
    """Control characters are escapes; NULL is visible; numbers stand to the right and keep their digits."""
    out, _ = sql("SELECT e'\\x1b[2Jx\\ny' AS text, NULL AS nothing, 1234567 AS number")

    assert out.splitlines() == [
        "text         nothing   number",
        "-----------  -------  -------",
        "\\x1b[2Jx\\ny  NULL     1234567",
    ]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_table_fits_the_terminal(sql, monkeypatch, columns):
    """Long cells are cut, and many columns become lines."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    for statement in ("SELECT * FROM pings", "SELECT * FROM records", "SELECT * FROM days"):
        out, _ = sql(statement)

        assert all(len(line) <= columns for line in out.splitlines())
        assert out.count("\n") > 2


@pytest.mark.parametrize("is_terminal", [True, False])
def test_csv_on_stdout_has_no_character_that_a_terminal_obeys(sql, tmp_path, monkeypatch, is_terminal):
    """A pipe may end in one, too, and keeps the lines of a cell; a file gets them as they are."""
    statement, target = "SELECT e'a\\x1b[2J' AS a, e'b\nc' AS b", tmp_path / "result"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)

    printed, _ = sql(statement, "--format", "csv")
    sql(statement, "--format", "csv", "--output", str(target))

    assert printed == "a,b\na\\x1b[2J," + ("b\\nc\n" if is_terminal else '"b\nc"\n')
    assert target.read_text() == 'a,b\na\x1b[2J,"b\nc"\n'


def test_output_is_a_file_and_nothing_on_stdout(sql, tmp_path):
    """In every format; a file that is there is replaced."""
    statement = "SELECT document_id, submission_timestamp FROM pings ORDER BY document_id"
    target = tmp_path / "result"
    for form in ("table", "json", "ndjson", "csv"):
        printed, _ = sql(statement, "--format", form)

        assert sql(statement, "--format", form, "--output", str(target)) == ("", "")
        assert target.read_text(encoding="utf-8") == printed
    assert list(tmp_path.iterdir()) == [target]


def test_parquet_output_has_the_rows_and_their_types(sql, rows_of, tmp_path):
    """Whatever the statement makes of the columns."""
    statement = "SELECT metric, starts, counts, sum, sum AS sum FROM histograms ORDER BY ALL LIMIT 3000"
    target = tmp_path / "result.parquet"

    sql(statement, "--format", "parquet", "--output", str(target))

    assert pq.read_table(target).to_pylist() == rows_of(statement)


def test_parquet_goes_to_a_pipe(table_world):
    """Without ``--output``: the whole file, on standard output."""
    command = [sys.executable, "-m", "telemetry_server", "sql", "SELECT 1 AS a", "--format", "parquet"]

    done = subprocess.run([*command, "--data", str(table_world.root.path)], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
    assert pq.read_table(io.BytesIO(done.stdout)).to_pylist() == [{"a": 1}]


def test_parquet_does_not_go_to_a_terminal(sql, monkeypatch):
    """It would be noise there."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert "--output" in sql("SELECT 1", "--format", "parquet", status=2)[1]


def test_a_statement_that_fails_leaves_the_file_as_it_was(sql, tmp_path):
    """Whole or not at all, however far the result came."""
    target = tmp_path / "result"
    target.write_text("before")
    failing = "SELECT CASE WHEN range = 200000 THEN error('late') ELSE range END FROM range(200001)"
    for statement, timeout, status in ((failing, "60s", 2), ("SELECT * FROM range(100000000000)", "1s", 5)):
        sql(statement, "--format", "csv", "--timeout", timeout, "--output", str(target), status=status)

        assert target.read_text() == "before"
        assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["missing/result", "."])
def test_an_output_that_cannot_be_made_is_one_line(sql, tmp_path, name):
    """No trace of the place is left."""
    _, talk = sql("SELECT 1", "--output", str(tmp_path / name), status=78)

    assert talk.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_output_to_a_device_leaves_the_device(sql):
    """A device is written to, not replaced by a file."""
    sql("SELECT 1", "--output", os.devnull)

    assert not Path(os.devnull).is_file()


def test_the_statement_may_be_in_a_file_or_on_stdin(sql, tmp_path, monkeypatch):
    """With a byte order mark or without."""
    file = tmp_path / "statement.sql"
    file.write_bytes(b"\xef\xbb\xbfSELECT 7 AS n\n-- the end\n")

    assert sql("--file", str(file), "--format", "csv")[0] == "n\n7\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"SELECT 8 AS n")))
    assert sql("--file", "-", "--format", "csv")[0] == "n\n8\n"


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ([], 2),
        (["SELECT 1", "--file", "x.sql"], 2),
        (["--file", "/nowhere/x.sql"], 4),
        (["SELECT 1", "--format", "xml"], 2),
        (["SELECT 1", "--timeout", "0s"], 2),
        (["SELECT 1", "--timeout", "soon"], 2),
        (["SELECT 1", "--memory", "1 acre"], 2),
        (["SELECT 1", "--memory", "0"], 2),
    ],
)
def test_arguments_that_make_no_sense_are_named(sql, words, status):
    """Before anything is read."""
    out, talk = sql(*words, status=status)

    assert out == ""
    assert talk


def test_help_names_every_table(sql, capsys):
    """Those that SHOW TABLES lists."""
    tables, _ = sql("--format", "csv", "SHOW TABLES")
    with pytest.raises(SystemExit):
        main(["sql", "--help"])
    text = capsys.readouterr().out

    named = text.partition("Tables: ")[2].partition(" (docs/sql.md)")[0]
    assert sorted(named.replace(",", "").split()) == tables.split()[1:]


def test_missing_packages_are_one_line_that_says_how_to_install_them(sql, monkeypatch):
    """Status 78."""
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "duckdb" else object())

    _, talk = sql("SELECT 1", status=78)

    assert talk == ("telemetry-server sql: duckdb not installed: pip install 'telemetry-server[tables]'\n")


def test_a_folder_that_is_no_data_root_is_one_line(command, tmp_path):
    """As for other commands."""
    assert command("sql", "SELECT 1", "--data", str(tmp_path), status=78)[1].count("\n") == 1


def started(table_world, *words: str) -> subprocess.Popen:
    """``sql`` in a process of its own."""
    line = (sys.executable, "-m", "telemetry_server", "sql", *words, "--data", str(table_world.root.path))
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_reader_that_goes_away_is_no_error(table_world):
    """``sql … | head``."""
    process = started(table_world, "SELECT * FROM range(100000000)", "--format", "ndjson")
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b'{"range":0}\n'
        process.stdout.close()

        assert process.wait(PATIENCE_SECONDS) == 0
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    "statement", ["SELECT count(*) FROM range(100000000000)", "SELECT * FROM range(10000000000)"]
)
def test_ctrl_c_ends_a_statement_and_leaves_nothing(table_world, tmp_path, statement):
    """Status 130, no words, no file."""
    process = started(table_world, statement, "--format", "csv", "--output", str(tmp_path / "result"))
    wait_for(lambda: any(tmp_path.iterdir()))
    process.send_signal(signal.SIGINT)

    assert process.communicate(timeout=PATIENCE_SECONDS) == (b"", b"")
    # Python ends by the signal if Ctrl-C came during an import; a shell takes both for 130.
    assert process.returncode in (130, -signal.SIGINT)
    assert list(tmp_path.iterdir()) == []


def test_a_statement_that_ignores_the_interrupt_ends_with_its_process(table_world, tmp_path):
    """One function call may run for minutes: the process does not wait for it."""
    statement = "SELECT length(repeat('x', 900000000) || repeat('y', 900000000)) FROM range(40)"
    process = started(table_world, statement, "--timeout", "1s", "--memory", "8GiB")

    out, talk = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 5
    assert out == b""
    assert talk.count(b"\n") == 1


def test_importing_the_room_imports_neither_duckdb_nor_pyarrow():
    """So that ``--help`` and ``serve`` start quickly."""
    code = "import telemetry_server.analysis, telemetry_server.cli.commands.sql, sys; print(*sys.modules)"

    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert not {"duckdb", "pyarrow", "polars"} & set(modules.split())
    assert main  # the command line itself is imported above
