"""Pages of an earlier day, of pings behind clients, of names with slashes, and of wrong parameters."""

import html
import re
from dataclasses import replace
from urllib.parse import quote

import pytest
import pytest_asyncio

from storage.disk import Disk
from telemetry_server.aggregates.sealing import Sealer
from tests.aggregates.pings import (
    EXPONENTIAL,
    REVISION,
    SPEC,
    TYPES,
    Aggregates,
    exp,
    filled,
    histogram,
)
from tests.aggregates.test_countries import Placed
from tests.pings.test_geo import database
from tests.reports.reports_server import running_reports, with_access
from tests.reports.test_probe_pages import text_of, words_of
from tests.support.data_root import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLASHED = "A/B//C_MS"
TYPES[SLASHED] = TYPES["EXP"]
LINK = re.compile(r'<a href="([^"]*)">([^<]*)</a>')
AUTOMATED = {"LIN": histogram("LIN", {1: 2}, 5)}
PINGS = [
    Placed(1, "A", 19, parent={**exp({8: 1}, 8), SLASHED: histogram(SLASHED, {8: 1}, 8)}),
    Placed(2, "B", 19, version="43.0a1", parent=exp({8: 1}, 8)),
    Placed(3, "A", 20, parent=exp({8: 1}, 8)),
    Placed(4, "C", 20, version="43.0a1", parent=exp({21: 2}, 50)),
    Placed(5, None, 20, parent={**exp({21: 2}, 50), **AUTOMATED}, headers={"x-source-tags": "automation"}),
]


