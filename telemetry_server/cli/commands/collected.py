"""``telemetry-server collected``: writes the transparency page as files that need no server."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.output_arguments import output_folder
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, print_text, say

EPILOG = """\
example: telemetry-server collected --data ./data --output ./what-is-collected

The page says what is collected, by which application, why, how exactly it is stored, how long it is kept, and
of how many clients, from the definitions, doctypes and settings in force.  Everyone may see it: groups of
fewer than 10 clients (or suppress_below, where it is set) are not counted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``collected``."""
    parser.add_argument(
        "--output",
        type=output_folder,
        required=True,
        metavar="DIR",
        help="the folder to write into; made if missing",
    )
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Write the files, and print their paths."""
    from telemetry_server.composition.collected import collected_files

    if args.output.exists() and not args.output.is_dir():
        say(f"telemetry-server collected: {args.output} is not a folder; name another with --output")
        return ExitStatus.USAGE
    files = collected_files(settings_of(args))
    try:
        paths = _write(files, args.output)
    except OSError as error:
        say(f"telemetry-server collected: {error.filename or args.output}: {error.strerror}")
        return ExitStatus.CONFIGURATION
    if args.json:
        print_json({"files": paths})
    else:
        print_text("\n".join(paths))
    return ExitStatus.DONE


def _write(files: Mapping[str, bytes], folder: Path) -> list[str]:
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o755)
    paths = []
    for name, content in files.items():
        path = folder / name
        unfinished = path.with_name(f".{name}.tmp")
        unfinished.write_bytes(content)
        unfinished.replace(path)
        path.chmod(0o644)  # a web server reads it, perhaps as another user
        paths.append(str(path))
    return paths
