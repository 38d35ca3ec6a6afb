"""``telemetry-server backup``: a consistent copy of the data root in one file, while the server runs."""

import argparse
from pathlib import Path

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.output_arguments import only_on_disk
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, progress, say

EPILOG = """\
example: telemetry-server backup --data ./data backup-20261122.tar

The file is a tar archive: the ledger at one moment, all files it refers to, the cached definitions,
and raw/.  The server may run meanwhile.  The file appears only when it is complete.
telemetry-server restore makes a data root from it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``backup``."""
    parser.add_argument(
        "file",
        type=only_on_disk("a backup may have to start again; name a file"),
        metavar="FILE",
        help="the archive to write; it must not exist",
    )
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Write the archive, and print how much it contains."""
    from storage.backup.archive import back_up
    from storage.disk import Disk
    from telemetry_server.composition.data_root import existing_data_root

    root = existing_data_root(settings_of(args))
    file: Path = args.file.absolute()
    if file.is_dir():
        say(f"telemetry-server backup: {args.file} is a folder; name a file")
        return ExitStatus.USAGE
    if file.exists():
        say(f"telemetry-server backup: {args.file} exists; name another file, or remove it")
        return ExitStatus.USAGE
    if not file.parent.is_dir():
        say(f"telemetry-server backup: {file.parent} is not a folder; make it, or name another file")
        return ExitStatus.USAGE
    with progress("copying", unit="files") as bar:
        made = back_up(root, file, Disk(), on_file=bar.advance, on_total=bar.total)
    if args.json:
        print_json({"file": str(file), "files": made.files, "bytes": made.bytes})
    else:
        print(f"{args.file}: {made.files:,} files, {made.bytes:,} bytes")
    return ExitStatus.DONE
