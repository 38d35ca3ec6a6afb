"""Fields of Glean pings: the compiled part finds what the plain way finds."""

from random import Random

import orjson
import pytest

from telemetry_server.tables import column_collectors
from telemetry_server.tables.column_collectors import IS_COMPILED
from telemetry_server.tables.row_collector import RowCollector
from tests.records.test_measurements import OneSpecFile
from tests.support.sanitizers import checked_runs
from tests.tables.field_mutations import ODD, RECORD, a_mutated_record, collected

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="built without a C compiler")

SOURCE = "telemetry_server/tables/_fields.c"
SECONDS = 3


def both_ways(records) -> list:
    """Return what the compiled part and the plain way make of *records*."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for is_compiled in (True, False):
            patch.setattr(column_collectors, "IS_COMPILED", is_compiled)
            found.append(collected(records))
    return found


def test_both_ways_collect_the_same_pings():
    """Whatever a record holds, byte for byte; where one way refuses a record, so does the other."""
    chance = Random(17)
    for _ in range(3000):
        compiled, plain = both_ways([a_mutated_record(chance) for _ in range(2)])
        assert compiled == plain


def places(value, path=()):
    """Yield the path of each member of an object, and of the members of those."""
    for name, member in value.items() if isinstance(value, dict) else ():
        yield (*path, name)
        yield from places(member, (*path, name))


@pytest.mark.parametrize("path", list(places(RECORD)), ids=".".join)
def test_both_ways_agree_on_an_odd_value_in_each_place(path):
    """And on a missing one."""
    for odd in (*ODD, ...):
        record = orjson.loads(orjson.dumps(RECORD))
        parent = record
        for name in path[:-1]:
            parent = parent[name]
        if odd is ...:
            del parent[path[-1]]
        else:
            parent[path[-1]] = odd
        compiled, plain = both_ways([record])
        assert compiled == plain


def test_an_ordinary_ping_needs_no_plain_way(monkeypatch):
    """All its fields are read by the compiled part."""
    monkeypatch.setattr(column_collectors, "fields_of", None)
    collector = RowCollector(OneSpecFile())
    collector.add(orjson.dumps(RECORD))

    pings = collector.rows.pings
    assert len(pings) == 1
    assert [pings.words[number] for number in pings.texts if number >= 0] == [
        *("org-example-app", "metrics", "1", "org-example-app", "beta", "126.0", "2015980000"),
        *("Linux", "5.15", "arm64-v8a", "metrics", "d1d1d1d1-0000-4000-8000-000000000001"),
        *("automation", "FR"),
    ]


@pytest.mark.slow
def test_no_record_leads_the_compiled_part_out_of_its_memory(tmp_path):
    """Under the compiler's own checks of addresses and of undefined behaviour."""
    assert checked_runs(tmp_path, "tests.tables.field_mutations", [SOURCE], SECONDS) > 20
