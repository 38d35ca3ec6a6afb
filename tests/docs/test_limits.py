"""docs/limits.md says of each limit what the code says."""

import re
from pathlib import Path

import pytest

from histogram_specs import spec_file
from histogram_specs.buckets import MAX_BUCKETS
from histogram_specs.cache import eviction, fetcher, revision_cache
from histogram_specs.sources import http
from storage.partitions.writer import OPEN_AT_ONCE
from storage.raw import segment_file, submission_queue
from telemetry_server.convert.histograms import histogram_packer
from telemetry_server.coordinator import definition_fetches, partition_limit
from telemetry_server.edge.edge_worker import MAX_ADMIN_CONNECTIONS
from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.edge.responses import PIECE_BYTES
from telemetry_server.mapreduce import bad_records, cluster, pair_table, plain_values, runs, workers
from telemetry_server.observability.metrics import MAX_LABEL_VALUES
from telemetry_server.pings import inflate, json_text
from telemetry_server.settings.settings import SETTING_NAMES, Settings

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
    "until the disk has it": f"{Settings().commit_timeout_seconds:g} s",
    "to finish in after SIGTERM": f"{EDGE.drain_timeout_seconds:g} s",
    "connections on `admin_port`": f"{MAX_ADMIN_CONNECTIONS}",
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
        f"{submission_queue.MAX_WAITING_SUBMISSIONS:,}, or {submission_queue.MAX_WAITING_BYTES // MIB} MiB"
    ),
    "one file of raw submissions": (
        f"{segment_file.MAX_SEGMENT_BYTES // MIB} MiB, or {segment_file.MAX_SEGMENT_AGE_SECONDS / 60:g} min"
    ),
    "text, inflated": f"{inflate.MAX_INFLATED_BYTES // MIB} MiB",
    f"ratio, past {inflate.RATIO_COUNTS_PAST_BYTES // MIB} MiB": f"{inflate.MAX_RATIO} to 1",
    "gzip members": f"{inflate.MAX_MEMBERS}",
    "nesting": f"{json_text.MAX_NESTING}",
    "buckets of a histogram's definition": f"{MAX_BUCKETS:,}",
    "numbers in the rows of a ping": f"{histogram_packer.MAX_NUMBERS:,}",
    "histograms that a ping is stored without": f"{histogram_packer.MAX_DROPPED:,}",
    "names, places and details of those": f"{histogram_packer.MAX_DROPPED_CHARACTERS >> 20} Mi characters",
    "partitions of one day": f"{partition_limit.MAX_PARTITIONS_PER_DAY:,}",
    "values of a metric's label": f"closed lists, at most {MAX_LABEL_VALUES}",
    "partition files open at once": f"{OPEN_AT_ONCE}",
    "definitions in memory": f"{revision_cache.RevisionCache.__init__.__kwdefaults__['max_cached_specs']:,}",
    "spec files that were fetched": f"{eviction.MAX_FILES:,}, or {eviction.MAX_BYTES >> 30} GiB",
    "one spec file": f"{spec_file.MAX_BYTES // MIB} MiB",
    "requests to the revision server": (
        f"{http.MAX_AT_ONCE} at once, {http.MAX_PER_SECOND:g} a second, "
        f"{http.CONNECT_SECONDS:g} s to connect, {http.TOTAL_SECONDS:g} s in all"
    ),
    "revisions being looked up": f"{definition_fetches.MAX_AT_ONCE}",
    "a revision that the server does not have": (
        f"remembered for {fetcher.MISSING_FOR_SECONDS / 3600:g} h, {fetcher.MAX_REMEMBERED:,} of them"
    ),
    "pairs that a mapper holds": f"{pair_table.BUDGET_BYTES // MIB} MiB",
    "values of a key that a mapper holds": f"{pair_table.COMBINE_AT}",
    "sorted files that a process merges at once": f"{runs.MAX_OPEN_RUNS}",
    "lists and dicts within a written value": f"{plain_values.MAX_DEPTH} levels",
    "records that `map` may fail for": f"{100 * bad_records.ONE_PERCENT.share:g} %",
    "tries of a file whose mapper is killed": f"{workers.MAX_RETRIES + 1}",
    "a cluster without workers": f"{cluster.MAX_SECONDS_WITHOUT_WORKERS} s",
    "a wait for definitions": f"{Settings().pending_days:g} days",
    "a server that does not answer": (
        f"left alone for {fetcher.FIRST_PAUSE_SECONDS:g} s, doubling to {fetcher.MAX_PAUSE_SECONDS:g} s"
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
