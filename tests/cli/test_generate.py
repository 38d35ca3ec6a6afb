"""``generate``: lines on stdout, or pings to a server."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from telemetry_server.cli.main import main
from telemetry_server.generator.definitions import shipped_definitions
from tests.support.running_server import result_of, running_server, telemetry_server
from tests.support.waiting import PATIENCE_SECONDS


def test_lines_are_an_id_and_a_json_object():
    """One ping in each line; the same seed gives the same lines."""
    done = telemetry_server("generate", "--count", "3", "--seed", "7")

    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert len(lines) == 3
    for line in lines:
        document_id, text = line.split("\t")
        assert len(document_id) == 36
        assert json.loads(text)["ver"] == 1
    assert telemetry_server("generate", "--count", "3", "--seed", "7").stdout == done.stdout
    assert telemetry_server("generate", "--count", "3", "--seed", "8").stdout != done.stdout


def test_days_spread_the_arrivals_evenly(tmp_path, command):
    """After conversion each day has its share, and every ping is stored."""
    data, log = str(tmp_path / "data"), tmp_path / "pings.packed"
    command("generate", "--install-specs", "--data", data)
    words = ["generate", "--days", "3", "--count", "9", "--seed", "5", "--last-day", "20240301"]
    done = subprocess.run(
        [sys.executable, "-m", "telemetry_server", *words],
        capture_output=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    log.write_bytes(done.stdout)

    command("convert", str(log), "--data", data)
    out, _ = command("audit", "--data", data, "--json")

    audit = json.loads(out)
    assert audit["balanced"]
    assert {day: books["stored"] for day, books in audit["days"].items()} == {
        "20240228": 3,
        "20240229": 3,
        "20240301": 3,
    }


def test_without_a_last_day_the_days_end_yesterday(tmp_path, command):
    """No ping has a time in the future."""
    words = ["generate", "--days", "2", "--count", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "telemetry_server", *words],
        capture_output=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    log = tmp_path / "pings.packed"
    log.write_bytes(done.stdout)
    command("convert", str(log), "--data", str(tmp_path / "data"))

    out, _ = command("audit", "--data", str(tmp_path / "data"), "--json")

    today = datetime.now(UTC)
    assert set(json.loads(out)["days"]) <= {f"{today - timedelta(days=back):%Y%m%d}" for back in (1, 2, 3)}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--days", "2", "--to", "http://127.0.0.1:1"], "the server sets the time of arrival"),
        (["--format", "lines", "--to", "http://127.0.0.1:1"], "the server sets the time of arrival"),
        (["--days", "2", "--format", "lines"], "use --format packed"),
        (["--last-day", "20240301"], "needs --days"),
        (["--days", "0"], "less than 1"),
        (["--days", "2", "--last-day", "20240230"], "--last-day"),
    ],
)
def test_days_that_cannot_be_spread_are_a_usage_error(command, words, says):
    """The message says what to do instead."""
    _, said = command("generate", *words, status=2)

    assert says in said


def test_install_specs_stores_the_definitions_in_the_revision_cache(tmp_path, capsys):
    """With the revision that the pings name."""
    assert main(["generate", "--install-specs", "--data", str(tmp_path)]) == 0

    definitions = shipped_definitions()
    revision = definitions.revision
    file = tmp_path / "specs" / revision.repository / revision.changeset / "Histograms.json"
    assert file.read_bytes() == definitions.text
    assert definitions.revision_url in capsys.readouterr().out


def test_an_invalid_definitions_file_is_bad_input(tmp_path, capsys):
    """One line and exit status 4."""
    file = tmp_path / "Histograms.json"
    file.write_text("[]")

    assert main(["generate", "--definitions", str(file)]) == 4
    assert str(file) in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_try_again(capsys):
    """One line and exit status 5."""
    assert main(["generate", "--count", "1", "--to", "http://127.0.0.1:1"]) == 5

    shown = capsys.readouterr().err
    assert "does not answer" in shown
    assert shown.count("\n") == 1


def test_pings_that_are_sent_are_stored(tmp_path):
    """Over HTTP and gzipped, as by clients; good ones are stored completely."""
    data = str(tmp_path / "data")
    assert telemetry_server("generate", "--install-specs", "--data", data).returncode == 0
    with running_server(tmp_path) as server:
        sent = result_of("generate", "--count", "12", "--seed", "3", "--to", server.url)
        server.wait_until_converted(12)
        assert server.stop()

    assert sent == {"sent": 12, "answers": {"200": 12}}
    books = result_of("audit", "--data", data)
    assert books["balanced"]
    assert books["total"]["stored"] == 12
