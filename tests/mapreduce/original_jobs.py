"""Jobs in the style of the original server's examples, each with a plain loop that gives the same."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

Lines = list[tuple[str, str]]

SUM = """
def reduce(key, values, context):
    context.write(key, sum(values))

combine = reduce
"""

BY_ID = (
    """
def map(key, dims, value, context):
    context.write(key, 1)
"""
    + SUM
)

BY_DAY = (
    """
def map(k, d, v, cx):
    cx.write(d[-1], 1)
"""
    + SUM
)

BY_OS = (
    """
import json

def map(key, dims, value, context):
    payload = json.loads(value)
    context.write(payload["info"]["OS"], 1)

def setup_reduce(context):
    context.field_separator = ","
"""
    + SUM
)

JOINT = (
    """
import json

VALUES = 4
EXTRA = 6  # one overflow bucket, five of summary

def first_filled(row):
    for position, count in enumerate(row):
        if count > 0:
            return position

def map(key, dims, value, context):
    histograms = json.loads(value)["histograms"]
    good, mode = histograms["GOOD"], histograms["MODE"]
    if len(mode) == VALUES + EXTRA:
        context.write((bool(first_filled(good[:-EXTRA])), first_filled(mode[:-EXTRA])), 1)
"""
    + SUM
)

EXTRACT = """
import json

def map(key, dims, value, context):
    record = json.loads(value)
    if record["info"]["OS"] == "Linux":
        context.write(key, json.dumps([dims, record["n"]]))
"""


def _counted(counts: Counter, separator: str = "\t") -> list[str]:
    return [f"{key}{separator}{counts[key]}" for key in sorted(counts, key=str)]


def _by_id(lines: Lines) -> list[str]:
    return _counted(Counter(key for key, _ in lines))


def _by_day(lines: Lines) -> list[str]:
    stamps = (json.loads(text)["metadata"]["submission_timestamp"] for _, text in lines)
    return _counted(Counter(stamp[:10].replace("-", "") for stamp in stamps))


def _by_os(lines: Lines) -> list[str]:
    return _counted(Counter(json.loads(text)["info"]["OS"] for _, text in lines), ",")


def _joint(lines: Lines) -> list[str]:
    counts: Counter = Counter()
    for _, text in lines:
        histograms = json.loads(text)["histograms"]
        good, mode = histograms["GOOD"][:3], histograms["MODE"][:4]
        counts[good[1] > 0, next(place for place, count in enumerate(mode) if count)] += 1
    return _counted(counts)


def _extract(lines: Lines) -> list[str]:
    found = {}
    for key, text in lines:
        record = json.loads(text)
        info, stamp = record["info"], record["metadata"]["submission_timestamp"]
        if info["OS"] == "Linux":
            names = ("reason", "appName", "appUpdateChannel", "appVersion", "appBuildID")
            dims = [info[name].replace("-", "_") for name in names]
            found[key] = json.dumps([[*dims, stamp[:10].replace("-", "")], record["n"]])
    return [f"{key}\t{found[key]}" for key in sorted(found)]


@dataclass(frozen=True)
class OriginalJob:
    """A job file, and what its output should be."""

    name: str
    text: str
    expected: Callable[[Lines], list[str]]


ORIGINAL_JOBS = (
    OriginalJob("count by id", BY_ID, _by_id),
    OriginalJob("count by day", BY_DAY, _by_day),
    OriginalJob("count by system", BY_OS, _by_os),
    OriginalJob("joint distribution", JOINT, _joint),
    OriginalJob("extract", EXTRACT, _extract),
)
