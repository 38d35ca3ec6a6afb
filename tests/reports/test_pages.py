"""Pages: their links lead to the same numbers, and errors say what to do."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.reports.reports_server import running_reports
from tests.support.data_root import World, a_ping, an_id, submitted

COLUMNS = ("received", "stored", "duplicate", "quarantined", "pending", "deleted")


@pytest.fixture(scope="module")
def recent(tmp_path_factory) -> World:
    """Pings of this hour, of three hours ago, and of the day before yesterday."""
    world = World(tmp_path_factory.mktemp("recent"))
    world.put_specs()
    now = datetime.now(UTC)
    for number, hours in enumerate((0, 0, 3, 50)):
        world.receive([submitted(a_ping(number), number, at=now - timedelta(hours=hours))])
    world.receive([submitted(b"{", 8, at=now), submitted(b"x", 0, path="/submit/bad", at=now)])
    asyncio.run(world.convert())
    return world


@pytest.mark.parametrize(("last", "unit"), [("1h", "hour"), ("24h", "hour"), ("7d", "day"), ("30d", "day")])
async def test_chart_table_json_and_csv_hold_the_same_numbers(last, unit, recent):
    """Received is the sum of the outcomes that are shown."""
    async with running_reports(recent.setup) as reports:
        page = (await reports.get(f"/?last={last}")).text
        link = re.search(r'href="(/api/v1/submissions\?[^"]*)">JSON', page)[1].replace("&amp;", "&")
        items = (await reports.get(link)).json()["items"]
        rows = (await reports.get(f"{link}&format=csv")).text.splitlines()
        redirect = await reports.get(f"/?last={last}&format=json")
    table = page.partition('id="numbers"')[2].partition("</table>")[0]
    shown = {
        row[0]: [int(cell.replace(",", "")) for cell in re.findall(r'class="count">([0-9,]+)<', row[1])]
        for row in re.findall(
            r'<tr[^>]*><th scope="row"><a [^>]*>(2[^<]*)</a></th>(.*?)</tr>', table, re.DOTALL
        )
    }
    by_api = {
        (item["day"] if unit == "day" else re.sub(r"\D", "", item["hour"])[:10]): [item[c] for c in COLUMNS]
        for item in items
    }
    totals = re.findall(r'<dd><a href="/pings[^"]*">([0-9,]+)</a>', page)

    assert {
        re.sub(r"\D", "", name)[: 8 if unit == "day" else 10]: n for name, n in shown.items() if n[0]
    } == by_api
    assert len(rows) == len(items) + 1
    assert int(totals[0]) == sum(map(int, totals[1:])) == sum(item["received"] for item in items)
    assert redirect.headers["Location"] == f"{link}&format=json"


async def test_the_reasons_add_up_to_what_was_quarantined(recent):
    """In the same span."""
    async with running_reports(recent.setup) as reports:
        page = (await reports.get("/")).text
    quarantined = re.search(r'class="quarantined"><dt>Quarantined</dt><dd><a [^>]*>(\d+)', page)[1]
    reasons = re.findall(
        r'<th scope="row"><a href="/pings\?outcome=quarantined[^>]*>([a-z_]+)</a></th>', page
    )

    assert quarantined == "2"
    assert sorted(reasons) == ["invalid_json", "invalid_path"]


async def test_a_list_of_pings_leads_to_the_same_list_of_the_api(recent):
    """By links, and by the parameter."""
    async with running_reports(recent.setup) as reports:
        page = (await reports.get("/pings?outcome=stored&limit=2")).text
        redirect = await reports.get("/pings?outcome=stored&limit=2&format=csv")
        listed = await reports.get(redirect.headers["Location"])
        items = (await reports.get("/api/v1/pings?outcome=stored&limit=2")).json()["items"]

    assert redirect.status == 303
    assert [row.split(",")[1] for row in listed.text.splitlines()[1:]] == [
        each["document_id"] for each in items
    ]
    assert 'href="/api/v1/pings?limit=2&amp;outcome=stored&amp;format=csv"' in page
    assert "Filters: " in page and "outcome stored" in page


BAD = [
    ("/?foo=1", "foo: unknown; known are "),
    ("/?last=2h", "last: input should be "),
    ("/pings?from=tomorrow", "from: not valid; expected is a day like "),
    ("/pings?to=20261301", "to: not a date; write it like 2026-11-27"),
    ("/pings?q=zz", "q: not valid; expected is a document id or its beginning"),
]


@pytest.mark.parametrize(("target", "sentence"), BAD)
async def test_a_bad_parameter_of_a_page_is_400_and_a_sentence(target, sentence, recent):
    """It names the parameter and what is expected."""
    async with running_reports(recent.setup) as reports:
        answer = await reports.get(target)

    assert answer.status == 400
    assert sentence in re.sub(r"<[^>]*>", "", answer.text)


async def test_what_a_role_may_not_see_says_for_whom_it_is(guarded):
    """And the name of the visitor who is signed in."""
    setup, tokens = guarded
    async with running_reports(setup, tokens=tokens) as reports:
        cookie = (await reports.sign_in("a-viewer")).cookie
        page = await reports.get(f"/pings/{an_id(1)}?body=1", headers=cookie)
        form = await reports.get("/sign-in?next=/pings")

    assert page.status == 403
    assert "The body of a ping is for analysts. You are signed in as a-viewer (viewer)." in page.text
    assert "Sign in to see this page." in form.text
