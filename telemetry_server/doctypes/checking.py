"""Checks a file for the command line: a ping against its schema, or a schema itself."""

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
    """No schema is known for the file; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The violations in a file."""

    name: str  # the doctype that it was checked as, or "schema"
    violations: tuple[str, ...]


def check_schema_file(file: Path) -> Checked:
    """
    Compile the schema in *file*.

    Raises:
        OSError: The file cannot be read.
    """
    try:
        compile_schema(file.read_bytes())
    except BadSchema as error:
        return Checked("schema", (str(error),))
    return Checked("schema", ())


def check_ping_file(file: Path, asked: DoctypeKey | None, catalogue: Catalogue, *, most: int) -> Checked:
    """
    Check the ping in *file* against its schema.

    Args:
        asked: The doctype; None to take it from the ping, or from the file's name.
        most: The maximum number of violations to return.

    Raises:
        OSError: The file cannot be read.
        PingError: The file does not decode to a ping.
        NotCheckable: The doctype is unknown, or has no usable schema.
    """
    ping = parse_object(inflate(file.read_bytes()).data).value
    key = asked or _key_in(ping) or _key_of_name(file)
    if key is None:
        raise NotCheckable("unknown doctype: name it with --as <namespace>/<doctype>/<version>")
    entry = catalogue.entry(key)
    if entry is None:
        raise NotCheckable(f"no schema is registered for {key}")
    validator = catalogue.validator(entry.key)
    if isinstance(validator, BadSchema):
        raise NotCheckable(f"the schema of {key} cannot be used: {validator}")
    errors = islice(validator.iter_errors(ping), most)
    return Checked(str(key), tuple(describe(error, ping) for error in errors))


def _key_in(ping: Mapping[str, Any]) -> DoctypeKey | None:
    """The doctype that a ping of Firefox names."""
    info = ping.get("info")
    if isinstance(ping.get("ver"), int) and isinstance(info, dict) and isinstance(info.get("reason"), str):
        return DoctypeKey(TELEMETRY, info["reason"], str(ping["ver"]))
    if isinstance(ping.get("version"), int) and isinstance(ping.get("type"), str):
        return DoctypeKey(TELEMETRY, ping["type"], str(ping["version"]))
    return None


def _key_of_name(file: Path) -> DoctypeKey | None:
    """The doctype in the name of a sample file, as mozilla-pipeline-schemas names them."""
    found = _FILE_NAME.fullmatch(file.name)
    return found and DoctypeKey(file.absolute().parent.name, found["doctype"], found["version"])
