"""
``completion``: prints a script that completes commands and options in a shell.

The script contains all words itself, so that TAB does not start Python.
"""

import argparse
from importlib import import_module

from telemetry_server.cli.exit_status import ExitStatus

SHELLS = ("bash", "zsh", "fish")
PROGRAM = "telemetry-server"
EPILOG = """\
examples:
  telemetry-server completion bash > ~/.local/share/bash-completion/completions/telemetry-server
  telemetry-server completion zsh > ~/.zfunc/_telemetry-server    # a folder of $fpath
  telemetry-server completion fish > ~/.config/fish/completions/telemetry-server.fish

Print it again after an upgrade: the script contains the commands of this version."""
# Names of option values in --help for which the shell completes paths.
IS_FILE, IS_FOLDER = frozenset({"FILE"}), frozenset({"DIR"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``completion``."""
    parser.add_argument("shell", choices=SHELLS, metavar="|".join(SHELLS))


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    print(shtab.complete(whole_parser(), shell=args.shell))
    return ExitStatus.DONE


def whole_parser() -> argparse.ArgumentParser:
    """Return one parser of all commands; `main` makes another one for the command that it runs."""
    from telemetry_server.cli.main import COMMANDS

    whole = argparse.ArgumentParser(prog=PROGRAM)
    whole.add_argument("--version", action="store_true", help="print the version and stop")
    commands = whole.add_subparsers(dest="command")
    for command, summary in COMMANDS:
        parser = commands.add_parser(command, help=summary, description=summary)
        import_module(f"telemetry_server.cli.commands.{command.replace('-', '_')}").add_arguments(parser)
    _complete_paths(whole)
    return whole


def _complete_paths(parser: argparse.ArgumentParser) -> None:
    """Make the shell complete paths for values that are named FILE or DIR in the help."""
    import shtab

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                _complete_paths(below)
        elif action.metavar in IS_FILE:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.metavar in IS_FOLDER:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
