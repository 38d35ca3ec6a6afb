"""
``telemetry-server COMMAND``: finds the command, runs it, and reports its errors.

A command is a module in ``commands/`` with ``add_arguments(parser)`` and ``run(args) -> int``.
Only the module of the chosen command is imported, so that ``--help`` is quick.
"""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from telemetry_server.cli.exit_status import ExitStatus

# Each command and what it does; its module in `commands/` has the same name, with _ for -.
COMMANDS: tuple[tuple[str, str], ...] = (
    ("serve", "receive submissions over HTTP and convert them continuously"),
    ("reports", "serve pages and an API about stored pings, on a separate port"),
    ("users", "list, add and remove users of the reports"),
    ("tokens", "create, list and revoke tokens for the reports' API"),
    ("convert", "convert all waiting submissions, or import exported files, then stop"),
    ("pull", "pull submissions from NATS, Kafka or another data root into raw/"),
    ("cat", "print submissions, records or quarantined pings, one per line"),
    ("explain", "show what happened to one ping, and why"),
    ("replay", "convert quarantined pings again, with the present definitions"),
    ("forget", "delete all data of clients, documents or deletion orders, and prove that it is gone"),
    ("audit", "compare the files on disk with the ledger"),
    ("repair", "rebuild a lost or wrong ledger, and move unknown files aside"),
    ("backup", "copy the data root into one file, while the server runs"),
    ("restore", "make a new data root from a backup"),
    ("retention", "show what is older than its retention, or remove it"),
    ("compact", "merge the small files of past days"),
    ("archive", "copy closed days to a folder or bucket elsewhere, check them, bring them back"),
    ("sql", "run one SELECT over the tables of stored pings"),
    ("normandy", "show uptake of recipes, and enrolments in studies"),
    ("mapreduce", "run a map-reduce job over the stored records, on all cores or several machines"),
    ("export", "write the files that the dashboards of the original server read"),
    ("tables", "list the files of the tables, check them, or rebuild them"),
    ("stores", "report on each store of pings and on the metrics that stores share"),
    ("drift", "compare the definitions of probes with what is sent"),
    ("specs", "list, show, compare, try and prefetch the definitions of probes"),
    ("fuel", "manage the Fuel-stat collector's database: migrate, backup, restore, failed items"),
    ("fuel-sender", "send a product's statistics to a Fuel-stat collector; preview, opt in and out"),
    ("aggregate", "bring the sums of measurements up to date, or check them"),
    ("collected", "write the page that says what is collected"),
    ("histogram", "show the distribution of a measurement, by build, day, version or branch"),
    ("clients", "count distinct clients by version, channel, day and more"),
    ("generate", "generate realistic pings, good and bad"),
    ("doctypes", "list, show, check and import JSON Schemas of doctypes"),
    ("point", "print client configuration for this server"),
    ("certificate", "make a self-signed certificate for trying TLS"),
    ("tail", "show pings as they are converted"),
    ("demo", "run a temporary server, send it pings, and check what happened to each"),
    ("doctor", "check this machine and the data root, and suggest fixes"),
    ("health", "check that the running server answers"),
    ("completion", "print a script that completes commands in bash, zsh or fish"),
    ("config", "show the settings in force, or check them"),
)
EXIT_STATUS_HELP = "exit status: " + ", ".join(f"{status.value} {status.meaning}" for status in ExitStatus)


