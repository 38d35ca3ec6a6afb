"""docs/limits.md says of each limit what the code says."""

import re
from pathlib import Path

import pytest

from histogram_specs import cache, fetch, fetched, http_source, spec_file
from histogram_specs.buckets import MOST_BUCKETS
from storage.partitions.writer import OPEN_AT_ONCE
from storage.raw import segment_file, writer
from telemetry_server.convert import histogram_places, lookups, partition_bound
from telemetry_server.edge.answers import PIECE_BYTES
from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.edge.worker import MOST_ADMIN_CONNECTIONS
from telemetry_server.observability.metrics import MOST_LABEL_VALUES
from telemetry_server.pings import inflate, json_text
from telemetry_server.settings import SETTING_NAMES, Settings

PAGE = (Path(__file__).resolve().parents[2] / "docs/limits.md").read_text(encoding="utf-8")
EDGE = EdgeLimits()
MIB = 1 << 20

# How a row begins, and what its second cell begins with.
ROWS = {
    "connections open, per worker": f"{EDGE.max_connections:,}",
    "waiting to be accepted, per worker": f"{EDGE.backlog:,}",
    "a request's head": f"{EDGE.header_timeout_seconds:g} s",
    "a body |": f"{EDGE.body_timeout_seconds:g} s",
    f"a body's rate, after {EDGE.min_rate_after_seconds:g} s": f"{EDGE.min_bytes_per_second:,.0f} B/s",
    "silence between two requests": f"{EDGE.keepalive_timeout_seconds:g} s",
    "requests on one connection": f"{EDGE.max_requests_per_connection:,}",
    "what still comes after a refusal": f"{EDGE.lingering_seconds:g} s",
    "until the disk has it": f"{Settings.model_fields['commit_timeout_seconds'].default:g} s",
    "to finish in after SIGTERM": f"{EDGE.drain_timeout_seconds:g} s",
    "connections on `admin_port`": f"{MOST_ADMIN_CONNECTIONS}",
    "body on the wire": f"{EDGE.max_body_bytes // MIB} MiB",
    f"an answer that its client does not read, for each {PIECE_BYTES >> 10} KiB": (
        f"{EDGE.answer_timeout_seconds:g} s"
    ),
    "bodies and unread answers in memory, per worker": f"{EDGE.max_in_flight_bytes // MIB} MiB",
    "request target": f"{EDGE.max_target_bytes:,} bytes",
    "a header that is kept": f"{EDGE.max_kept_header_bytes:,} bytes",
    "any header, or the request line": f"{EDGE.max_line_bytes:,} bytes",
    "headers |": f"{EDGE.max_headers}",
    "submissions that wait for the disk": (
        f"{writer.MAX_WAITING_SUBMISSIONS:,}, or {writer.MAX_WAITING_BYTES // MIB} MiB"
    ),
    "one file of raw submissions": (
        f"{segment_file.MAX_SEGMENT_BYTES // MIB} MiB, or {segment_file.MAX_SEGMENT_AGE_SECONDS / 60:g} min"
    ),
    "text, inflated": f"{inflate.MAX_INFLATED_BYTES // MIB} MiB",
    f"ratio, past {inflate.RATIO_COUNTS_PAST_BYTES // MIB} MiB": f"{inflate.MAX_RATIO} to 1",
    "gzip members": f"{inflate.MAX_MEMBERS}",
    "nesting": f"{json_text.MAX_NESTING}",
    "buckets of a histogram's definition": f"{MOST_BUCKETS:,}",
    "numbers in the rows of a ping": f"{histogram_places.MAX_NUMBERS:,}",
    "histograms that a ping is stored without": f"{histogram_places.MAX_DROPPED:,}",
    "names, places and details of those": f"{histogram_places.MAX_DROPPED_CHARACTERS >> 20} Mi characters",
    "partitions of one day": f"{partition_bound.MAX_PARTITIONS_PER_DAY:,}",
    "values of a metric's label": f"closed lists, at most {MOST_LABEL_VALUES}",
    "partition files open at once": f"{OPEN_AT_ONCE}",
    "definitions in memory": f"{cache.SpecCache.__init__.__kwdefaults__['max_cached_specs']:,}",
    "spec files that were fetched": f"{fetched.MOST_FILES:,}, or {fetched.MOST_BYTES >> 30} GiB",
    "one spec file": f"{spec_file.MOST_BYTES // MIB} MiB",
    "requests to the revision server": (
        f"{http_source.MOST_AT_ONCE} at once, {http_source.MOST_PER_SECOND:g} a second, "
        f"{http_source.CONNECT_SECONDS:g} s to connect, {http_source.TOTAL_SECONDS:g} s in all"
    ),
    "revisions being looked up": f"{lookups.MOST_AT_ONCE}",
    "a revision that the server does not have": (
        f"remembered for {fetch.MISSING_FOR_SECONDS / 3600:g} h, {fetch.MOST_REMEMBERED:,} of them"
    ),
    "a wait for definitions": f"{Settings.model_fields['pending_days'].default:g} days",
    "a server that does not answer": (
        f"left alone for {fetch.FIRST_PAUSE_SECONDS:g} s, doubling to {fetch.LONGEST_PAUSE_SECONDS:g} s"
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_limit_is_the_one_in_force(row):
    """Its row begins so, and says the default that the code has."""
    (rest,) = re.findall(rf"^\| {re.escape(row)}([^\n]*)", PAGE, re.MULTILINE)
    cell = rest.lstrip() if row.endswith("|") else rest.split(" | ", 1)[1]

    assert cell.startswith(ROWS[row])
    assert re.match(r"[ ;,|]|$", cell[len(ROWS[row]) :])


def test_every_limit_that_can_be_set_has_its_row():
    """And what a row names as a setting is one."""
    limits = {
        name
        for name in SETTING_NAMES
        if re.fullmatch(r"max_\w+|\w+_timeout_seconds|min_free_bytes|oversize_status|namespaces", name)
    }
    named = set(re.findall(r"`([a-z]+_[a-z_]+|namespaces)`", PAGE))

    assert limits <= named
    others = {"admin_port", "revision_server", "workers", "partition_overflow"}
    assert named - others - {cell for cell in named if cell in QUARANTINE} <= set(SETTING_NAMES)


QUARANTINE = {
    "too_large", "corrupt_gzip", "invalid_json", "invalid_count", "invalid_path", "unusable_spec",
    "unknown_revision",
}  # fmt: skip
