"""The functions of the built-in jobs, called as a mapper and a reducer call them."""

from types import SimpleNamespace

import orjson
import pytest

from histogram_specs.spec_file import parse_spec_file
from telemetry_server.mapreduce.jobs import count, dimensions, duplicates
from telemetry_server.mapreduce.jobs.dashboard import DashboardJob
from telemetry_server.mapreduce.jobs.frontend import parsed_line

REVISION = "https://hg.mozilla.org/mozilla-central/rev/a55c55edf302"
INFO = {
    "reason": "idle-daily",
    "appName": "Firefox",
    "OS": "WINNT",
    "version": "6.1",
    "arch": "x86",
    "appUpdateChannel": "release",
    "appVersion": "23.0",
    "appBuildID": "20130814063812",
    "revision": REVISION,
}
SPEC = {
    "A_FLAG": {"kind": "flag", "description": "yes or no"},
    "A_LINEAR": {"kind": "linear", "low": 1, "high": 10, "n_buckets": 3, "description": "steps"},
    "AN_ENUM": {"kind": "enumerated", "n_values": 3, "description": "choices"},
    "A_COUNT": {"kind": "count", "description": "how many"},
}
SUMMARY = [5, -1, -1, -1, -1]
ROWS = {
    "A_FLAG": [1, 0, 0, *SUMMARY],
    "A_LINEAR": [0, 1, 0, *SUMMARY],
    "AN_ENUM": [0, 1, 0, 0, *SUMMARY],
    "A_COUNT": [5, 0, 0, *SUMMARY],
    "NOT_IN_THE_FILE": [1, 0, 0, *SUMMARY],
    "A/SLASH": [1, 0, 0, *SUMMARY],
    "TOO_SHORT": [1],
}


class Finder:
    """Knows the definitions of one revision."""

    def __init__(self) -> None:
        self._spec_file = parse_spec_file(orjson.dumps(SPEC))

    def spec_file_of(self, revision: str):
        return self._spec_file if revision == REVISION else None


def written(function, *arguments) -> list:
    """What *function* writes to its context."""
    pairs: list = []
    function(*arguments, SimpleNamespace(write=lambda key, value: pairs.append((key, value))))
    return pairs


RECORDS = [("ID-1", ["a", "x"]), ("id-1", ["a", "y"]), ("id-2", ["a", "x"])]


@pytest.mark.parametrize(
    ("job", "output"),
    [
        (count, {"record_count": 3}),
        (dimensions, {"a/x": 2, "a/y": 1}),
        (duplicates, {"id-1": 2}),
    ],
)
def test_a_plain_job_counts_records(job, output):
    """All of them, those of each folder, and those that share an id in any case."""
    by_key: dict[str, list[int]] = {}
    for document_id, folders in RECORDS:
        for key, value in written(job.map, document_id, folders, "{}"):
            by_key.setdefault(key, []).append(value)
    combined = [pair for key, values in by_key.items() for pair in written(job.combine, key, values)]

    reduced = [pair for key, value in combined for pair in written(job.reduce, key, [value])]

    assert dict(reduced) == output


def test_the_dashboard_job_writes_the_kinds_that_telemetry_js_can_draw():
    """With the definition from which it computes the buckets; rows that do not fit are left out."""
    job = DashboardJob(Finder())

    found = dict(written(job.map, "id", ["20130815"], {"info": INFO, "histograms": ROWS}))

    path = "20130814/20130815/idle-daily/Firefox/WINNT/6.1/x86"
    definitions = {
        "A_FLAG": {"kind": "flag"},
        "A_LINEAR": {"kind": "linear", "low": 1, "high": 10, "n_buckets": 3},
        "AN_ENUM": {"kind": "enumerated", "n_values": 3},
    }
    assert found == {
        f"release/23/{name}": [
            {orjson.dumps(definition, option=orjson.OPT_SORT_KEYS).decode(): {path: [*ROWS[name], 1]}},
            ["20130814", SPEC[name]["description"]],
        ]
        for name, definition in definitions.items()
    }


@pytest.mark.parametrize(
    "info",
    [
        INFO | {"appUpdateChannel": "default"},
        INFO | {"appVersion": "../x"},
        {name: value for name, value in INFO.items() if name != "OS"},
        INFO | {"revision": "https://hg.mozilla.org/mozilla-central/rev/000000000000"},
    ],
    ids=["another channel", "a version that is a path", "no operating system", "unknown definitions"],
)
def test_the_dashboard_job_leaves_records_out_that_it_cannot_place(info):
    """They are not an error of the job."""
    record = {"info": info, "histograms": ROWS}

    assert written(DashboardJob(Finder()).map, "id", ["20130815"], record) == []


def test_a_line_of_the_output_is_read_back():
    """Its group may contain slashes, its histogram not."""
    assert parsed_line(b'release/23/GC_MS\t{"buckets":[0]}') == ("release/23", "GC_MS", {"buckets": [0]})
