"""StorageFormat.md and StorageLayout.md: what their examples say is what the code does."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import orjson

from histogram_specs.spec import HistogramSpec
from histogram_specs.spec_file import parse_spec_file
from storage.partitions.frames import compress_frame
from storage.partitions.partition_path import folder_name, partition_path
from storage.partitions.quarantine_items import items_in
from storage.partitions.schema import PartitionSchema, parse_schema
from storage.raw.framing import FILE_HEADER_BYTES, HEAD_BYTES
from telemetry_server.convert.histograms.self_description import buckets_of, description_of
from telemetry_server.convert.pipeline import convert
from telemetry_server.outcomes.outcome import HistogramReason, Refused
from telemetry_server.outcomes.quarantine_line import histograms_line, one_by_one, submission_line
from tests.convert.payloads.samples import (
    RECEIVED_AT,
    TELEMETRY_PATH,
    a_context,
    a_submission,
    record_of,
    stored,
)

ROOT = Path(__file__).resolve().parents[2]
FORMAT = (ROOT / "StorageFormat.md").read_text(encoding="utf-8")
LAYOUT = (ROOT / "StorageLayout.md").read_text(encoding="utf-8")
NAME = "DOM_TIMERS_FIRED_PER_NATIVE_TIMEOUT"


def example(page: str, title: str) -> str:
    """The one block of *page* with this title."""
    [found] = re.findall(rf"^```\w+ {title}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return str(found).strip()


def json_example(page: str, title: str) -> Any:
    return json.loads(example(page, title))


def rows_under(page: str, heading: str) -> list[tuple[str, ...]]:
    """The cells of the first table after a row of headings that begins so."""
    lines = page[page.index(heading) :].splitlines()[2:]
    table = lines[: next(number for number, line in enumerate(lines) if not line.startswith("|"))]
    return [tuple(cell.strip().strip("`") for cell in line.strip("|").split("|")) for line in table]


def the_ping() -> dict[str, Any]:
    """The ping whose record the page shows: with one more histogram, of no known name."""
    record = json_example(FORMAT, "record")
    sent = json_example(FORMAT, "verbose")
    return {"ver": 1, "info": record["info"], "histograms": {NAME: sent, "UNDEFINED": sent}}


def test_the_worked_histogram_starts_its_buckets_where_the_page_says():
    spec = parse_spec_file(example(FORMAT, "definition").encode()).find(NAME)

    assert isinstance(spec, HistogramSpec)
    assert list(spec.bucket_starts) == json_example(FORMAT, "starts")


def test_the_worked_record_comes_out_of_its_ping(tmp_path):
    context = a_context(tmp_path, example(FORMAT, "definition").encode())
    expected = json_example(FORMAT, "record")

    record = record_of(convert(a_submission(the_ping(), headers={"x-pingsender-version": "1.0"}), context))

    assert record["histograms"][NAME] == json_example(FORMAT, "row")
    assert expected["metadata"].items() <= record["metadata"].items()
    assert {**record, "metadata": {}} == {**expected, "metadata": {}}


def test_the_worked_self_described_payload_is_described_as_the_page_says(tmp_path):
    """And its buckets start where the page says."""
    context = a_context(tmp_path, unresolved_revision="self_described")
    expected = json_example(FORMAT, "self-described metadata")
    info = {"reason": "main", "revision": "https://github.com/example/browser"}
    payload = json_example(FORMAT, "self-described payload")

    record = record_of(convert(a_submission({"ver": 1, "info": info, **payload}), context))

    described = record["metadata"]["self_described"]
    assert described == expected
    sections = ((), ("processes", "content"))
    found = [description_of(described, "OUR_OWN_MS", section) for section in sections]
    assert [list(buckets_of(each).starts) for each in found] == json_example(FORMAT, "self-described starts")
    row = record["processes"]["content"]["histograms"]["OUR_OWN_MS"]
    assert row[buckets_of(found[1]).starts.index(34)] == 2


def test_the_reasons_for_dropping_stand_in_their_order():
    said = [reason for reason, _ in rows_under(FORMAT, "| reason | when |")]

    assert said == [reason.value for reason in HistogramReason]


def test_the_kinds_have_the_types_and_buckets_that_the_page_says():
    numbers = {"high": 100, "n_buckets": 12, "n_values": 60, "labels": ["a"]}
    for kinds, _, types in rows_under(FORMAT, "| kind | buckets |"):
        for kind, client_type in zip(kinds.replace("`", "").split(", "), types.split(", "), strict=True):
            spec = parse_spec_file(json.dumps({"X": {"kind": kind, **numbers}}).encode()).find("X")

            assert isinstance(spec, HistogramSpec)
            assert spec.histogram_type == int(client_type)
            assert spec.bucket_starts[0] == 0


def test_the_quarantine_lines_are_those_that_are_written(tmp_path):
    headers = {"x-pingsender-version": "1.0"}
    context = a_context(tmp_path, example(FORMAT, "definition").encode())
    whole = a_submission(b"[]", query="v=4", host="telemetry.example", headers=headers)
    outcome = convert(whole, context)
    assert isinstance(outcome, Refused)
    line = submission_line(
        whole,
        document_id=outcome.document_id,
        namespace=outcome.namespace,
        doctype=outcome.doctype,
        reason=outcome.reason,
        detail=outcome.detail,
    )

    expected = json_example(FORMAT, "refused submission")
    assert orjson.loads(line.partition(b"\t")[2]) == expected
    assert base64.b64decode(expected["body_base64"]) == b"[]"

    expected = json_example(FORMAT, "dropped histograms")
    sent = {histogram["histogram"]: histogram["body"] for histogram in expected["histograms"]}
    submission = a_submission(the_ping() | {"histograms": sent})
    kept = stored(convert(submission, context))
    [(reason, dropped)] = kept.dropped.by_reason.items()
    line = histograms_line(
        submission,
        reason,
        dropped,
        document_id=kept.document_id,
        namespace=kept.namespace,
        doctype=kept.doctype,
    )

    assert orjson.loads(line.partition(b"\t")[2]) == expected
    assert items_in(line) == expected["count"] == 2


def test_a_quarantine_line_of_earlier_versions_reads_as_its_histogram_alone():
    """`cat quarantine` prints both forms alike, and the books count both."""
    old = json_example(FORMAT, "dropped histogram of earlier versions")
    new = json_example(FORMAT, "dropped histograms")

    assert list(one_by_one(old)) == [old]
    assert next(one_by_one(new)) == old
    assert items_in(b"id\t" + orjson.dumps(old)) == 1


def test_a_file_of_frames_begins_as_the_rfc_has_it():
    assert compress_frame(b"x\n").startswith(b"\x28\xb5\x2f\xfd")


def test_the_default_schema_is_the_one_on_the_page():
    assert parse_schema(example(LAYOUT, "default schema")) == PartitionSchema.default()


def test_folders_are_named_as_the_table_says():
    table = rows_under(LAYOUT, "| value | folder |")

    assert [folder_name(value) for value, _ in table] == [folder for _, folder in table]


def test_the_worked_record_lies_where_the_page_says(tmp_path):
    info = json_example(LAYOUT, "info")
    outcome = stored(convert(a_submission({"ver": 2, "info": info}, TELEMETRY_PATH), a_context(tmp_path)))
    day = RECEIVED_AT.strftime("%Y%m%d")

    assert f"converted/{day}/" + "/".join(outcome.dimensions) == example(LAYOUT, "partition")
    assert "converted/" + partition_path(day, outcome.dimensions) == example(LAYOUT, "partition")


def test_ranges_compare_as_the_table_says():
    def allows(bounds: dict[str, Any], value: str) -> bool:
        described = {"version": 1, "dimensions": [{"field_name": "x", "allowed_values": bounds}]}
        return parse_schema(json.dumps(described)).apply([value]) == (value,)

    assert allows({"max": "20130607"}, "20130607074752")
    assert not allows({"min": 448, "max": 500}, "4480")
    assert not allows({"min": "9.0", "max": "10.0"}, "10.0.1")
    for value in ("9.0", "10.0a1", "10.0b2", "10.0", "10"):
        assert allows({"min": "9.0", "max": "10.0"}, value)


def test_the_tables_of_raw_segments_add_up():
    """The lengths in their first columns, as far as they are fixed."""
    tables = [match.start() for match in re.finditer(r"^\| bytes \| field \|", LAYOUT, re.MULTILINE)]
    file_header, record = (rows_under(LAYOUT[start:], "| bytes | field |") for start in tables)

    def total(rows: list[tuple[str, ...]]) -> int:
        return sum(int(size) for row in rows for size in row[0].split(", "))

    assert total(file_header) == FILE_HEADER_BYTES
    assert total(record[:5]) == HEAD_BYTES


def test_what_is_compressed_is_judged_like_what_is_not(tmp_path):
    """The format knows one record for both."""
    context = a_context(tmp_path, example(FORMAT, "definition").encode())
    text = orjson.dumps(the_ping())

    assert convert(a_submission(gzip.compress(text)), context) == convert(a_submission(text), context)
