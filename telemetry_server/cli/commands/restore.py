"""``telemetry-server restore``: makes a data root from a backup."""

import argparse
from pathlib import Path

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.terminal.output import print_json, progress, say

EPILOG = """\
example: telemetry-server restore backup-20261122.tar --data ./restored

The data root must not exist yet, or be an empty folder.  It appears only when it is complete.

exit status: 4 if the archive is damaged, truncated, or was not written by telemetry-server backup"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``restore``."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the archive that backup wrote")
    add_json_option(parser)
    add_settings_options(parser)


def run(args: argparse.Namespace) -> int:
    """Restore the data root, and print how much it contains."""
    from storage.backup.restore import restore
    from storage.disk import Disk

    if not args.file.is_file():
        found = "not a file" if args.file.exists() else "no such file"
        say(f"telemetry-server restore: {args.file}: {found}; name a file written by backup")
        return ExitStatus.BAD_INPUT
    try:
        with args.file.open("rb"):
            pass
    except OSError as error:
        say(f"telemetry-server restore: {args.file}: {error.strerror}")
        return ExitStatus.BAD_INPUT
    target = settings_of(args).data_dir.absolute()
    with progress("restoring", unit="files") as bar:
        made = restore(args.file, target, Disk(), on_file=bar.advance)
    if args.json:
        print_json({"data_dir": str(target), "files": made.files, "bytes": made.bytes})
    else:
        print(f"{target}: {made.files:,} files, {made.bytes:,} bytes; check them with telemetry-server audit")
    return ExitStatus.DONE
