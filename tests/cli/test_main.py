"""The command line as a user sees it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.errors import LedgerError, LostFile, StorageFull
from telemetry_server.cli.error_messages import message_for
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.main import COMMANDS, main
from telemetry_server.demo.temporary_server import bare_environment
from telemetry_server.settings.errors import ConfigurationError
from tests.support.waiting import PATIENCE_SECONDS

CONTRACT_COMMANDS = {
    *("serve", "convert", "cat", "explain", "replay", "audit", "compact", "specs", "generate"),
    *("repair", "backup", "restore"),
    *("doctypes", "point", "tail", "demo", "doctor", "config", "tables", "sql"),
    *("mapreduce", "export"),
}
HEAVY = {
    *("aiohttp", "asyncio", "duckdb", "jinja2", "jsonschema_rs", "orjson", "prometheus_client", "pyarrow"),
    *("pydantic", "rich", "sqlalchemy", "structlog", "uvloop", "yaml"),
}


def telemetry_server(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command from the start of its interpreter."""
    return subprocess.run(
        [sys.executable, "-m", "telemetry_server", *words],
        capture_output=True,
        text=True,
        env=bare_environment() | environment,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_every_command_of_the_contract_is_listed(capsys):
    """With its summary."""
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])

    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert {command for command, _ in COMMANDS} >= CONTRACT_COMMANDS
    for command, summary in COMMANDS:
        assert f"  {command} " in shown
        assert summary in shown


def test_help_imports_nothing_heavy():
    """So it is quick: it imports no other package, and of this one only what lists the commands."""
    code = (
        "import sys; from telemetry_server.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(done.stderr.split())
    ours = {
        name
        for name in modules
        if name.partition(".")[0] in ("telemetry_server", "storage", "histogram_specs")
    }

    assert "commands:" in done.stdout
    assert not modules & HEAVY
    assert ours == {"telemetry_server"} | {
        f"telemetry_server.cli{end}" for end in ("", ".main", ".exit_status")
    }


def test_convert_imports_no_package_that_a_run_does_not_need(tmp_path):
    """The imports take longer than the conversion of a few hundred pings."""
    code = (
        "import sys; from telemetry_server.cli.main import main\n"
        "status = main(sys.argv[1:]); print(*sys.modules, file=sys.stderr); sys.exit(status)"
    )
    command = [sys.executable, "-c", code, "convert", "--data", str(tmp_path)]
    offline = bare_environment() | {"TELEMETRY_REVISION_OFFLINE": "true"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=offline)

    assert "received" in done.stdout
    needed = {"asyncio", "orjson"}
    assert not (HEAVY - needed | {"aiofiles"}) & set(done.stderr.split())


def test_help_is_the_help_of_a_command_or_of_all(command):
    """As people type it who know git; it was taken for a misspelled `health`."""
    assert command("help") == command("--help")
    assert command("help", "sql") == command("sql", "--help")
    assert "no command 'slq'; did you mean sql?" in command("help", "slq", status=2)[1]


@pytest.mark.parametrize("name", [name for name, _ in COMMANDS])
def test_every_command_explains_itself(command, name):
    """--help says what it does and gives an example."""
    shown, _ = command(name, "--help")

    assert f"telemetry-server {name}" in shown
    assert "example" in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("generate", "--count", "x"), "argument --count: 'x' is not a whole number"),
        (("generate", "--count", "-1"), "argument --count: -1 is less than 0"),
        (("generate", "--seed", "x"), "argument --seed: 'x' is not a whole number"),
        (("generate", "--malformed", "x"), "argument --malformed: 'x' is not a number between 0 and 1"),
        (("generate", "--repeats", "2"), "argument --repeats: 2 is not between 0 and 1"),
        (("generate", "--layout", "x"), "argument --layout: 'x' is not a layout: choose classic or unified"),
        (("generate", "--to", "http://127.0.0.1:1/submit"), "must have no path"),
        (("generate", "--to", "127.0.0.1:1"), "write it like http://127.0.0.1:8080"),
        (("demo", "--seed", "1.5"), "argument --seed: '1.5' is not a whole number"),
        (("cat",), "required: raw|converted|quarantine"),
        (("cat", "x"), "argument raw|converted|quarantine: invalid choice: 'x'"),
        (("config",), "required: show|check"),
        (("point",), "required: firefox|glean"),
        (("specs",), "required: prefetch|list|show|diff"),
        (("doctypes",), "required: list|show|check|import"),
    ],
)
def test_a_wrong_argument_is_named_as_in_the_help(command, words, says):
    """The exit status is 2, and the message has no names from the code."""
    _, talk = command(*words, status=ExitStatus.USAGE)

    assert says in talk
    assert "invalid int" not in talk
    assert "invalid _" not in talk


@pytest.mark.parametrize("action", ["list", "show", "check", "import"])
def test_every_action_of_doctypes_gives_an_example(command, action):
    """As every command does."""
    text, _ = command("doctypes", action, "--help")

    assert f"example: telemetry-server doctypes {action}" in text


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("convert", "{missing}", "--data", "{data}"), ExitStatus.BAD_INPUT),
        (("convert", "{unknown}", "--data", "{data}"), ExitStatus.BAD_INPUT),
        (("generate", "--definitions", "{missing}"), ExitStatus.BAD_INPUT),
    ],
)
def test_a_file_that_cannot_be_used_is_named_once(tmp_path, command, words, status):
    """And without errno."""
    unknown = tmp_path / "unknown"
    unknown.write_bytes(b"\x00\x01" * 100)
    names = {"missing": tmp_path / "missing", "unknown": unknown, "data": tmp_path / "data"}
    _, talk = command(*(word.format(**names) for word in words), status=status)

    assert talk.count(str(tmp_path)) == 1
    assert "Errno" not in talk


