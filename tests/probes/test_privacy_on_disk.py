"""No file outside of raw/ has the client id of a ping of an anonymous store, decompressed or not."""

import json
import logging
import re
from base64 import b64decode
from uuid import UUID

import orjson
import pyarrow.parquet as pq
import pytest
from backports import zstd

from storage.disk import Disk
from telemetry_server.probes.stores import parse_stores
from telemetry_server.repair.repair import Repairer
from tests.probes.samples import SOMEBODY, STORES, a_ping
from tests.support.data_root import World, an_id, submitted

# The id as text, as in names, and as the 16 bytes of a column.
FORMS = (SOMEBODY.encode(), SOMEBODY.replace("-", "").encode(), UUID(SOMEBODY).bytes)
RAIN = {"scalars": {"parent": {"garden.weather.rain_ticks": 42}}}


def bytes_of(path):
    """The content of a file, decompressed and decoded; of a Parquet file every value."""
    content = decompressed(path)
    bodies = [b64decode(text) for text in re.findall(rb'"([A-Za-z0-9+/]{40,}={0,2})"', content)]
    return b"\n".join([content, *bodies])


def decompressed(path):
    data = path.read_bytes()
    if path.suffix == ".parquet":
        return data + repr(pq.read_table(path).to_pylist()).encode()
    if not data.startswith(b"\x28\xb5\x2f\xfd"):
        return data
    out = b""
    while data:
        decompressor = zstd.ZstdDecompressor()
        out += decompressor.decompress(data)
        data = decompressor.unused_data
    return out


@pytest.fixture
async def world(tmp_path, caplog):
    """Pings with an id: a violation, two that cannot be read, a conflict; and good ones without."""
    caplog.set_level(logging.DEBUG)
    world = World(tmp_path / "data", stores=parse_stores(STORES))
    world.put_specs()
    broken = orjson.dumps(a_ping(RAIN, clientId=SOMEBODY))[:-5]
    typed = f"/submit/telemetry/{an_id(4)}/custom/Firefox/70.0/release/20191010000000"
    world.receive(
        [
            submitted(a_ping(RAIN), 1),
            submitted(a_ping(RAIN, clientId=SOMEBODY), 2),
            submitted(broken, 3),
            submitted(broken, 4, path=typed),
            submitted({"type": "custom", "version": 4, "clientId": SOMEBODY}, 5),
            submitted(a_ping(RAIN, clientId=SOMEBODY), 1),
        ]
    )
    await world.convert()
    return world


def test_an_identity_is_in_no_file_outside_of_raw_and_in_no_log(world, caplog):
    """Records, quarantine with its conflicts, tables, state and log lines are all without it."""
    places = {path: bytes_of(path) for path in world.root.path.rglob("*") if path.is_file()}
    found = {
        path.relative_to(world.root.path).parts[0]
        for path, data in places.items()
        if any(form in data for form in FORMS)
    }

    assert found <= {"raw"}
    assert any(path.suffix == ".parquet" for path in places)
    assert SOMEBODY not in caplog.text
    reasons = [fields["reason"] for _, fields in world.lines("quarantine")]
    assert sorted(reasons) == [
        "conflict",
        "invalid_json",
        "invalid_json",
        "missing_field",
        "privacy_violation",
    ]


def test_the_books_balance(world):
    """A violation is one quarantined submission."""
    assert world.audit().balanced


def test_a_ledger_that_is_built_anew_has_the_same_books(world):
    """Records and refusals of an anonymous store say only their day; raw/ is matched all the same."""
    before = world.audit().total

    Repairer(world.root, Disk(), world.setup.schema_text, rebuild=True).repair()

    assert world.audit().balanced
    assert world.audit().total == before


async def test_a_replay_leaves_a_violation_in_quarantine(world):
    """Its identity is gone, so that it would pass now; only a replay that names the reason stores it."""
    before = json.dumps(world.lines("quarantine", reason="privacy_violation"))

    await world.replay()
    assert json.dumps(world.lines("quarantine", reason="privacy_violation")) == before

    await world.replay("privacy_violation")
    assert world.lines("quarantine", reason="privacy_violation") == []
