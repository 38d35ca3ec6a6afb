"""Where a definition is written: its file and line, its text, and its address in the repository."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import orjson

from histogram_specs.definition_files import EVENTS, REPOSITORY_PATHS, SCALARS
from histogram_specs.revision import SPEC_FILE_NAME, Revision
from histogram_specs.spec_file import SpecFile
from telemetry_server.probes.definition import FileKind

SERVER = "https://hg.mozilla.org"
MAX_TEXT_LINES = 60
MAX_PLACES = 4096
# By the digest of a file and a name: a file is large, and what is found in it small.
_places: OrderedDict[tuple[str, str], tuple[int, str] | None] = OrderedDict()
YAML_FILES = {FileKind.SCALAR: SCALARS, FileKind.EVENT: EVENTS}


def histogram_text(spec_file: SpecFile, name: str) -> tuple[int, str] | None:
    """Return the line of a histogram's definition, from 1, and its text; None where it is not found."""
    key = spec_file.digest, name
    if key not in _places:
        _places[key] = _found_in(spec_file, name)
        while len(_places) > MAX_PLACES:
            _places.popitem(last=False)
    return _places[key]


def _found_in(spec_file: SpecFile, name: str) -> tuple[int, str] | None:
    text = spec_file.text.decode("utf-8", "replace")
    beginning = re.compile(
        rf"(?:^|(?<=[{{,]))[ \t]*{re.escape(orjson.dumps(name).decode())}[ \t]*:[ \t\r\n]*\{{",
        re.MULTILINE,
    )
    found = list(beginning.finditer(text))
    if not found:
        return None
    last = found[-1]  # of two definitions with one name the last one counts
    line = text.count("\n", 0, last.start()) + 1
    return line, text[last.start() : _end_of_object(text, last.end())].strip("\r\n")


def _end_of_object(text: str, start: int) -> int:
    """Return the end of the JSON object whose first brace ends at *start*."""
    depth, at = 1, start
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[{}]', text[start:]):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        at = start + match.end()
        if not depth:
            break
    return at


def yaml_text(text: str, line: int) -> str:
    """Return the block of YAML that begins in *line*, from 1: the lines below it that are indented more."""
    lines = text.splitlines()[line - 1 :]
    if not lines:
        return ""
    indent = _indent(lines[0])
    end = next(
        (
            number
            for number, each in enumerate(lines[1:], 1)
            if each.strip() and not each.lstrip().startswith("#") and _indent(each) <= indent
        ),
        len(lines),
    )
    return "\n".join(lines[: min(end, MAX_TEXT_LINES)]).rstrip()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def source_of(
    spec_file: SpecFile, revision: Revision, kind: FileKind, name: str, entry: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return ``revision``, ``file``, ``line``, ``text`` and ``url`` of a definition; None where unknown."""
    if kind is FileKind.HISTOGRAM:
        place = histogram_text(spec_file, name)
        if place is None:
            return None
        file_name, (line, text) = SPEC_FILE_NAME, place
    elif kind in YAML_FILES:
        file_name, line = YAML_FILES[kind], entry["line"]
        text = yaml_text((spec_file.companion(file_name) or b"").decode("utf-8", "replace"), line)
    elif kind is FileKind.USE_COUNTER:
        file_name, line = entry["file"], entry["line"]
        lines = (spec_file.companion(file_name) or b"").decode("utf-8", "replace").splitlines()
        text = lines[line - 1] if line <= len(lines) else ""
    else:
        return None
    path = REPOSITORY_PATHS[file_name]
    url = f"{SERVER}/{revision.repository}/file/{revision.changeset}/{path}#l{line}"
    return {"revision": str(revision), "file": path, "line": line, "text": text, "url": url}
