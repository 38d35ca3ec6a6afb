"""
Use counters: the boolean histograms ``USE_COUNTER2_…`` that two files define beside Histograms.json.

Source of the names: ``usecounters.py`` and ``histogram_tools.py`` in Firefox's tree.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from histogram_specs.buckets import BucketFamily, bucket_set
from histogram_specs.spec import HistogramKind, HistogramSpec

PREFIX = "USE_COUNTER2_"
CONTEXTS = ("DOCUMENT", "PAGE")
MAX_USE_COUNTERS = 20_000
MAX_SHOWN_CHARACTERS = 60

_LINE = re.compile(
    r"(?P<kind>method|attribute)\s+(?P<interface>[A-Za-z0-9_]+)\.(?P<member>[A-Za-z0-9_]+)"
    r"|property\s+(?P<property>[A-Za-z0-9_]+)"
    r"|custom\s+(?P<custom>[A-Za-z0-9_]+)(?:\s+.*)?",
    re.ASCII,
)
_OPERATION = re.compile(r"\s*DEPRECATED_OPERATION\(\s*([A-Za-z0-9_]+)\s*\)", re.ASCII)


@dataclass(frozen=True, slots=True)
class UseCounterProblem:
    """A line of a file that defines nothing."""

    line: int  # from 1
    detail: str  # one line


class UseCounters:
    """
    The use counters of a revision by the name of their histogram.

    A histogram is made only when it is asked for: a file defines thousands.
    """

    def __init__(self, lines: Mapping[str, tuple[str, int]]) -> None:
        self._lines = lines  # name → file and line

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[str]:
        """Yield the names in the files' order."""
        return iter(self._lines)

    def __contains__(self, name: object) -> bool:
        return name in self._lines

    def find(self, name: str) -> HistogramSpec | None:
        """Return the histogram of that name; None if no file defines it."""
        if name not in self._lines:
            return None
        buckets = bucket_set(BucketFamily.LINEAR, 1, 2, 3)
        return HistogramSpec(name, HistogramKind.BOOLEAN, 1, 2, buckets)

    def place_of(self, name: str) -> tuple[str, int] | None:
        """Return the file and the line, from 1, that define *name*."""
        return self._lines.get(name)


NO_USE_COUNTERS = UseCounters({})


def parse_use_counters(
    use_counters: tuple[str, bytes] | None, deprecated: tuple[str, bytes] | None
) -> tuple[UseCounters, list[UseCounterProblem]]:
    """
    Read UseCounters.conf and the list of deprecated operations, each as (name of the file, text).

    Returns:
        The use counters, and a problem for each line of UseCounters.conf that cannot be read.
    """
    found: dict[str, tuple[str, int]] = {}
    problems: list[UseCounterProblem] = []
    if use_counters is not None:
        file, text = use_counters
        for number, line in _lines_of(text):
            names = list(_names_of(line))
            if not names and line and not line.startswith("//"):
                shown = f"{line[:MAX_SHOWN_CHARACTERS]!r}"
                problems.append(
                    UseCounterProblem(
                        number, f"{shown} is not a method, an attribute, a property or a custom counter"
                    )
                )
            _add(found, names, file, number)
    if deprecated is not None:
        file, text = deprecated
        for number, line in _lines_of(text):
            match = _OPERATION.match(line)
            if match:
                _add(found, [f"DEPRECATED_{match[1]}"], file, number)
    return UseCounters(found), problems


def _lines_of(text: bytes) -> Iterator[tuple[int, str]]:
    lines = text.decode("utf-8-sig", "replace").split("\n")
    return ((number, line.strip()) for number, line in enumerate(lines, start=1))


def _names_of(line: str) -> Iterator[str]:
    """Yield the names that one line of UseCounters.conf gives, without prefix and context."""
    match = _LINE.fullmatch(line)
    if match is None:
        return
    if match["property"]:
        yield f"PROPERTY_{match['property'].upper()}"
    elif match["custom"]:
        yield match["custom"].upper()
    else:
        name = f"{match['interface']}_{match['member']}".upper()
        if match["kind"] == "method":
            yield name
        else:
            yield f"{name}_getter"
            yield f"{name}_setter"


def _add(found: dict[str, tuple[str, int]], names: list[str], file: str, number: int) -> None:
    for name in names:
        for context in CONTEXTS:
            if len(found) < MAX_USE_COUNTERS:
                found.setdefault(f"{PREFIX}{name}_{context}", (file, number))
