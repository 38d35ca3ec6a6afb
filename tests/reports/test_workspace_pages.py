"""The pages of quarantine, drift, stores and SQL: the numbers of the API, and every state."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from tests.reports.reports_server import running_reports
from tests.reports.test_probes_api import world as garden  # noqa: F401 - a fixture
from tests.support.data_root import World, a_ping, an_id, submitted

NOW = datetime.now(UTC)
YESTERDAY = NOW - timedelta(days=1)


def text_of(html: str) -> str:
    """The text of a page, with single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def rows_of(html: str, table: str) -> list[list[str]]:
    """The cells of the rows in the body of the table whose caption or id is *table*."""
    for found in re.findall(r"<table.*?</table>", html, re.DOTALL):
        if f">{table}</caption>" in found or f'id="{table}"' in found:
            body = found.partition("<tbody>")[2]
            return [
                [text_of(cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
                for row in re.findall(r"<tr[^>]*>(.*?)</tr>", body, re.DOTALL)
            ]
    raise AssertionError(f"no table {table}")


@pytest.fixture(scope="module")
def refused(tmp_path_factory) -> World:
    """Pings refused for three reasons on two days; definitions for one of them have come since."""
    world = World(tmp_path_factory.mktemp("refused"))
    later = [submitted(a_ping(number), number, at=NOW) for number in range(3)]
    world.receive([*later, submitted(b"{", 10, at=NOW), submitted(b"{", 11, at=YESTERDAY)])
    world.receive([submitted(b"x", 0, path="/submit/<script>", at=NOW)])
    asyncio.run(world.convert())
    world.put_specs()
    world.receive([submitted(a_ping(number), number, at=NOW) for number in (20, 21)])
    asyncio.run(world.convert())
    return world


def json_link_of(html: str, heading: str) -> str:
    """The address of the JSON of the card with this heading."""
    card = html.partition(f'id="{heading}"')[2].partition("</section>")[0]
    return re.search(r'href="([^"]*)">JSON<', card)[1].replace("&amp;", "&")


@pytest.mark.parametrize("by", ["day", "hour"])
async def test_quarantine_shows_the_numbers_of_the_api(by, refused):
    """Reasons, chart, table, JSON and CSV hold the same."""
    async with running_reports(refused.setup) as reports:
        page = (await reports.get(f"/quarantine?by={by}")).text
        link = json_link_of(page, "by-time")
        items = (await reports.get(link)).json()["items"]
        csv = (await reports.get(f"{link}&format=csv")).text.splitlines()
        moved = await reports.get(f"/quarantine?by={by}&reason=invalid_json&format=csv")
        counts = (await reports.get("/api/v1/quarantine")).json()["counts"]
    of_reasons: dict[str, int] = {}
    for item in counts:
        of_reasons[item["reason"]] = of_reasons.get(item["reason"], 0) + item["count"]
    bars = rows_of(page, "numbers")

    assert (
        sum(int(row[1]) for row in bars) == sum(item["count"] for item in items) == sum(of_reasons.values())
    )
    assert all(int(row[1]) == sum(map(int, row[2:])) for row in bars)
    reasons = rows_of(page, "Reasons, each with its newest sample")
    assert {row[0]: int(row[1]) for row in reasons} == of_reasons
    assert csv[0] == "day,hour,reason,count" and len(csv) == len(items) + 1
    api = "/api/v1/quarantine/counts?" + ("by=hour&" if by == "hour" else "")
    assert moved.headers["Location"] == f"{api}reason=invalid_json&limit=10000&format=csv"


async def test_each_reason_has_its_newest_sample_and_its_entries(refused):
    """The sample leads to the page of its ping; markup of a path is text."""
    async with running_reports(refused.setup) as reports:
        page = (await reports.get("/quarantine")).text
        chosen = (await reports.get("/quarantine?reason=invalid_json&limit=1")).text
        older = re.search(r'rel="next" href="([^"]*)"', chosen)[1].replace("&amp;", "&")
        second = (await reports.get(older)).text
        histogram = (await reports.get("/quarantine?histogram=NOT_THERE")).text
    samples = {row[0]: row for row in rows_of(page, "Reasons, each with its newest sample")}

    assert f'href="/pings/{an_id(10)}"' in page
    assert samples["unknown_histogram"][7].startswith("NOT_THERE")
    assert "<script>" not in page.replace("<script src", "")
    assert [row[1] for row in rows_of(chosen, "Entries, newest first")] == [an_id(10)]
    assert [row[1] for row in rows_of(second, "Entries, newest first")] == [an_id(11)]
    assert {row[5] for row in rows_of(histogram, "Entries, newest first")} == {"NOT_THERE"}
    assert {row[0] for row in rows_of(histogram, "Reasons, each with its newest sample")} == {
        "unknown_histogram"
    }


async def test_what_replay_would_store_is_what_the_command_says(refused, command):
    """Nothing is changed by the look."""
    async with running_reports(refused.setup) as reports:
        page = (await reports.get("/quarantine")).text
        items = (await reports.get("/api/v1/quarantine/replay")).json()["items"]
        again = (await reports.get("/api/v1/quarantine/replay?reason=unknown_revision")).json()["items"]
    words = ("replay", "--dry-run", "--json", "--data", str(refused.root.path))
    printed, _ = await asyncio.to_thread(command, *words)
    dry = json.loads(printed)

    assert sum(item["tried"] for item in items) == dry["examined"]
    for name in ("stored", "duplicate", "unchanged", "waiting"):
        assert sum(item[name] for item in items) == dry[name]
    assert [(item["reason"], item["stored"]) for item in again] == [("unknown_revision", 3)]
    shown = {
        row[0]: row for row in rows_of(page, "What replay would do with the newest pings of each reason")
    }
    assert shown["unknown_revision"][1:4] == ["3", "3", "3"]
    assert refused.audit().balanced


async def test_drift_shows_the_rows_of_the_command(garden, command, monkeypatch, tmp_path):  # noqa: F811
    """All of them, a part at a time; filters leave out the others."""
    async with running_reports(garden.setup) as reports:
        report = (await reports.get("/api/v1/drift")).json()["drift"]
        page = (await reports.get("/drift?limit=2")).text
        named = (await reports.get("/drift?q=SNAILS&state=undeclared")).text
        of_state = (await reports.get("/api/v1/drift?state=undeclared&q=snails")).json()["drift"]
        nothing = (await reports.get("/drift?q=nothing-has-this-name")).text
        moved = await reports.get("/drift?state=silent&limit=5&format=csv")
        seen, target = [], "/drift?limit=3"
        while target:
            part = (await reports.get(target)).text
            seen += [row[0] for row in rows_of(part, "Probes that differ")]
            found = re.search(r'rel="next" href="([^"]*)"', part)
            target = found[1].replace("&amp;", "&") if found else ""

    assert seen == [row["metric"] for row in report]
    assert f"Rows 1 to 2 of {len(report)}" in text_of(page)
    assert [row[0] for row in rows_of(named, "Probes that differ")] == ["garden.weather.snails"]
    assert [row["metric"] for row in of_state] == ["garden.weather.snails"]
    assert "No probe matches these filters." in nothing
    assert moved.headers["Location"] == "/api/v1/drift?state=silent&format=csv"


async def test_the_page_of_a_ping_lists_values_that_break_their_definition(garden):  # noqa: F811
    """With metric, mark and place, as in `explain`."""
    async with running_reports(garden.setup) as reports:
        pings = (await reports.get("/api/v1/pings?outcome=stored")).json()["items"]
        marked = 0
        for ping in pings:
            explained = (await reports.get(f"/api/v1/pings/{ping['document_id']}")).json()["anomalies"]
            page = (await reports.get(f"/pings/{ping['document_id']}")).text
            if explained:
                rows = rows_of(page, "Values that break their definition")
                assert [row[:2] for row in rows] == [[mark["metric"], mark["name"]] for mark in explained]
                marked += 1
            else:
                assert "break their definition" not in page

    assert marked


async def test_stores_show_what_came_for_each(garden):  # noqa: F811
    """With the metrics of one store on demand; the CSV has those of all."""
    async with running_reports(garden.setup) as reports:
        report = (await reports.get("/api/v1/stores")).json()
        page = (await reports.get("/stores")).text
        one = (await reports.get("/stores?store=side-store")).text
        no_store = (await reports.get("/stores?store=none")).text
        csv = (await reports.get("/api/v1/stores?format=csv&store=side-store")).text.splitlines()
    (side,) = [store for store in report["stores"] if store["store"] == "side-store"]

    assert [row[:2] for row in rows_of(page, "Stores")] == [
        [store["store"], str(store["pings"])] for store in report["stores"]
    ]
    assert [row[0] for row in rows_of(one, "Metrics of side-store")] == [
        metric["metric"] for metric in side["metrics"]
    ]
    assert "No store has this name." in no_store
    assert csv[0] == "store,metric,process,pings" and len(csv) == len(side["metrics"]) + 1


async def test_reports_over_days_leave_out_the_others(garden):  # noqa: F811
    """Both ends are included."""
    async with running_reports(garden.setup) as reports:
        outside = (await reports.get("/api/v1/stores?from=20261123")).json()
        inside = (await reports.get("/api/v1/stores?from=2026-11-22&to=20261122")).json()
        whole = (await reports.get("/api/v1/stores")).json()
        drift = (await reports.get("/drift?to=20261121")).text

    assert {store["pings"] for store in outside["stores"]} == {0}
    assert inside == whole
    assert "Counted in the pings of 0 days." in text_of(drift)


STATEMENT = "SELECT document_id, version, 1 AS n, NULL AS nothing FROM pings ORDER BY ALL"


async def test_a_statement_has_an_address_a_table_and_csv(setup):
    """The form leads to the address; everything works without scripts."""
    async with running_reports(setup) as reports:
        sent = await reports.post("/sql", data={"sql": STATEMENT})
        page = (await reports.get(sent.headers["Location"])).text
        as_csv = await reports.post("/sql", data={"sql": STATEMENT, "format": "csv"})
        csv = await reports.get(as_csv.headers["Location"])
        as_json = (await reports.get(f"/sql?sql={quote(STATEMENT)}&format=json")).json()
        api = (await reports.post("/api/v1/sql", json={"sql": STATEMENT})).json()
        empty = await reports.get("/sql")
        nothing = (await reports.get("/sql?sql=SELECT%201%20WHERE%20false")).text
    rows = rows_of(page, "Result")

    assert rows == [[an_id(number), "30.0a1", "1", "NULL"] for number in range(5)]
    assert len(csv.text.splitlines()) == 6 and csv.headers["Content-Type"].startswith("text/csv")
    assert as_json == api
    assert "pings" in empty.text and "submission_timestamp" in empty.text
    assert "The result has no rows." in nothing
    assert csv.headers["Cache-Control"] == "private, no-store"


REFUSED = [
    ("DROP TABLE pings", "only SELECT is allowed; this is DROP"),
    ("SELECT * FROM nothing", "nothing does not exist"),
    ("SELECT * FROM read_text('/etc/passwd')", "read_text"),
    ("SELECT", ""),
    ("SELECT 1; SELECT 2", "2 statements; write one SELECT"),
]


async def test_a_refused_statement_is_one_line_beside_it(setup):
    """The statement stays in the editor; without a page it is a problem."""
    async with running_reports(setup) as reports:
        pages = {statement: await reports.get(f"/sql?sql={quote(statement)}") for statement, _ in REFUSED}
        as_csv = await reports.get("/sql?sql=DROP%20TABLE%20pings&format=csv")

    for statement, sentence in REFUSED:
        page = pages[statement]
        shown = re.search(r'role="alert">(.*?)</p>', page.text, re.DOTALL)[1].strip()
        assert page.status == 400, statement
        assert sentence in text_of(shown) and "\n" not in shown
        assert statement.split()[0] in page.text.partition("<textarea")[2]
    assert as_csv.status == 400 and "only SELECT is allowed" in as_csv.text


async def test_a_statement_that_takes_too_long_is_stopped_and_said(setup):
    """With what to do."""
    statement = quote("SELECT count(*) FROM range(100000000000) a, range(1000) b")
    async with running_reports(setup, timeout_seconds=1.0) as reports:
        page = await reports.get(f"/sql?sql={statement}")

    assert page.status == 503
    assert "The query was stopped after 1 s." in text_of(page.text)


async def test_a_long_statement_is_answered_without_an_address(setup):
    """An address has 8 KiB; its CSV is one form away."""
    long = f"SELECT 1 AS one --{'x' * 9000}\n"
    async with running_reports(setup) as reports:
        page = await reports.post("/sql", data={"sql": long})
        csv = await reports.post("/sql", data={"sql": long, "format": "csv"})

    assert page.status == 200 and rows_of(page.text, "Result") == [["1"]]
    assert "Link to this statement" not in page.text
    assert csv.text.splitlines() == ["one", "1"]


async def test_a_page_of_another_site_cannot_run_a_statement_by_a_link(setup):
    """It is shown, and runs when its reader presses the button."""
    async with running_reports(setup) as reports:
        page = await reports.get("/sql?sql=SELECT%201", headers={"Sec-Fetch-Site": "cross-site"})

    assert "the statement was not run" in page.text
    assert '<h2 id="result"' not in page.text


async def test_too_many_rows_are_counted_and_cut(setup):
    """The page shows the first 1,000."""
    async with running_reports(setup) as reports:
        page = (await reports.get("/sql?sql=FROM%20range(2500)")).text

    assert len(rows_of(page, "Result")) == 1000
    assert "The first 1,000 of 2,500 rows." in page


async def test_an_hour_in_the_address_is_marked_and_read_out(refused):
    """Its row is in the readout, a line is on the chart, and its pings are a link away."""
    hour = f"{NOW:%Y-%m-%dT%H}"
    async with running_reports(refused.setup) as reports:
        page = (await reports.get(f"/?at={hour}")).text
        day = (await reports.get(f"/?last=7d&at={NOW:%Y%m%d}")).text
        other = (await reports.get("/?at=20200101")).text
        bad = await reports.get("/?at=yesterday")
    readout = text_of(re.search(r'id="readout".*?</output>', page, re.DOTALL)[0])

    assert f"{NOW:%Y-%m-%d %H}:00" in readout
    assert '<line class="at"' in page and '<line class="at"' in day and '<line class="at"' not in other
    assert f'href="/pings?from={NOW:%Y-%m-%d}&amp;to={NOW:%Y-%m-%d}"' in page
    assert bad.status == 400


async def test_the_first_page_has_hours_and_days(refused):
    """The days are those of the API."""
    async with running_reports(refused.setup) as reports:
        page = (await reports.get("/")).text
        items = (await reports.get("/api/v1/submissions?by=day")).json()["items"]
    days = {row[0][:10].replace("-", ""): int(row[1]) for row in rows_of(page, "days")}

    assert {day: count for day, count in days.items() if count} == {
        item["day"]: item["received"] for item in items
    }
    assert len(days) == 7


async def test_pings_as_they_come_can_be_chosen_by_their_debug_tag(refused):
    """The address holds the view; CSV and JSON are those of the list."""
    async with running_reports(refused.setup) as reports:
        page = (await reports.get("/pings?live=1")).text
        tagged = (await reports.get("/pings?live=1&debug_id=tag")).text
        moved = await reports.get("/pings?live=1&outcome=stored&format=json")

    assert 'id="live" data-refresh-seconds="10"' in page
    assert "X-Debug-ID" in tagged and 'data-refresh-seconds="2"' in tagged
    assert moved.headers["Location"] == "/api/v1/pings?outcome=stored&format=json"


@pytest.fixture(scope="module")
def untouched(tmp_path_factory) -> World:
    """A data root without a ping."""
    return World(tmp_path_factory.mktemp("untouched"))


EMPTY = [
    ("/", "No ping has arrived yet"),
    ("/pings", "No ping has arrived yet."),
    ("/pings?version=9", "No ping matches these filters."),
    ("/quarantine", "Nothing is in quarantine"),
    ("/quarantine?reason=invalid_json", "Nothing in quarantine matches these filters."),
    ("/drift", "No stored ping was held against definitions."),
    ("/stores", "No ping of a store has arrived."),
    ("/sql?sql=FROM%20pings", "The result has no rows."),
    ("/users", "There are no users."),
]


async def test_a_page_without_data_says_so(untouched):
    """And what to do, where there is something to do."""
    async with running_reports(untouched.setup) as reports:
        pages = {target: await reports.get(target) for target, _ in EMPTY}

    for target, sentence in EMPTY:
        assert pages[target].status == 200, target
        assert sentence in text_of(pages[target].text), target


BAD = [
    ("/quarantine?by=week", "by: input should be 'day' or 'hour'"),
    ("/quarantine?reason=../x", "reason: not valid; expected is the name of a reason"),
    ("/quarantine?cursor=zz&reason=invalid_json", "cursor: not a cursor of this list"),
    ("/drift?state=odd", "state: input should be"),
    ("/drift?cursor=zz", "cursor: not a cursor of this list"),
    ("/stores?foo=1", "foo: unknown; known are "),
    ("/sql?format=xml", "format: input should be"),
    ("/users?done=hello", "done: input should be"),
]


async def test_a_bad_parameter_of_these_pages_is_400_and_a_sentence(refused):
    """It names the parameter and what is expected."""
    async with running_reports(refused.setup) as reports:
        answers = {target: await reports.get(target) for target, _ in BAD}

    for target, sentence in BAD:
        assert answers[target].status == 400, target
        assert sentence in text_of(answers[target].text).replace("&#39;", "'"), target
