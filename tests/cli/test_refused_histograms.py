"""Refused histograms of a ping: one quarantine line for each reason; all are counted and shown."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

from storage.disk import Disk
from storage.integrity.audit import audit
from storage.ledger.ledger import Ledger
from storage.ledger.values import Entry
from storage.partitions.compact import compact_day
from storage.partitions.frames import compress_frame
from storage.partitions.reader import Filter, read_records
from storage.partitions.writer import Frame, PartitionWriter
from telemetry_server.observability import metrics
from tests.support.data_root import DAY, World, a_ping, an_id, submitted

UNKNOWN, MALFORMED = 70, 5


def a_ping_with_refusals() -> dict:
    ping = a_ping(0)
    del ping["histograms"]["NOT_THERE"]
    flag = ping["histograms"]["PLAIN_FLAG"]
    ping["histograms"] |= {f"UNKNOWN_{number}": flag for number in range(UNKNOWN)}
    ping["histograms"] |= {f"BROKEN_{number}": number for number in range(MALFORMED)}
    return ping


@pytest.fixture
async def world(tmp_path):
    """A stored ping without 75 histograms, and a clean one."""
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    world.put_specs()
    clean = a_ping(1)
    del clean["histograms"]["NOT_THERE"]
    world.receive([submitted(a_ping_with_refusals(), 0), submitted(clean, 1)])
    await world.convert()
    return world


@pytest.fixture
def look(world, command):
    """Runs a command on the world's data root."""

    def run(*words: str, status: int = 0) -> str:
        return command(*words, "--data", str(world.root.path), status=status)[0]

    return run


def quarantine_lines(world: World) -> list[bytes]:
    with Ledger.for_reading(world.root) as ledger:
        return list(read_records(world.root.path, ledger, Filter(), "quarantine"))


def objects(text: str) -> list[dict]:
    return [json.loads(line.split("\t")[1]) for line in text.splitlines()]


def add_line_of_earlier_versions(world: World, line: bytes, reason: str) -> None:
    """Commit a quarantine line in the form of earlier versions, with one histogram."""
    with Ledger(world.root.ledger) as ledger:
        writer = PartitionWriter(world.root.path, ledger, Disk())
        writer.recover()
        directory = f"quarantine/{DAY}/{reason}"
        writer.prepare([directory], 1)
        with ledger.transaction() as transaction:
            writer.write(transaction, [Frame(directory, compress_frame(line + b"\n"), 1)])
            transaction.add(Counter({(DAY, Entry.HISTOGRAM_DROPPED, reason): 1}))
        writer.close()


def test_the_refused_histograms_of_a_ping_are_one_line_for_each_reason(world):
    """The path and the other shared fields are written once."""
    lines = quarantine_lines(world)

    assert sorted(orjson.loads(line.partition(b"\t")[2])["count"] for line in lines) == [MALFORMED, UNKNOWN]
    assert all(line.count(f"/submit/telemetry/{an_id(0)}".encode()) == 1 for line in lines)


def test_cat_quarantine_prints_an_object_for_each_refused_histogram(look):
    """With all required fields; filters apply to the histogram, not to the line."""
    shown = objects(look("cat", "quarantine"))

    assert Counter(line["reason"] for line in shown) == {"unknown_histogram": UNKNOWN, "malformed": MALFORMED}
    for line in shown:
        wanted = {"document_id", "received_at", "path", "reason", "detail", "histogram", "body"}
        assert wanted <= set(line)
        assert not {"count", "histograms"} & set(line)
    (one,) = objects(look("cat", "quarantine", "--where", "histogram=BROKEN_3"))
    assert (one["body"], one["detail"]) == (3, "it is a number, not an object")


def test_explain_lists_every_refused_histogram(look):
    answer = json.loads(look("explain", an_id(0), "--json"))

    assert len({histogram["name"] for histogram in answer["dropped_histograms"]}) == UNKNOWN + MALFORMED


def test_ledger_and_metrics_count_every_refused_histogram(world, look, monkeypatch):
    """And audit finds the same number on disk."""
    counted: Counter[str] = Counter()
    monkeypatch.setattr(
        metrics.histograms_dropped, "count", lambda reason, amount: counted.update({reason: amount})
    )
    world.receive([submitted(a_ping_with_refusals(), 3)])

    answer = json.loads(look("convert", "--json"))

    assert answer["histograms"]["dropped"] == {"malformed": MALFORMED, "unknown_histogram": UNKNOWN}
    assert counted == {"malformed": MALFORMED, "unknown_histogram": UNKNOWN}
    assert json.loads(look("audit", "--json"))["balanced"]


def test_audit_compares_the_histograms_in_a_line_with_the_ledger(world, command):
    """A line with fewer histograms than the ledger counted is a finding."""
    with Ledger(world.root.ledger) as ledger, ledger.transaction() as transaction:
        transaction.add(Counter({(DAY, Entry.HISTOGRAM_DROPPED, "malformed"): 1}))

    _, talk = command("audit", "--data", str(world.root.path), status=1)

    assert f"quarantine/{DAY}/malformed: {MALFORMED} on disk, {MALFORMED + 1} in the books" in talk


def test_quarantine_files_of_earlier_versions_stay_readable(world, look):
    """With one histogram in each line; they are shown, explained and counted in the same way."""
    old = {
        "document_id": an_id(0),
        "received_at": datetime(2026, 11, 22, 12, tzinfo=UTC).isoformat(),
        "reason": "unknown_histogram",
        "detail": "no histogram of that name in the definitions",
        "namespace": "telemetry",
        "doctype": "saved-session",
        "path": f"/submit/telemetry/{an_id(0)}",
        "histogram": "OF_OLD",
        "where": "histograms.OF_OLD",
        "body": {"values": {"0": 1}},
    }
    add_line_of_earlier_versions(world, an_id(0).encode() + b"\t" + orjson.dumps(old), "unknown_histogram")

    assert objects(look("cat", "quarantine", "--where", "histogram=OF_OLD")) == [old]
    names = {each["name"] for each in json.loads(look("explain", an_id(0), "--json"))["dropped_histograms"]}
    assert "OF_OLD" in names
    assert json.loads(look("audit", "--json"))["balanced"]


def test_compaction_keeps_lines_with_several_histograms(world, look):
    """And audit still finds all of them."""
    world.receive([submitted(a_ping_with_refusals(), number) for number in (4, 5)])
    look("convert")
    look("compact", "--date", DAY)

    assert len(objects(look("cat", "quarantine"))) == 3 * (UNKNOWN + MALFORMED)
    assert json.loads(look("audit", "--json"))["balanced"]


async def test_audit_does_not_report_a_concurrent_merge_as_lost_histograms(world):
    """For a file that was merged, only the number of lines is known, not their content."""
    world.receive([submitted(a_ping_with_refusals(), 4)])
    await world.convert()
    with Ledger(world.root.ledger) as ledger:
        writer = PartitionWriter(world.root.path, ledger, Disk())
        with ledger.transaction() as transaction:
            for file in ledger.files(f"quarantine/{DAY}"):
                transaction.put_file(replace(file, closed=True))
        writer.recover()
        writer.close()
    world.receive([submitted(a_ping_with_refusals(), 5)])
    await world.convert()

    def merge() -> None:
        with Ledger(world.root.ledger) as ledger:
            list(compact_day(world.root.path, ledger, Disk(), DAY))

    with Ledger.for_reading(world.root) as ledger:
        assert len(ledger.files(f"quarantine/{DAY}/malformed")) == 2
        found = audit(world.root, ledger, on_file=merge)

    assert found.findings == []
    assert world.audit().findings == []
