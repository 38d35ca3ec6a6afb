"""Many pings of many clients, of every form and fault: those of some go by order, nothing else changes."""

import gzip
import re
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

import orjson
import pytest

from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.partitions.reader import Filter, read_records
from storage.raw.submission import Submission
from telemetry_server.aggregates.check import Checker
from telemetry_server.generator.definitions import Definitions
from telemetry_server.privacy.forget import Forgetter
from tests.aggregates.pings import Aggregates
from tests.privacy.many_pings import client_id, few_definitions, many_pings
from tests.privacy.test_orders import glean_request
from tests.support.data_root import NOON, World
from tests.support.independent_scan import hits
from tests.support.sizes import size
from tests.support.table_rows import rows_of

pytestmark = pytest.mark.slow

PINGS, CLIENTS, FORGOTTEN = size(400, 20_000), size(40, 2000), size(4, 50)
TABLES = ("pings", "histograms", "scalars", "events")
UUIDS = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def requests() -> list[Submission]:
    """Return the deletion requests of the clients to forget."""
    found = []
    for number in range(FORGOTTEN):
        text = glean_request(10**8 + number)
        body = gzip.decompress(text.body).replace(b"cccccccc", b"dddddddd")
        body = re.sub(rb'"client_id":"[^"]*"', b'"client_id":"%s"' % client_id(number).encode(), body)
        body = re.sub(rb'"legacy.telemetry.client_id":"[^"]*"', b'"x":"y"', body)
        found.append(Submission(received_at=NOON, path=text.path, body=gzip.compress(body, 1, mtime=0)))
    return found


async def converted(path: Path, submissions: Iterable[Submission], definitions: Definitions) -> Aggregates:
    world = World(path)
    world.put_specs(definitions.revision, orjson.loads(definitions.text))
    world.receive(submissions)
    await world.convert(processes=size(1, 2))
    aggregates = Aggregates(world)
    aggregates.update()
    return aggregates


def lines_of(world: World, store: str) -> Counter[bytes]:
    """Return digests of the lines of a store."""
    with Ledger.for_reading(world.root) as ledger:
        lines = read_records(world.root.path, ledger, Filter(None, ()), store)
        return Counter(blake2b(line, digest_size=16).digest() for line in lines)


async def test_many_clients_go_by_order_and_the_rest_equals_a_root_that_never_had_them(tmp_path):
    definitions = few_definitions()
    everything = list(many_pings(PINGS, CLIENTS, definitions))
    mine = [sent.submission for sent in everything if sent.client < FORGOTTEN]
    others = [sent.submission for sent in everything if sent.client >= FORGOTTEN]
    assert len(mine) > 4 * FORGOTTEN
    with_them = await converted(
        tmp_path / "with", [*(sent.submission for sent in everything), *requests()], definitions
    )
    without = await converted(tmp_path / "never", others, definitions)
    world, never = with_them.world, without.world
    ids = {client_id(number) for number in range(FORGOTTEN)}
    ids |= {found[0] for each in (*mine, *requests()) if (found := UUIDS.findall(each.path))}
    before = hits(world.root.path, ids)
    assert {path.split("/")[0] for path in before} == {"raw", "converted", "quarantine", "tables", "state"}
    assert set().union(*before.values()) == ids

    forgetter = Forgetter(world.root, Disk())
    report = forgetter.carry_out()

    assert len(report.orders) == FORGOTTEN
    assert report.left == []
    assert forgetter.scan().hits == {}
    assert hits(world.root.path, ids) == {}
    audited, expected = world.audit(), never.audit()
    assert audited.findings == []
    assert audited.total.received == len(everything) + FORGOTTEN
    assert audited.total.deleted == len(mine) + FORGOTTEN
    for name in ("stored", "duplicate", "conflict", "quarantined", "pending"):
        assert getattr(audited.total, name) == getattr(expected.total, name) > 0 or name == "pending", name
    for store in ("converted", "quarantine"):
        assert lines_of(world, store) == lines_of(never, store), store
    for table in TABLES:
        assert rows_of(world, table) == rows_of(never, table) > (0, 0), table
    assert world.check_tables() == []
    assert Checker(world.root).check().findings == []
    for metric in definitions.plain:
        assert answer(with_them, metric.name) == answer(without, metric.name)


def answer(aggregates: Aggregates, metric: str) -> list[dict[str, object]]:
    """Return the rows for a metric."""
    return aggregates.answer(metric, merges=True)["rows"]
