"""Damage in packed logs: all untouched records are recovered."""

import random
from dataclasses import dataclass

import pytest

from telemetry_server.imports.formats.exported_ping import ExportFormat
from telemetry_server.imports.formats.packed_layout import PackedVersion
from tests.imports.formats.samples import DIMENSIONS, document_id, packed_records, read
from tests.support.sizes import size

RECORDS = 1_000
CORRUPTIONS = 50
SUBMITTED = "/submit/telemetry/"


@dataclass(frozen=True, slots=True)
class DamagedLog:
    data: bytes
    undamaged: list[int]  # numbers of the unchanged records


def damage_one(record: bytes, rng: random.Random) -> tuple[bytes, bool]:
    """Return *record* with a bit flip, a cut, a false length or inserted bytes, and if it is intact."""
    at = rng.randrange(len(record))
    kind = rng.choice(["flip", "cut", "length", "insert"])
    if kind == "flip":
        return record[:at] + bytes([record[at] ^ 1 << rng.randrange(8)]) + record[at + 1 :], False
    if kind == "cut":
        return record[:at] + record[at + rng.randrange(1, len(record) - at + 1) :], False
    if kind == "length":
        at = rng.randrange(1, 7)
        changed = record[:at] + bytes([rng.randrange(256)]) + record[at + 1 :]
        return changed, changed == record
    stray = rng.randbytes(rng.randrange(1, 40))
    # Between two records it damages neither of them.
    return record[:at] + stray + record[at:], at == 0


def damaged_log(version: PackedVersion, seed: int) -> tuple[list[bytes], DamagedLog]:
    rng = random.Random(seed)
    records = packed_records(RECORDS, version, rng)
    undamaged = set(range(RECORDS))
    pieces = list(records)
    for number in rng.sample(range(RECORDS), CORRUPTIONS):
        pieces[number], is_whole = damage_one(records[number], rng)
        if not is_whole:
            undamaged.discard(number)
    return records, DamagedLog(b"".join(pieces), sorted(undamaged))


def recovered_of(version: PackedVersion, seed: int) -> tuple[int, int, int, str]:
    """Return how many records were undamaged, recovered, returned otherwise, and counted."""
    records, log = damaged_log(version, seed)
    header_bytes = {"v0": 16, "v1": 15, "v2": 16 + 9}[version]
    pings, reader = read(log.data)
    given = [(ping.path, ping.body) for ping in pings]
    expected = [
        (
            SUBMITTED + (document_id(n) + DIMENSIONS).decode(),
            records[n][header_bytes + len(document_id(n) + DIMENSIONS) :],
        )
        for n in log.undamaged
    ]
    recovered = len(set(given).intersection(expected))
    assert len(given) == len(set(given))
    assert reader.format is ExportFormat.PACKED
    assert reader.damaged.records <= CORRUPTIONS
    return len(expected), recovered, len(given) - recovered, str(reader.damaged)


@pytest.mark.parametrize("version", PackedVersion)
@pytest.mark.parametrize("seed", range(4))
def test_every_record_that_50_corruptions_did_not_touch_is_recovered(version, seed):
    """Of 1,000 records; all others returned had their path or body changed in place."""
    undamaged, recovered, changed, counted = recovered_of(version, seed)
    print(f"{version} seed {seed}: {recovered} of {undamaged} undamaged, {changed} changed, {counted}")

    assert recovered == undamaged
    assert undamaged >= RECORDS - CORRUPTIONS
    assert changed <= CORRUPTIONS


@pytest.mark.slow
@pytest.mark.parametrize("version", PackedVersion)
def test_every_untouched_record_is_recovered_under_many_seeds(version):
    """50 logs, or 200, of 1,000 records with 50 corruptions each."""
    undamaged = recovered = changed = 0
    for seed in range(1_000, 1_000 + size(50, 200)):
        figures = recovered_of(version, seed)
        undamaged, recovered, changed = (
            undamaged + figures[0],
            recovered + figures[1],
            changed + figures[2],
        )
    print(f"{version}: {recovered} of {undamaged} undamaged records recovered, {changed} changed ones given")

    assert recovered == undamaged
