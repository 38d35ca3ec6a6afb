"""Fields of records: the compiled part finds what the plain way finds."""

from random import Random

import orjson
import pytest

from telemetry_server.tables import column_collectors
from telemetry_server.tables.column_collectors import IS_COMPILED
from telemetry_server.tables.row_collector import RowCollector
from tests.records.test_measurements import OneSpecFile
from tests.support.sanitizers import checked_runs
from tests.tables.field_mutations import ODD, RECORDS, a_mutated_record, as_opened, collected

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


PLACES = [(kind, *path) for kind, record in RECORDS.items() for path in places(record)]


@pytest.mark.parametrize("path", PLACES, ids=".".join)
def test_both_ways_agree_on_an_odd_value_in_each_place(path):
    """And on a missing one."""
    for odd in (*ODD, ...):
        record = orjson.loads(orjson.dumps(RECORDS[path[0]]))
        parent = record
        for name in path[1:-1]:
            parent = parent[name]
        if odd is ...:
            del parent[path[-1]]
        else:
            parent[path[-1]] = odd
        compiled, plain = both_ways([record])
        assert compiled == plain


TEXTS = {
    "glean": [
        *("org-example-app", "metrics", "1", "org-example-app", "beta", "126.0", "2015980000"),
        *("Linux", "5.15", "arm64-v8a", "metrics", "d1d1d1d1-0000-4000-8000-000000000001"),
        *("automation", "FR"),
    ],
    "classic": [
        *("telemetry", "saved-session", "1", "Firefox", "release", "120.0", "20261101000000"),
        *("Windows_NT", "10.0", "x86-64", "saved-session"),
        "https://hg.mozilla.org/releases/mozilla-release/rev/abcdef",
        *("d2d2d2d2-0000-4000-8000-000000000001", "d3d3d3d3-0000-4000-8000-000000000001"),
        *("automation", "FR"),
    ],
    "unified": [
        *("telemetry", "main", "1", "Firefox", "beta", "121.0", "20261102000000"),
        *("Linux", "6.1", "x86-64", "main"),
        "https://hg.mozilla.org/releases/mozilla-release/rev/abcdef",
        *("d2d2d2d2-0000-4000-8000-000000000001", "d3d3d3d3-0000-4000-8000-000000000001"),
        *("automation", "FR"),
    ],
}


@pytest.mark.parametrize("form", [orjson.dumps, as_opened], ids=["whole", "split"])
@pytest.mark.parametrize("kind", TEXTS)
def test_an_ordinary_ping_needs_no_plain_way(monkeypatch, kind, form):
    """All its fields are read by the compiled part."""
    monkeypatch.setattr(column_collectors, "fields_of", None)
    collector = RowCollector(OneSpecFile())
    record = form(RECORDS[kind])
    collector.add(
        record if isinstance(record, bytes) else b"", 0, None if isinstance(record, bytes) else record
    )

    pings = collector.rows.pings
    assert [pings.words[number] for number in pings.texts if number >= 0] == TEXTS[kind]
    assert pings.subsession_counters == [None if kind == "glean" else 12]


@pytest.mark.slow
def test_no_record_leads_the_compiled_part_out_of_its_memory(tmp_path):
    """Under the compiler's own checks of addresses and of undefined behaviour."""
    assert checked_runs(tmp_path, "tests.tables.field_mutations", [SOURCE], SECONDS) > 20
