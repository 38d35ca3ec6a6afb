"""Arguments that name where output goes; - is standard output, as in other programs."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

STDOUT = Path("-")


def output_file(text: str) -> Path:
    """Return the path in *text*; `STDOUT` is that of - only: ./- is a file with that name."""
    path = Path(text)
    return path.absolute() if path == STDOUT and text != "-" else path


def only_on_disk(why: str) -> Callable[[str], Path]:
    """Return what parses a path and refuses -, because of *why*."""

    def path_of(text: str) -> Path:
        path = output_file(text)
        if path == STDOUT:
            raise argparse.ArgumentTypeError(f"- is standard output, but {why}")
        return path

    return path_of


output_folder = only_on_disk("several files are written; name a folder")


def write_output(path: Path, data: bytes) -> None:
    """
    Write *data* to *path*, or to stdout.

    Raises:
        OSError: It cannot be written.
    """
    if path != STDOUT:
        path.write_bytes(data)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
