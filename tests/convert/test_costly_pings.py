"""The output and the memory that one ping can cause are bounded."""

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import orjson
import pytest

from storage.partitions.frames import decompress_frame
from telemetry_server.convert.histograms import histogram_packer
from telemetry_server.convert.pipeline import convert
from telemetry_server.coordinator import conversion_worker
from telemetry_server.coordinator.batch_planner import TASK_BYTES
from telemetry_server.outcomes.outcome import QuarantineReason, Refused
from tests.convert.payloads.samples import (
    COUNT_SENT,
    INFO,
    a_context,
    a_submission,
    dropped,
    refused,
    stored,
)
from tests.support.sizes import size

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20


def a_body(histograms: bytes = b"{}", keyed: bytes = b"{}", more: bytes = b"") -> bytes:
    return b'{"ver":1,"info":%b,"histograms":%b,"keyedHistograms":%b%b}' % (
        orjson.dumps(INFO),
        histograms,
        keyed,
        more,
    )


def unknown(count: int) -> bytes:
    return b"{%b}" % b",".join(b'"%x":{"values":{}}' % number for number in range(count))


@pytest.fixture(params=["as it comes", "fully"])
def converted(request, tmp_path):
    """Converts a body, by the compiled walk where there is one, and by a full parse."""
    context = a_context(tmp_path)
    return lambda body: convert(a_submission(body), context, fully=request.param == "fully")


def test_a_ping_may_lose_up_to_the_maximum_of_histograms(converted):
    """The ping is stored, and each dropped histogram has a reason."""
    outcome = converted(a_body(unknown(histogram_packer.MAX_DROPPED)))

    assert dropped(outcome) == {"unknown_histogram": histogram_packer.MAX_DROPPED}


@pytest.mark.parametrize("count", [histogram_packer.MAX_DROPPED + 1, size(100_000, 490_000)])
def test_a_ping_that_loses_more_histograms_is_refused_with_their_count(converted, count):
    outcome = converted(a_body(b"{%b}" % b",".join(b'"%x":{}' % number for number in range(count))))

    assert refused(outcome) is QuarantineReason.TOO_LARGE
    assert isinstance(outcome, Refused)
    assert f"{count} of its histograms are refused" in outcome.detail
    assert f"at most {histogram_packer.MAX_DROPPED}" in outcome.detail


def test_losses_of_all_places_and_reasons_count_together(converted):
    """Plain and keyed histograms, those of processes included."""
    part = histogram_packer.MAX_DROPPED // 4
    numbers = b"{%b}" % b",".join(b'"%x":%d' % (number, number) for number in range(part))
    processes = b',"processes":{"content":{"histograms":%b,"keyedHistograms":{"KEYED_COUNT":%b}}}'

    def ping(extra: bytes) -> bytes:
        return a_body(unknown(part), b'{"K":%b}' % unknown(part), processes % (numbers, extra))

    assert sum(dropped(converted(ping(numbers))).values()) == 4 * part
    assert refused(converted(ping(numbers[:-1] + b',"one more":1}'))) is QuarantineReason.TOO_LARGE


def test_a_long_name_with_many_keys_is_refused_early(converted):
    """A name of 2 MiB and 500 keys would be a gibibyte of quarantine."""
    name = bytes(Random(1).choices(b"abcdefghijklmnopqrstuvwxyz", k=2 * MIB))

    outcome = converted(a_body(keyed=b'{"%b":%b}' % (name, unknown(500))))

    assert refused(outcome) is QuarantineReason.TOO_LARGE
    assert isinstance(outcome, Refused)
    assert "500 of its histograms are refused" in outcome.detail


@pytest.mark.parametrize(
    "body",
    [
        a_body(unknown(histogram_packer.MAX_DROPPED)),
        a_body(keyed=b'{"%b":%b}' % (b"n" * 100, unknown(histogram_packer.MAX_DROPPED))),
        a_body(b'{"%b":1}' % (b"n" * 3 * MIB)),
        a_body(keyed=b'{"%b":%b}' % ("\N{SNOWMAN}".encode() * 200_000, unknown(38))),
        a_body(b"{}", b'{"KEYED_COUNT":{"%b":%b}}' % (b"k" * MIB, orjson.dumps(COUNT_SENT))),
    ],
    ids=["many", "many keys", "a long name", "a long name, wide, and keys", "a long key that is kept"],
)
def test_the_output_of_a_stored_ping_is_bounded(tmp_path, body):
    """Its record is at most as long as its text and its metadata, and its quarantine lines at most 40 MiB."""
    submission = a_submission(body)
    outcome = stored(convert(submission, a_context(tmp_path)))
    builder = conversion_worker.ResultBuilder()
    builder.add(0, submission, outcome)
    written = {frame.directory: len(decompress_frame(frame.data)) for frame in builder.result().frames}

    assert len(outcome.record) <= len(body) + 1024
    lost = sum(size for directory, size in written.items() if directory.startswith("quarantine/"))
    assert lost <= len(body) + 4 * histogram_packer.MAX_DROPPED_CHARACTERS


