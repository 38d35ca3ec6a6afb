"""The printed scripts complete words in real shells."""

import os
import pty
import select
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from time import monotonic

import pytest

from telemetry_server.cli.commands.completion import SHELLS, whole_parser
from telemetry_server.cli.main import COMMANDS, main
from tests.support.waiting import PATIENCE_SECONDS

WORDS = [
    ("telemetry-server repl", {"replay"}),
    ("telemetry-server co", {"collected", "convert", "compact", "config", "completion"}),
    ("telemetry-server convert --form", {"--format"}),
    ("telemetry-server convert --format pa", {"packed"}),
    ("telemetry-server cat conv", {"converted"}),
    ("telemetry-server specs pre", {"prefetch"}),
    ("telemetry-server point fire", {"firefox"}),
    ("telemetry-server completion f", {"fish"}),
    ("telemetry-server serve --config config.t", {"config.toml"}),
    ("telemetry-server audit --data data-r", {"data-root"}),
    ("telemetry-server audit --nothing-like-it", set()),
]


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not on this machine")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """
    A folder with a file and a folder to complete, and the script of each shell.

    It is also the home of the shells: zsh keeps the list of its functions there, which takes long to make.
    """
    made = tmp_path_factory.mktemp("completion")
    (made / "config.toml").touch()
    (made / "data-root").mkdir()
    for shell in SHELLS:
        with redirect_stdout(StringIO()) as script:
            assert main(["completion", shell]) == 0
        (made / f"script.{shell}").write_text(script.getvalue())
    (made / "functions").mkdir()
    shutil.copy(made / "script.zsh", made / "functions/_telemetry-server")
    return made


def run_shell(folder: Path, *words: str) -> list[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb"}
    done = subprocess.run(
        words,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    return done.stdout.splitlines()


@needs("bash")
@pytest.mark.parametrize(("typed", "offered"), WORDS)
def test_bash_completes_words(folder, typed, offered):
    """The registered function is called as bash calls it."""
    script = """
        source script.bash
        COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$1; COMP_POINT=${#1}
        function=$(complete -p telemetry-server | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        $function telemetry-server "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}" 2>/dev/null
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    found = run_shell(folder, "bash", "--norc", "-c", script, "bash", typed)

    assert {word.strip() for word in found if word.strip()} == offered


@needs("fish")
@pytest.mark.parametrize(("typed", "offered"), WORDS)
def test_fish_completes_words(folder, typed, offered):
    """Fish may show a description next to each word; a folder ends with a slash."""
    found = run_shell(
        folder, "fish", "--no-config", "-c", 'source script.fish; complete -C "$argv[1]"', "--", typed
    )

    assert {line.split("\t")[0].rstrip("/") for line in found} == offered


@needs("zsh")
@pytest.mark.parametrize(
    ("typed", "completed"), [(typed, *offered) for typed, offered in WORDS if len(offered) == 1]
)
def test_zsh_completes_a_unique_word(folder, typed, completed):
    """After TAB, on a terminal."""
    setup = f"fpath=({folder}/functions $fpath); autoload -Uz compinit; compinit -u\n"
    before, _, _ = typed.rpartition(" ")

    shown = in_zsh(folder, [setup, f"{typed}\t"], awaited=f"{before} {completed}")

    assert f"{before} {completed}" in shown


def in_zsh(folder: Path, inputs: list[str], awaited: str) -> str:
    """Type *inputs* into zsh, each at its prompt, until *awaited* is shown; return the last output."""
    prompt = "READY>"
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.update(HOME=str(folder), ZDOTDIR=str(folder), TERM="dumb", PS1=prompt)
        os.execvp("zsh", ["zsh", "--no-rcs", "-i", "-o", "no_prompt_sp", "-o", "no_prompt_cr"])
    try:
        for text in inputs:
            read_until(terminal, prompt)
            os.write(terminal, text.encode())
        return read_until(terminal, awaited)
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)


def read_until(terminal: int, awaited: str) -> str:
    shown = ""
    deadline = monotonic() + PATIENCE_SECONDS
    while awaited not in shown:
        assert select.select([terminal], [], [], max(0.0, deadline - monotonic()))[0], shown
        shown += os.read(terminal, 1 << 16).decode(errors="replace")
    return shown


def test_every_command_and_option_is_in_the_whole_parser(capsys):
    """The scripts complete all options that `--help` of a command shows."""
    for command, _ in COMMANDS:
        with pytest.raises(SystemExit):
            main([command, "--help"])
        shown = capsys.readouterr().out
        (commands,) = [action for action in whole_parser()._actions if action.dest == "command"]
        options = {
            option
            for action in commands.choices[command]._actions
            for option in action.option_strings
            if option.startswith("--")
        }

        assert options
        assert all(option in shown for option in options)


def test_an_unknown_shell_is_a_usage_error(command):
    """The message names the known ones."""
    _, said = command("completion", "tcsh", status=2)

    assert "bash" in said
    assert "fish" in said


def test_other_commands_do_not_import_the_completion_library(tmp_path):
    """So that they start quickly."""
    code = (
        "import sys; from telemetry_server.cli.main import main; main(['config', 'show']);"
        " print('shtab' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "False"
