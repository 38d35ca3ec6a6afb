"""All CSV files in one tar archive."""

import io
import tarfile
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

import sqlalchemy as sa

from telemetry_server.fuel.exports.column_trees import RESOURCES
from telemetry_server.fuel.exports.csv_files import OnBroken, csv_lines
from telemetry_server.fuel.exports.documents import types_present
from telemetry_server.fuel.exports.window import Window


def archive_name(window: Window) -> str:
    """Return the name of the archive."""
    return f"reports_from{window.first}_to{window.last}.tar"


def write_archive(
    connection: sa.Connection, window: Window, target: "BinaryIO | io.BufferedIOBase", on_broken: OnBroken
) -> None:
    """Write the archive: a file for each type of resource that there is, environments and plugins."""
    with tarfile.open(fileobj=target, mode="w|") as archive:
        for name in _names(connection):
            with tempfile.TemporaryFile() as file:
                file.writelines(csv_lines(connection, name, window, on_broken))
                entry = tarfile.TarInfo(f"{name}.csv")
                entry.size = file.tell()
                file.seek(0)
                archive.addfile(entry, file)


def _names(connection: sa.Connection) -> Iterator[str]:
    yield from (name for name in types_present(connection) if name in RESOURCES)
    yield "clusters"
    yield "plugins"
