"""
Parts: what one machine has mapped and combined, in a file that others merge.

A part is zstd.  It begins with a line of JSON, the header, and goes on with a sorted run (runs.py).
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from storage.partitions.frames import DamagedFrame, compress_frame
from telemetry_server.mapreduce.errors import BadPart
from telemetry_server.mapreduce.inputs import Selection
from telemetry_server.mapreduce.output_file import TakesBytes
from telemetry_server.mapreduce.runs import RunFile, end_of_run

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FORMAT = "telemetry-server part"
VERSION = 1
MAX_HEADER_BYTES = 64 << 20
COPIED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PartHeader:
    """What a part says of itself."""

    job: str  # hashes
    filter: str
    root: str  # the id of the data root
    files: int
    records: int
    skipped: int
    directories: list[str]  # below converted/, in order
    directory_of_file: list[int]  # by the order of the file

    def line(self) -> bytes:
        """The first line of the part."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Part:
    """A part whose header was read."""

    path: Path
    header: PartHeader


def header_of(job: str, filter_digest: str, root: str, selection: Selection, skipped: int) -> PartHeader:
    """Return the header of the part that is made of *selection*."""
    directories = sorted({file.directory for file in selection.files})
    places = {directory: place for place, directory in enumerate(directories)}
    return PartHeader(
        job,
        filter_digest,
        root,
        len(selection.files),
        selection.records,
        skipped,
        directories,
        [places[file.directory] for file in selection.files],
    )


def write_part(stream: TakesBytes, header: PartHeader, body: Path | None) -> None:
    """Write a part; *body* is a run, or None where nothing matched."""
    stream.write(compress_frame(header.line()))
    if body is None:
        stream.write(end_of_run())
        return
    with body.open("rb") as source:
        while data := source.read(COPIED_BYTES):
            stream.write(data)


def read_part(path: Path) -> Part:
    """
    Read the header of the part at *path*.

    Raises:
        BadPart: It is not a part, of another version, or cannot be read.
    """
    try:
        with path.open("rb") as stream, zstd.ZstdFile(stream) as plain:
            line = plain.readline(MAX_HEADER_BYTES)
        fields_found: Any = json.loads(line)
    except OSError as error:
        raise BadPart(f"{path}: {error.strerror}") from None
    except (DamagedFrame, EOFError, ValueError):
        raise BadPart(f"{path} is not a part, or is damaged; --part makes one") from None
    if not isinstance(fields_found, dict) or fields_found.pop("format", None) != FORMAT:
        raise BadPart(f"{path} is not a part; --part makes one")
    if fields_found.pop("version", None) != VERSION:
        raise BadPart(f"{path} is of another version of telemetry-server; make it again")
    if set(fields_found) != {field.name for field in fields(PartHeader)}:
        raise BadPart(f"{path} is damaged: its header is not complete")
    return Part(path, PartHeader(**fields_found))


def check_parts(parts: Sequence[Part], job: str) -> None:
    """
    Check that *parts* belong together.

    Raises:
        BadPart: They are of different jobs or filters, or two are of one data root.
    """
    first = parts[0]
    roots: dict[str, Part] = {}
    for part in parts:
        if part.header.job != job:
            raise BadPart(f"{part.path} was made by another job; one job makes and merges all parts")
        if part.header.filter != first.header.filter:
            raise BadPart(f"{part.path} and {first.path} were made with different filters")
        same = roots.setdefault(part.header.root, part)
        if same is not part:
            raise BadPart(f"{part.path} and {same.path} are of one data root: records would count twice")


def runs_of(parts: Sequence[Part]) -> list[RunFile]:
    """Return the runs of *parts*: their files are in order of folder, then of part, then of file."""
    places = sorted(
        (part.header.directories[place], number, order)
        for number, part in enumerate(parts)
        for order, place in enumerate(part.header.directory_of_file)
    )
    orders: list[list[int]] = [[0] * len(part.header.directory_of_file) for part in parts]
    for new_order, (_, number, order) in enumerate(places):
        orders[number][order] = new_order
    return [RunFile(part.path, tuple(some)) for part, some in zip(parts, orders, strict=True)]