def test_lines_are_compressed_early_and_none_is_lost(tmp_path, monkeypatch):
    """Many small bodies that inflate to large texts are not held uncompressed."""
    monkeypatch.setattr(conversion_worker, "MAX_LOOSE_BYTES", 10_000)
    context = a_context(tmp_path)
    builder = conversion_worker.ResultBuilder()
    submission = a_submission(gzip.compress(a_body(unknown(3), more=b',"pad":"%b"' % (b"x" * 4000))))
    for index in range(10):
        builder.add(index, submission, convert(submission, context))

    frames = builder.result().frames

    by_store = {"converted": [], "quarantine": []}
    for frame in frames:
        assert decompress_frame(frame.data).count(b"\n") == len(frame.members)
        by_store[frame.directory.partition("/")[0]] += frame.members
    assert by_store == {"converted": list(range(10)), "quarantine": list(range(10))}
    assert len(frames) > 4


CONVERT_FULL_TASK = """
import gzip, re, tempfile
from pathlib import Path
from telemetry_server.convert.pipeline import convert
from telemetry_server.coordinator.batch_planner import TASK_ITEMS
from telemetry_server.coordinator.conversion_worker import ResultBuilder
from telemetry_server.tables.task_rows import DefinitionFinder, TaskRows
from tests.convert.payloads.samples import a_context, a_submission
from tests.convert.test_costly_pings import a_body, unknown

submission = a_submission(gzip.compress(a_body(unknown(3), more=b',"pad":"%b"' % (b"x" * 1_040_000))))
with tempfile.TemporaryDirectory() as folder:
    context = a_context(Path(folder))
    builder = ResultBuilder(TaskRows(DefinitionFinder(context.resolver)))
    for index in range(TASK_ITEMS):
        builder.add(index, submission, convert(submission, context))
print(len(builder.result().results), len(submission.body))
[peak_kibibytes] = re.findall(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(int(peak_kibibytes) >> 10)
"""


def test_a_full_task_of_small_bodies_that_inflate_to_a_mebibyte_takes_little_memory():
    """Measured as the peak of a process of its own: 84 MiB, 51 with a single one of them."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-c", CONVERT_FULL_TASK]

    done = subprocess.run(command, capture_output=True, cwd=ROOT, env=environment, check=True)

    results, body_bytes, peak_mebibytes = map(int, done.stdout.split())
    assert results * body_bytes <= TASK_BYTES
    assert peak_mebibytes < 160


# Units of text that make many Python objects of few bytes; long integers need a second parser.
TINY = {
    "empty objects": b"{}",
    "objects with a key": b'{"a":0}',
    "long integers among objects": b"{},12345678901234567890123",
    "numbers": b"9e15",
    "children without histograms": b'{"histograms":{}}',
}
CONVERT_AND_MEASURE = """
import re, sys, tempfile
from pathlib import Path
from telemetry_server.convert.pipeline import convert
from telemetry_server.coordinator.conversion_worker import ResultBuilder
from tests.convert.payloads.samples import a_context, a_submission

submission = a_submission(sys.stdin.buffer.read())
with tempfile.TemporaryDirectory() as folder:
    outcome = convert(submission, a_context(Path(folder)))
builder = ResultBuilder()
builder.add(0, submission, outcome)
builder.result()
# Not ru_maxrss: across an exec it keeps the peak of the process that started this one.
[peak_kibibytes] = re.findall(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(type(outcome).__name__, int(peak_kibibytes) >> 10)
"""


@pytest.mark.parametrize("unit", TINY.values(), ids=TINY.keys())
def test_a_ping_of_tiny_values_stays_under_the_memory_that_limits_md_says(unit):
    """Measured as the peak of a process of its own; the text is as long as a ping's may be."""
    page = (ROOT / "docs/limits.md").read_text(encoding="utf-8")
    [limit] = re.findall(r"a process that holds one stays under (\d+) MiB", page)
    unlike = Random(1).randbytes(30_000).hex().encode()  # else the ratio would refuse it
    room = 8 * MIB - len(unlike) - 1024
    body = gzip.compress(
        a_body(
            more=b',"pad":"%b","childPayloads":[%b]' % (unlike, b",".join([unit] * (room // (len(unit) + 1))))
        ),
        6,
    )

    # Without coverage, which would take memory and most of the time.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-c", CONVERT_AND_MEASURE]

    done = subprocess.run(command, input=body, capture_output=True, cwd=ROOT, env=environment, check=True)

    outcome, peak_mebibytes = done.stdout.split()
    assert outcome == b"Stored"
    assert int(peak_mebibytes) < int(limit)