async def made(folder) -> World:
    """Two days, two versions, a country."""
    path = database(folder / "places.mmdb", {"country": {"iso_code": "CA"}})
    found = World(folder / "data", geo_database=path)
    found.put_specs(REVISION, {**SPEC, SLASHED: {**EXPONENTIAL, "description": "a time"}})
    await filled(found, PINGS)
    Aggregates(found).update()
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory) -> World:
    """One data root for all tests here; they only read."""
    return await made(tmp_path_factory.mktemp("pages"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reports(world):
    """One server for all tests here."""
    async with running_reports(world.setup) as running:
        yield running


async def test_a_probe_of_which_all_pings_are_left_out_says_so(reports):
    """It does not claim that no ping has sent it."""
    page = words_of((await reports.get("/probes/LIN")).text)

    assert "All pings that have sent LIN are left out." in page
    assert "Left out: 1 ping from automation." in page
    assert "No ping has sent" not in page


async def test_a_page_shows_the_answer_of_an_earlier_day_and_why_it_differs(reports):
    """By the name of the API; a link leads to the answer of today."""
    page = (await reports.get("/probes/EXP?as_of=2026-11-19")).text
    today = (await reports.get("/probes/EXP")).text
    nothing = (await reports.get("/probes/EXP?as_of=20261101")).text

    assert "2 samples in 2 histograms of 2 pings from 2 clients" in words_of(page)
    assert "5 samples in 4 histograms of 4 pings from 3 clients" in words_of(today)
    assert "As of the end of 20261119. Since then 2 pings of this question came later" in words_of(page)
    assert 'href="/api/v1/histogram?' in page
    assert "as_of=20261119" in page
    assert ("/probes/EXP", "Show the answer of today") in LINK.findall(page)
    assert "Since then" not in words_of(today)
    assert "No data until the end of 20261101. Today there are 5 samples." in words_of(nothing)


async def test_the_pings_behind_an_earlier_answer_are_those_of_that_time(reports):
    """The links keep the day."""
    page = (await reports.get("/probes/EXP?as_of=20261119")).text
    behind = html.unescape(re.search(r'<b><a href="([^"]*)">2</a></b> pings', page)[1])
    listed = (await reports.get(f"/api/v1{behind}")).json()

    assert [item["received_at"][:10] for item in listed["items"]] == ["2026-11-19"] * 2


async def test_numbers_of_clients_lead_to_the_pings_behind_them(reports):
    """Each to as many as it says: of days, versions, countries, and of all."""
    page = (await reports.get("/clients")).text
    found = {(html.unescape(where), text) for where, text in LINK.findall(page) if "/clients/pings" in where}

    assert "3 distinct clients sent 4 pings" in words_of(page)
    for where, pings in (
        ("/clients/pings", 4),
        ("/clients/pings?from=20261119&to=20261119", 2),
        ("/clients/pings?version=43", 2),
        ("/clients/pings?version=43&from=20261120&to=20261120", 1),
        ("/clients/pings?country=CA", 3),
        ("/clients/pings?country=UNKNOWN", 1),
    ):
        assert any(where == each for each, _ in found), where
        listed = (await reports.get(where)).text
        assert listed.count('<span class="badge stored">') == pings, where
        api = (await reports.get(f"/api/v1{where}")).json()
        assert len(api["items"]) == pings
    by_week = (await reports.get("/clients?by=week&from=20261120")).text
    assert "/clients/pings?from=20261120&amp;to=20261122" in by_week


async def test_only_analysts_see_the_pings_behind_clients(world):
    """Other roles do not see the links."""
    file, tokens = with_access(world.root)
    async with running_reports(world.setup, tokens=tokens) as guarded:
        page = await guarded.get("/clients", headers=guarded.bearer("viewer"))
        refused = await guarded.get("/clients/pings", headers=guarded.bearer("viewer"))
    file.change(lambda before: replace(before, users=(), tokens=()))  # for the other tests

    assert page.status == 200
    assert "/clients/pings" not in page.text
    assert refused.status == 403


async def test_a_name_with_slashes_has_pages(reports):
    """It is one part of the path, and encoded there."""
    listed = (await reports.get("/probes?q=b//c")).text
    where = f"/probes/{quote(SLASHED, safe='')}"
    page = await reports.get(where)
    behind = await reports.get(f"{where}/pings")
    api = (await reports.get(f"/api/v1{where}")).json()
    searched = await reports.get(f"/search?q={quote(SLASHED)}")

    assert f'href="{where}"' in listed
    assert page.status == 200
    assert f'action="{where}"' in page.text
    assert "1 sample in 1 histogram" in words_of(page.text)
    assert behind.text.count('<span class="badge stored">') == 1
    assert api["name"] == SLASHED
    assert searched.headers["Location"] == where
    assert (await reports.get("/probes/A/B//C_MS")).status == 404


WRONG = [
    ("/probes/EXP?version=42&by=week", "by", "select", "/probes/EXP?version=42"),
    ("/probes/EXP?compare=nightly&os=Linux", "compare", "input", "/probes/EXP?os=Linux"),
    ("/probes/EXP?at=newest", "at", "input", "/probes/EXP"),
    ("/clients?from=tomorrow&by=week", "from", "input", "/clients?by=week"),
    ("/pings?outcome=lost", "outcome", "select", "/pings"),
    ("/?last=1y", "last", "select", "/"),
]


@pytest.mark.parametrize(("target", "name", "tag", "without"), WRONG)
async def test_a_wrong_parameter_marks_its_field(target, name, tag, without, reports):
    """In a form of what was given, which the sentence belongs to; a link leaves it out."""
    answer = await reports.get(target)
    fields = re.findall(r"<(?:input|select)[^>]*aria-invalid[^>]*>", answer.text)

    assert answer.status == 400
    assert [field.partition(" ")[0] for field in fields] == [f"<{tag}"]
    assert f'name="{name}"' in fields[0]
    assert 'aria-describedby="problem"' in fields[0]
    assert text_of(re.search(r'<p class="prose" id="problem">(.*?)</p>', answer.text)[1]).startswith(
        f"{name}: "
    )
    assert f'<a href="{html.escape(without)}">Show it without ' in answer.text


async def test_an_unknown_parameter_is_left_out_by_a_link(reports):
    """It has no field; what is right stays."""
    answer = await reports.get('/probes/EXP?os=Linux&<b>"=1')
    problem = await reports.get("/api/v1/histogram?metric=EXP&by=week")

    assert answer.status == 400
    assert "aria-invalid" not in answer.text
    assert '<a href="/probes/EXP?os=Linux">Show it without ' in answer.text
    assert "<b>" not in answer.text.partition("<main")[2].replace("<b>telemetry", "")
    assert problem.json()["parameter"] == "by"


async def test_days_without_records_are_on_every_page(tmp_path):
    """Their numbers stay; of clients there is a least number where ids are gone."""
    world = await made(tmp_path)
    Sealer(world.root, Disk(), 1).seal(["20261119"])
    async with running_reports(world.setup) as reports:
        clients = await reports.get("/clients")
        probe = await reports.get("/probes/EXP")
        probes = await reports.get("/probes?q=EXP&sort=clients")
        listed = (await reports.get("/api/v1/probes?q=exp&sort=clients")).json()["items"]
        Sealer(world.root, Disk(), 1).seal(["20261120"])
        sealed = await reports.get("/probes/EXP")

    assert [each.status for each in (clients, probe, probes, sealed)] == [200] * 4
    assert "≥ 2 distinct clients sent 4 pings" in words_of(clients.text)
    assert "Of 1 day the records are gone" in words_of(clients.text)
    assert "5 samples in 4 histograms of 4 pings from ≥ 2 clients" in words_of(probe.text)
    assert "5 samples in 4 histograms of 4 pings from ≥ 2 clients" in words_of(sealed.text)
    assert "EXP 5 ≥ 2 exponential histogram" in words_of(probes.text)
    (item,) = [each for each in listed if each["name"] == "EXP"]
    assert (item["samples"], item["clients"], item["clients_at_least"]) == (5, None, 2)
