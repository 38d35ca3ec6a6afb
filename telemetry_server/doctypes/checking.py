"""A file by hand: is it a valid ping, or a usable schema?"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from telemetry_server.doctypes.catalogue import Catalogue
from telemetry_server.doctypes.compiling import compile_schema
from telemetry_server.doctypes.errors import BadSchema
from telemetry_server.doctypes.layout import DoctypeKey
from telemetry_server.doctypes.violation import describe
from telemetry_server.pings.inflate import inflate
from telemetry_server.pings.json_text import parse_object
from telemetry_server.pings.submit_path import TELEMETRY

_FILE_NAME = re.compile(r"(?P<doctype>[^.]+)\.(?P<version>[0-9]+)\..*")


class NotCheckable(Exception):
    """There is nothing to hold the file against; one line for the user."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in a file."""

    name: str  # what it was held against
    violations: tuple[str, ...]


def check_schema_file(file: Path) -> Checked:
    """
    Try the schema in *file*.

    Raises:
        OSError: It cannot be read.
    """
    try:
        compile_schema(file.read_bytes())
    except BadSchema as error:
        return Checked("schema", (str(error),))
    return Checked("schema", ())


def check_ping_file(file: Path, asked: DoctypeKey | None, catalogue: Catalogue, *, most: int) -> Checked:
    """
    Hold the ping in *file* against its schema.

    Args:
        asked: What it is; None to find out by the ping, or by the file's name.
        most: How many violations are told.

    Raises:
        OSError: It cannot be read.
        PingError: It is no ping at all.
        NotCheckable: What it is cannot be told, or has no schema that can be used.
    """
    ping = parse_object(inflate(file.read_bytes()).data).value
    key = asked or _key_in(ping) or _key_of_name(file)
    if key is None:
        raise NotCheckable("say what it is, with --as <namespace>/<doctype>/<version>")
    entry = catalogue.entry(key)
    if entry is None:
        raise NotCheckable(f"no schema is registered for {key}")
    validator = catalogue.validator(entry.key)
    if isinstance(validator, BadSchema):
        raise NotCheckable(f"the schema of {key} cannot be used: {validator}")
    errors = islice(validator.iter_errors(ping), most)
    return Checked(str(key), tuple(describe(error, ping) for error in errors))


def _key_in(ping: Mapping[str, Any]) -> DoctypeKey | None:
    """What a ping of Firefox says that it is."""
    info = ping.get("info")
    if isinstance(ping.get("ver"), int) and isinstance(info, dict) and isinstance(info.get("reason"), str):
        return DoctypeKey(TELEMETRY, info["reason"], str(ping["ver"]))
    if isinstance(ping.get("version"), int) and isinstance(ping.get("type"), str):
        return DoctypeKey(TELEMETRY, ping["type"], str(ping["version"]))
    return None


def _key_of_name(file: Path) -> DoctypeKey | None:
    """What a sample in the manner of mozilla-pipeline-schemas says by its name."""
    found = _FILE_NAME.fullmatch(file.name)
    return found and DoctypeKey(file.absolute().parent.name, found["doctype"], found["version"])
