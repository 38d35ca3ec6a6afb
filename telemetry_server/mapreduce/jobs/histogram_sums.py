"""
What the first dashboards need: the histograms of each channel and version, added up by path.

A value is ``{layout: {path: row}}``, where a layout is JSON text that says what the numbers of a
row mean.  Rows of one path are added only within one layout.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from storage.partitions.histogram_row import NOT_SENT, SUMMARY
from telemetry_server.records.definitions import FindsSpecFile, RecordLayouts
from telemetry_server.records.fields import object_at
from telemetry_server.records.shapes import Shape

CHANNELS = frozenset({"release", "aurora", "beta", "nightly", "nightly-ux"})
FIELDS = ("reason", "appName", "OS", "version", "arch")
BUILD_DATE_CHARACTERS = 8
LINUX_VERSION_CHARACTERS = 3

# Both are parts of file names of an export, and a client may have chosen them.
_VERSION = re.compile(r"[0-9A-Za-z_]+")
_NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]*")

Row = list[Any]
Sums = dict[str, dict[str, Row]]
AddRows = Callable[[Row, Row], Row]


def group_and_path_of(record: Mapping[str, Any]) -> tuple[str, tuple[str, ...]] | None:
    """
    Return the group and the path of a record; None where it lacks a part, or has another channel.

    The group is ``<channel>/<major version>``.  The parts of the path are build date, reason, application,
    operating system, its version, and architecture.
    """
    info = object_at(record, "info")
    channel, version, build = (info.get(name) for name in ("appUpdateChannel", "appVersion", "appBuildID"))
    major_version = str(version).partition(".")[0]
    if channel not in CHANNELS or not version or not build or not _VERSION.fullmatch(major_version):
        return None
    values = [info.get(name) for name in FIELDS]
    if any(value is None or value == "" or isinstance(value, dict | list) for value in values):
        return None
    # A slash separates the parts of a path.
    texts = [str(value).replace("/", "_") for value in values]
    reason, application, system, system_version, architecture = texts
    if system == "Linux":
        system_version = system_version[:LINUX_VERSION_CHARACTERS]
    return f"{channel}/{major_version}", (
        str(build)[:BUILD_DATE_CHARACTERS],
        reason,
        application,
        system,
        system_version,
        architecture,
    )


def rows_of(record: Mapping[str, Any], finder: FindsSpecFile) -> Iterator[tuple[str, Shape, Row]]:
    """Yield name, shape and row of the histograms of the parent process whose definitions are known."""
    layouts = RecordLayouts(record, finder).of_section("")
    if layouts is None:
        return
    for name, row in object_at(record, "histograms").items():
        if isinstance(row, list) and len(row) > len(SUMMARY) and _NAME.fullmatch(name):
            shape = layouts.shape(name, len(row) - len(SUMMARY))
            if shape is not None:
                yield name, shape, row


def add_sums(values: Sequence[Sums], add_rows: AddRows) -> Sums:
    """Return the sum of *values*: rows of equal layout and path are added."""
    total: Sums = {}
    for value in values:
        for layout, by_path in value.items():
            rows = total.setdefault(layout, {})
            for path, row in by_path.items():
                known = rows.get(path)
                rows[path] = row if known is None else add_rows(known, row)
    return total


def chosen_layout(total: Sums) -> str:
    """Return the layout with the most instances, which are the last number of a row; of equals the last."""
    return max(total, key=lambda layout: (sum(row[-1] for row in total[layout].values()), layout))


def add_numbers(one: Row, other: Row) -> Row:
    """Return the sums of the numbers of two rows."""
    return [a + b for a, b in zip(one, other, strict=True)]


def add_stored_rows(one: Row, other: Row) -> Row:
    """Return the sums of two rows; a number that was not sent is not added."""
    summary_start = len(one) - len(SUMMARY) - 1
    added = add_numbers(one, other)
    for place in range(summary_start, len(one) - 1):
        if NOT_SENT in (one[place], other[place]):
            added[place] = other[place] if one[place] == NOT_SENT else one[place]
    return added


def compact_json(value: Any) -> str:
    """Return *value* as JSON without spaces; keys are sorted."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
