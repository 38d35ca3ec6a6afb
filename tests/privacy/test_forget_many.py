"""Many pings of many clients, of every form and fault: those of some go by order, nothing else changes."""

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest

from storage.disk import Disk
from storage.raw.submission import Submission
from telemetry_server.generator.definitions import shipped_definitions
from telemetry_server.generator.payloads import Layout
from telemetry_server.generator.stream import Recipe
from telemetry_server.privacy.forget import Forgetter
from tests.privacy.test_orders import glean_request
from tests.support.data_root import NOON, World, an_id, submitted
from tests.support.independent_scan import hits
from tests.support.sizes import size

pytestmark = pytest.mark.slow

PINGS, CLIENTS, FORGOTTEN = size(300, 20_000), size(30, 2000), size(3, 50)
ID = re.compile(rb'("client_?[iI][dD]"\s*:\s*"\{?)[0-9a-fA-F-]{36}')


def client(number: int) -> str:
    return str(UUID(int=number + (0xABCD << 80), version=4))


def client_of(document_id: str) -> int:
    return int(document_id.replace("-", "")[-8:], 16) % CLIENTS if len(document_id) == 36 else CLIENTS


def with_client(body: bytes, number: int) -> tuple[int, bytes]:
    """Return the number of the client whose id is now in *body*, and the body; `CLIENTS` if it has no id."""
    with suppress(zlib.error, EOFError, OSError):
        text, count = ID.subn(rb"\g<1>" + client(number).encode(), gzip.decompress(body))
        if count:
            return number, gzip.compress(text, 1, mtime=0)
    return CLIENTS, body


def generated() -> Iterator[tuple[int, Submission]]:
    """Yield submissions with the numbers of their clients; a third has faults or is repeated."""
    for seed, layout in enumerate(Layout):
        recipe = Recipe(shipped_definitions(), seed, malformed_rate=0.2, repeat_rate=0.1, layout=layout)
        for ping in recipe.pings(PINGS // len(Layout)):
            number, body = with_client(ping.body, client_of(ping.document_id))
            yield number, Submission(received_at=NOON, path=ping.path, body=body)
    for index in range(PINGS // 10):
        number = index % CLIENTS
        body = {"ping_info": {"seq": index}, "client_info": {"client_id": client(number)}, "metrics": {}}
        path = f"/submit/org-example/watering/1/{an_id(10**9 + index)}"
        yield number, submitted(body, 0, path=path)


def requests() -> list[Submission]:
    found = []
    for number in range(FORGOTTEN):
        text = glean_request(10**8 + number)
        body = gzip.decompress(text.body).replace(b"cccccccc", b"dddddddd")
        body = re.sub(rb'"client_id":"[^"]*"', b'"client_id":"%s"' % client(number).encode(), body)
        body = re.sub(rb'"legacy.telemetry.client_id":"[^"]*"', b'"x":"y"', body)
        found.append(Submission(received_at=NOON, path=text.path, body=gzip.compress(body, 1, mtime=0)))
    return found


async def converted(path: Path, submissions: list[Submission]) -> World:
    world = World(path, unresolved_revision="self_described")
    world.put_specs()
    world.receive(submissions)
    await world.convert(processes=2)
    return world


async def test_many_clients_go_by_order_and_the_rest_equals_a_root_that_never_had_them(tmp_path):
    everything = list(generated())
    others = [submission for number, submission in everything if number >= FORGOTTEN]
    mine = [submission for number, submission in everything if number < FORGOTTEN]
    assert len(mine) > FORGOTTEN
    world = await converted(tmp_path / "with", [submission for _, submission in everything] + requests())
    never = await converted(tmp_path / "never", others)
    ids = {client(number) for number in range(FORGOTTEN)} | {
        found[0] for each in mine if (found := re.findall(r"[0-9a-f-]{36}", each.path))
    }
    before = hits(world.root.path, ids)
    assert len(before) > 10

    report = Forgetter(world.root, Disk()).carry_out()

    assert len(report.orders) == FORGOTTEN
    assert hits(world.root.path, ids) == {}
    audited, expected = world.audit(), never.audit()
    assert audited.findings == []
    assert audited.total.received == len(everything) + FORGOTTEN
    assert audited.total.deleted == len(mine) + FORGOTTEN
    for name in ("stored", "duplicate", "conflict", "quarantined", "pending"):
        assert getattr(audited.total, name) == getattr(expected.total, name), name
    for store in ("converted", "quarantine"):
        assert sorted(map(str, world.lines(store))) == sorted(map(str, never.lines(store)))
    for table in ("pings", "histograms", "scalars", "events"):
        rows = [sorted(str({**row, "ping": 0}) for row in each.table_rows(table)) for each in (world, never)]
        assert rows[0] == rows[1], table
    assert world.check_tables() == []
