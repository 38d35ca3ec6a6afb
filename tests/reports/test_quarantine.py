"""Quarantine of a keyed histogram with many bad keys, and of a submission that came often."""

import asyncio
import re
from collections import Counter

import pytest

from storage.ledger.ledger import Ledger
from storage.partitions.writer import PartitionWriter
from telemetry_server.reports.cursor import cursor_of
from tests.reports.reports_server import running_reports
from tests.support.data_root import SPEC, World, a_ping, an_id, submitted

KEYS = 6
TIMES = 3
HELD = {"invalid_bucket": KEYS, "invalid_json": 2 * TIMES, "unknown_histogram": 1}
KEYED = {"KEYED_MS": {**SPEC["LOAD_MS"], "keyed": "true"}}


@pytest.fixture(scope="module")
def refused(tmp_path_factory) -> World:
    """A ping with six bad keys of one histogram, and a ping of invalid JSON twice in each of three files."""
    world = World(tmp_path_factory.mktemp("refused"))
    world.put_specs(spec=SPEC | KEYED)
    bad = {"range": [1, 3000], "bucket_count": 10, "histogram_type": 0, "values": {"2": 1}, "sum": 5}
    keys = {f"key {number}": bad for number in range(KEYS)}
    world.receive([submitted(a_ping(1, keyedHistograms={"KEYED_MS": keys}), 1)])
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(PartitionWriter.__init__.__kwdefaults__, "max_file_bytes", 1)
        for _ in range(TIMES):
            world.receive([submitted(b"{", 2), submitted(b"{", 2)])
            asyncio.run(world.convert())
    with Ledger.for_reading(world.root) as ledger:
        assert len(ledger.files("quarantine")) == 2 + TIMES
    return world


@pytest.mark.parametrize("query", ["", "reason=invalid_bucket", "reason=invalid_json", "histogram=KEYED_MS"])
@pytest.mark.parametrize("limit", [1, 2, 7])
async def test_pages_of_quarantine_hold_every_entry_once_the_newest_first(limit, query, refused):
    """Also those that show no difference: keys of one histogram, and the same refusal again."""
    target = f"/api/v1/quarantine?bodies=1&{query}"
    async with running_reports(refused.setup) as reports:
        whole = (await reports.get(f"{target}&limit=100")).json()["items"]
        items, cursor = [], ""
        while cursor is not None:
            page = (await reports.get(f"{target}&limit={limit}&cursor={cursor}")).json()
            items += page["items"]
            cursor = page["next_cursor"]
    moments = [item["received_at"] for item in whole]

    assert items == whole
    assert moments == sorted(moments, reverse=True)
    found = Counter(item["reason"] for item in whole)
    assert found == {reason: HELD[reason] for reason in found} and found


async def test_older_entries_of_the_page_are_all_that_there_are(refused):
    """Keys of one keyed histogram differ in nothing that the page shows."""
    link, shown = "/quarantine?reason=invalid_bucket&limit=2", []
    async with running_reports(refused.setup) as reports:
        while link:
            page = (await reports.get(link)).text
            entries = page.partition("Entries, newest first")[2]
            shown.append(entries.count("KEYED_MS"))
            older = re.search(r'rel="next" href="([^"]*)"', page)
            link = older[1].replace("&amp;", "&") if older else ""

    assert shown == [2] * (KEYS // 2)


async def test_a_cursor_of_an_earlier_version_is_refused(refused):
    """It does not say which of several equal entries was the last."""
    earlier = cursor_of(["2026-11-22T12:00:00.000000Z", an_id(1), "KEYED_MS", "invalid_bucket"])
    async with running_reports(refused.setup) as reports:
        answer = await reports.get(f"/api/v1/quarantine?cursor={earlier}")

    assert (answer.status, answer.json()["parameter"]) == (400, "cursor")


@pytest.mark.parametrize("of", ["/api/v1/quarantine", "counts?by=day", "counts?by=hour"])
async def test_every_key_of_a_keyed_histogram_counts(of, refused):
    """A line of quarantine holds all that a ping lost for one reason."""
    async with running_reports(refused.setup) as reports:
        target = of if of.startswith("/") else f"/api/v1/quarantine/{of}"
        answer = (await reports.get(target)).json()

    items = answer["counts"] if "counts" in answer else answer["items"]
    assert {item["reason"]: item["count"] for item in items} == HELD


async def test_the_page_counts_every_key_of_a_keyed_histogram(refused):
    """As the API does, in the table of reasons and in that of days."""
    async with running_reports(refused.setup) as reports:
        page = (await reports.get("/quarantine")).text
    days = page.partition('id="numbers"')[2].partition("</table>")[0]
    names = re.findall(r'class="count">([a-z_]+)</th>', days)

    assert dict(re.findall(r'">([a-z_]+)</a></th>\s*<td class="count">(\d+)</td>', page)) == {
        reason: str(count) for reason, count in HELD.items()
    }
    assert max(re.findall(r'<td class="count">(\d+)</td>', days), key=int) == str(sum(HELD.values()))
    assert set(names) == set(HELD)