@pytest.mark.parametrize("setting", ["partition_schema", "constants_file", "rules_file", "schemas_dir"])
def test_a_setting_that_names_a_missing_file_names_it_once(tmp_path, monkeypatch, command, setting):
    """And without errno."""
    monkeypatch.setenv(f"TELEMETRY_{setting.upper()}", "/nowhere/at/all")
    _, talk = command("convert", "--data", str(tmp_path), status=ExitStatus.CONFIGURATION)

    assert f"configuration: {setting} /nowhere/at/all: " in talk
    assert talk.count("/nowhere") == 1
    assert talk.endswith("No such file or directory\n")


def test_version_prints_the_version_of_the_package():
    """It comes from the package's metadata."""
    assert telemetry_server("--version").stdout == "telemetry-server 0.1.0\n"


@pytest.mark.parametrize("words", [("--version",), ("convert", "--data", "data"), ("config", "show")])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_stdout_is_one_line_of_error(tmp_path, words, unbuffered):
    """Also where Python holds the output until the command ends."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "telemetry_server", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=bare_environment() | {"PYTHONUNBUFFERED": unbuffered},
            timeout=PATIENCE_SECONDS,
            check=False,
            text=True,
        )

    assert done.returncode == ExitStatus.TRY_AGAIN
    assert done.stderr.splitlines()[-1].startswith(f"telemetry-server {words[0]}: the disk is full")


def test_a_misspelled_command_gets_a_suggestion():
    """On stderr, with exit status 2."""
    done = telemetry_server("covnert")

    assert done.returncode == ExitStatus.USAGE
    assert "did you mean convert?" in done.stderr
    assert done.stdout == ""


def test_an_unknown_command_without_similar_names_gets_no_suggestion():
    done = telemetry_server("frobnicate")

    assert done.returncode == ExitStatus.USAGE
    assert "did you mean" not in done.stderr
    assert "--help" in done.stderr


def test_an_unknown_setting_is_one_line_and_status_78():
    """Without a traceback."""
    done = telemetry_server("config", "show", TELEMETRY_PROT="1")

    assert done.returncode == ExitStatus.CONFIGURATION
    assert done.stderr.count("\n") == 1
    assert "did you mean port" in done.stderr


def test_a_closed_pipe_on_stdout_is_not_an_error():
    """As in `generate | head -1`."""
    writing = subprocess.Popen(
        [sys.executable, "-m", "telemetry_server", "generate", "--count", "20"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert writing.stdout is not None
    assert writing.stderr is not None
    writing.stdout.read(10)
    writing.stdout.close()

    assert writing.stderr.read() == b""
    assert writing.wait(PATIENCE_SECONDS) == ExitStatus.DONE
    writing.stderr.close()


@pytest.mark.parametrize(
    "raised",
    [
        'exec("raise KeyboardInterrupt")',  # as where a data class is made
        'raise RuntimeError("Error calling __set_name__") from KeyboardInterrupt()',
        "raise KeyboardInterrupt",
    ],
)
def test_ctrl_c_says_nothing_and_ends_with_130_wherever_it_comes(tmp_path, raised):
    (tmp_path / "interrupted.py").write_text(
        "import sys\nfrom telemetry_server.cli import main\n"
        f"def run_command(*words):\n    {raised}\n"
        "main._run_command = run_command\nsys.exit(main.main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "interrupted", "audit"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )

    assert done.returncode == ExitStatus.INTERRUPTED
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["clients", "normandy studies", "histogram GC_MS", "fuel report os"])
def test_csv_and_json_exclude_each_other(command, tmp_path):
    done = telemetry_server(*command.split(), "--csv", "--json", "--data", str(tmp_path))

    assert done.returncode == ExitStatus.USAGE
    assert "--csv" in done.stderr
    assert "--json" in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_command_keeps_its_status_though_its_output_is_not_read(tmp_path, unbuffered):
    """As in `convert FILE | true`."""
    unread, output = os.pipe()
    os.close(unread)
    words = ("convert", "absent.txt", "--json", "--data", str(tmp_path / "data"))
    done = subprocess.run(
        [sys.executable, "-m", "telemetry_server", *words],
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
        env=dict(os.environ, PYTHONUNBUFFERED=unbuffered),
    )
    os.close(output)

    assert done.returncode == ExitStatus.BAD_INPUT
    assert done.stderr.startswith("telemetry-server convert: absent.txt: No such file or directory;")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigurationError("port: must be"), 78),
        (StorageFull("disk full"), 5),
        (OSError(28, "No space left on device"), 5),
        (PermissionError(13, "Permission denied", "data"), 78),
        (LedgerError("from a newer version"), 70),
        (LostFile("x.zst"), 70),
        (ZeroDivisionError("division by zero"), 70),
    ],
)
def test_every_exception_becomes_one_line_and_an_exit_status(error, status):
    """The status shows whether trying again helps, and whether it is a bug of the server."""
    text, actual_status = message_for(error)

    assert actual_status == status
    assert "\n" not in text
    assert str(error).split("]")[-1].strip() in text


def test_an_unexpected_error_prints_a_traceback_only_on_request(tmp_path):
    """TELEMETRY_TRACEBACK=1 requests it."""
    broken = Path(tmp_path) / "raw"
    broken.write_text("a file where a folder belongs")
    quiet = telemetry_server("generate", "--install-specs", "--data", str(broken))
    loud = telemetry_server("generate", "--install-specs", "--data", str(broken), TELEMETRY_TRACEBACK="1")

    assert quiet.returncode == loud.returncode != 0
    assert "Traceback" not in quiet.stderr
    assert "Traceback" in loud.stderr
