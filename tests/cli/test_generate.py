"""``generate``: lines on stdout, or pings to a server."""

import json

from telemetry_server.cli.main import main
from telemetry_server.generator.definitions import shipped_definitions
from tests.support.running_server import result_of, running_server, telemetry_server


def test_lines_are_an_id_and_a_json_object():
    """One ping a line, the same for the same seed."""
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


def test_definitions_are_put_where_the_server_finds_them(tmp_path, capsys):
    """In the revision cache, under the revision that the pings name."""
    assert main(["generate", "--install-specs", "--data", str(tmp_path)]) == 0

    definitions = shipped_definitions()
    revision = definitions.revision
    file = tmp_path / "specs" / revision.repository / revision.changeset / "Histograms.json"
    assert file.read_bytes() == definitions.text
    assert definitions.revision_url in capsys.readouterr().out


def test_a_definitions_file_that_is_none_is_bad_input(tmp_path, capsys):
    """One line, 4."""
    file = tmp_path / "Histograms.json"
    file.write_text("[]")

    assert main(["generate", "--definitions", str(file)]) == 4
    assert str(file) in capsys.readouterr().err


def test_nobody_listening_is_try_again(capsys):
    """One line, 5."""
    assert main(["generate", "--count", "1", "--to", "http://127.0.0.1:1"]) == 5

    shown = capsys.readouterr().err
    assert "does not answer" in shown
    assert shown.count("\n") == 1


def test_pings_that_are_sent_are_stored(tmp_path):
    """Over HTTP, in gzip, as clients do it; the good ones whole."""
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