def _overview() -> argparse.ArgumentParser:
    """Return the parser of the overview; it imports no command."""
    lines = "\n".join(f"  {command:<12}{summary}" for command, summary in COMMANDS)
    parser = argparse.ArgumentParser(
        prog="telemetry-server",
        usage="telemetry-server [--version] [--help] COMMAND …",
        description="Receives telemetry, stores it durably and converts it into flat, partitioned records.",
        epilog=f"commands:\n{lines}\n\nexample: telemetry-server serve --data ./data\n\n"
        f"Details: telemetry-server COMMAND --help\n{EXIT_STATUS_HELP}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    parser.add_argument("command", nargs="?", metavar="COMMAND", help=argparse.SUPPRESS)
    return parser


def _print_version() -> int:
    from importlib.metadata import version

    print(f"telemetry-server {version('telemetry-server')}")
    return ExitStatus.DONE


def parser_of(command: str, module: ModuleType) -> argparse.ArgumentParser:
    """Return the parser of *command* with the arguments that *module* adds."""
    summary = dict(COMMANDS)[command]
    parser = argparse.ArgumentParser(
        prog=f"telemetry-server {command}",
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=getattr(module, "EPILOG", None),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    # For developers, so not in the help: prints the traceback of an unexpected error.
    parser.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    return parser


def _run_command(command: str, rest: Sequence[str]) -> int:
    from telemetry_server.cli.module_imports import importing

    with importing():
        module = import_module(f"telemetry_server.cli.commands.{command.replace('-', '_')}")
    args = parser_of(command, module).parse_args(rest)
    if args.debug:
        os.environ["TELEMETRY_TRACEBACK"] = "1"
    return int(module.run(args))


def _status_of(error: Exception, command: str) -> int:
    """Print in one line what went wrong and what to do; return the exit status."""
    from telemetry_server.cli.error_messages import message_for
    from telemetry_server.terminal.output import discard_stdout, say

    try:
        sys.stdout.flush()
    except OSError:
        discard_stdout()  # what a full disk did not take is still held: Python would report it again at exit
    text, status = message_for(error)
    say(f"telemetry-server {command}: {text}")
    if os.environ.get("TELEMETRY_TRACEBACK") == "1":
        import traceback

        traceback.print_exception(error)
    return status


def _interrupted() -> int:
    """
    Return the exit status of an interrupted command.

    Python makes a data class with `exec`, and remembers an interrupt that ended it.  `python -m` then ends
    by that signal, although the interrupt was handled.  Another `exec` removes that memory.
    """
    exec("")  # noqa: S102
    return ExitStatus.INTERRUPTED


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that *argv* names; return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["help"]:  # as git and others have it
        words = [*(word for word in words[1:2] if word != "help"), "--help"]
    first = words[0] if words else ""
    known = {command for command, _ in COMMANDS}
    if first not in known and first != "--version":
        if first and not first.startswith("-"):
            from telemetry_server.settings.nearest_name import did_you_mean

            print(
                f"telemetry-server: no command {first!r}{did_you_mean(first, sorted(known))}"
                " (telemetry-server --help lists them all)",
                file=sys.stderr,
            )
            return ExitStatus.USAGE
        parser = _overview()
        parser.parse_args(words)
        parser.print_help(sys.stderr)
        return ExitStatus.USAGE
    # Only this user may read pings; this also covers files that libraries create.
    umask = os.umask(0o077)
    if sys.stdout is None:  # closed by the parent process
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - open until the process ends
    if argv is None:
        from telemetry_server.cli.extension_imports import hold_interrupts_while_they_load
        from telemetry_server.cli.module_imports import this_process_runs_one_command

        this_process_runs_one_command()
        hold_interrupts_while_they_load()
        if first == "serve":
            # What started it may send one at once.  It waits for the supervisor, which takes it.
            import signal

            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    status: int = ExitStatus.DONE
    try:
        status = _print_version() if first == "--version" else _run_command(first, words[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        from telemetry_server.terminal.output import discard_stdout

        discard_stdout()  # a reader such as `head` has enough; a command that ended keeps its status
    except Exception as error:
        # Python makes a RuntimeError of an interrupt that comes while it makes a class.
        return _interrupted() if isinstance(error.__cause__, KeyboardInterrupt) else _status_of(error, first)
    finally:
        os.umask(umask)
        if argv is None:
            # The process ends: a last garbage collection is a sixth of the time of a short command.
            gc.freeze()
    return status


if __name__ == "__main__":
    sys.exit(main())
