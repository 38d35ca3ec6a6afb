"""Answers of the API: lists and their cursors, CSV, ETag, gzip, problems, SQL, jobs."""

import asyncio
import csv
import gzip
import io
import json
import re
from urllib.parse import urlencode

import pytest

from tests.reports.conftest import BAD_NUMBER, STORED, UNREAD_NUMBER
from tests.reports.reports_server import running_reports
from tests.support.data_root import DAY, an_id
from tests.support.waiting import PATIENCE_SECONDS


async def test_the_counts_of_the_status_are_those_of_audit(setup, command):
    """What no conversion has read yet is received and pending there, too."""
    async with running_reports(setup) as reports:
        status = (await reports.get("/api/v1/status")).json()
        by_day = (await reports.get("/api/v1/submissions?by=day")).json()["items"]
        by_hour = (await reports.get(f"/api/v1/submissions?by=hour&from={DAY}&to={DAY}")).json()["items"]
        by_reason = (await reports.get("/api/v1/submissions?by=reason")).json()["items"]
    printed, _ = await asyncio.to_thread(command, "audit", "--json", "--data", str(setup.root.path))
    audit = json.loads(printed)

    assert (status["total"], status["days"]) == (audit["total"], audit["days"])
    assert {"lag_seconds", "disk_free_bytes", "version"} <= set(status)
    assert by_day == [{"day": DAY, **audit["days"][DAY]}]
    assert by_hour == [{"hour": "2026-11-22T12:00:00Z", **audit["days"][DAY]}]
    assert {(each["reason"], each["quarantined"]) for each in by_reason} == {
        ("invalid_json", 1),
        ("invalid_path", 1),
    }


async def test_pages_of_a_list_hold_every_ping_once_the_newest_first(setup):
    """Whatever the limit; the cursor of the last page is null."""
    async with running_reports(setup) as reports:
        whole = (await reports.get("/api/v1/pings?limit=1000")).json()
        for limit in (1, 2, 3, 7):
            items, cursor = [], ""
            while cursor is not None:
                page = (await reports.get(f"/api/v1/pings?limit={limit}&cursor={cursor}")).json()
                items += page["items"]
                cursor = page["next_cursor"]

            assert items == whole["items"]
    keys = [(item["received_at"], item["document_id"] or "", item["outcome"]) for item in whole["items"]]

    assert whole["next_cursor"] is None
    assert len(whole["items"]) == STORED + 4
    assert keys == sorted(keys, reverse=True)


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (f"q={an_id(3)}", [3]),
        (f"q={an_id(3)[:8].upper()}&outcome=stored&limit=3", [4, 3, 2]),
        ("outcome=stored", [4, 3, 2, 1, 0]),
        ("outcome=quarantined&reason=invalid_json", [BAD_NUMBER]),
        ("reason=invalid_json", [BAD_NUMBER]),
        ("outcome=pending", [UNREAD_NUMBER]),
        ("outcome=duplicate", [0]),
        ("outcome=deleted", []),
        ("channel=nightly&version=30.0a1&outcome=stored", [4, 3, 2, 1, 0]),
        ("channel=release", []),
        ("namespace=telemetry&doctype=saved-session&outcome=stored&limit=2", [4, 3]),
        (f"day={DAY}&outcome=stored", [4, 3, 2, 1, 0]),
        ("from=2026-11-22&to=20261122&outcome=stored", [4, 3, 2, 1, 0]),
        ("from=20261123", []),
        ("to=2026-11-21", []),
        ("debug_id=tag", []),
    ],
)
async def test_pings_are_found_by_each_parameter(query, numbers, setup):
    """And by several together."""
    async with running_reports(setup) as reports:
        answer = await reports.get(f"/api/v1/pings?{query}")

    assert [item["document_id"] for item in answer.json()["items"]] == [an_id(number) for number in numbers]


@pytest.mark.parametrize("path", [f"/api/v1/pings/{an_id(3)}", "/api/v1/probes/GC_MS", "/api/v1/jobs/none"])
async def test_an_answer_without_csv_says_which_format_there_is(path, setup):
    """`format=json` gives the same as no format."""
    async with running_reports(setup) as reports:
        plain = await reports.get(path)
        as_json = await reports.get(f"{path}?format=json")
        as_csv = await reports.get(f"{path}?format=csv")

    assert as_csv.status == 400
    assert as_csv.json()["detail"] == "format: this answer has only the format json"
    assert as_csv.json()["parameter"] == "format"
    assert (as_json.status, as_json.body) == (plain.status, plain.body)


async def test_the_page_of_a_ping_leads_to_its_json(setup):
    """With the body, if the page shows it."""
    async with running_reports(setup) as reports:
        moved = await reports.get(f"/pings/{an_id(3).upper()}?body=1&format=json")

    assert (moved.status, moved.headers["Location"]) == (
        303,
        f"/api/v1/pings/{an_id(3)}?body=1&format=json",
    )


BAD_REQUESTS = [
    ("/api/v1/pings?limit=0", 400),
    ("/api/v1/pings?limit=10001", 400),
    ("/api/v1/pings?limit=ten", 400),
    ("/api/v1/pings?limit=5.0", 400),
    ("/api/v1/pings?limit=5_0", 400),
    ("/api/v1/pings?limit=%2B5", 400),
    ("/api/v1/pings?limit=%205", 400),
    ("/api/v1/pings?limit=%D9%A5", 400),  # an Arabic five
    ("/api/v1/pings?cursor=zz", 400),
    ("/api/v1/pings?cursor=WzFd", 400),
    ("/api/v1/pings?from=tomorrow", 400),
    ("/api/v1/pings?day=20261301", 400),
    ("/api/v1/pings?outcome=gone", 400),
    ("/api/v1/pings?foo=1", 400),
    ("/api/v1/pings?limit=1&limit=2", 400),
    ("/api/v1/submissions?by=week", 400),
    ("/api/v1/quarantine?reason=../x", 400),
    ("/api/v1/pings/none", 404),
    (f"/api/v1/pings/{an_id(999)}", 404),
    ("/api/v1/probes/NONE", 404),
    ("/api/v1/nothing", 404),
    ("/api/v1/pings/%ff", 404),
    ("/api/v1/sql", 405),
    ("/api/v1/pings?q=" + "a" * 8200, 414),
]


@pytest.mark.parametrize(("target", "status"), BAD_REQUESTS, ids=lambda value: str(value)[:40])
async def test_what_cannot_be_answered_is_a_problem(target, status, setup):
    """With the members of RFC 9457; the title is the same for every one of its type."""
    async with running_reports(setup) as reports:
        answer = await reports.get(target)
    problem = answer.json()

    assert answer.status == problem["status"] == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["type"].startswith("urn:telemetry-server:problem:")
    assert problem["title"] and problem["detail"]


async def test_a_wrong_day_or_hour_is_answered_with_the_form_of_both(setup):
    """The document of the API has the same words."""
    words = "a day like `2026-11-27` or `20261127`, or an hour like `2026-11-27T09`, in UTC"
    async with running_reports(setup) as reports:
        problem = (await reports.get("/api/v1/submissions?by=hour&from=2026-11-27T24")).json()
        document = (await reports.get("/api/openapi.json")).json()
    parameters = document["paths"]["/api/v1/submissions"]["get"]["parameters"]

    assert problem["detail"] == f"from: not valid; expected is {words}"
    described = {each["name"]: each.get("description") for each in parameters}
    assert described["from"] == described["to"] == words


@pytest.mark.parametrize("list_", ["pings", "quarantine"])
@pytest.mark.parametrize("span", ["from=20261123", "to=2026-11-23", "from=20261122&to=20261122"])
async def test_a_day_beside_a_span_is_refused(span, list_, setup):
    """Neither is ignored; an empty parameter counts as absent."""
    async with running_reports(setup) as reports:
        both = await reports.get(f"/api/v1/{list_}?day={DAY}&{span}")
        one = await reports.get(f"/api/v1/{list_}?day={DAY}&from=&to=")

    assert (both.status, one.status) == (400, 200)
    assert both.json()["detail"] == "day: give either day, or from and to"
    assert both.json()["parameter"] == "day"


async def test_a_ping_is_answered_as_explain_has_it(setup, command):
    """With its body where that is asked for."""
    async with running_reports(setup) as reports:
        stored = (await reports.get(f"/api/v1/pings/{an_id(1)}")).json()
        with_body = (await reports.get(f"/api/v1/pings/{an_id(1).upper()}?body=1")).json()
        refused = (await reports.get(f"/api/v1/pings/{an_id(BAD_NUMBER)}?body=1")).json()
        unread = (await reports.get(f"/api/v1/pings/{an_id(UNREAD_NUMBER)}?body=1")).json()
    explained, _ = await asyncio.to_thread(
        command, "explain", an_id(1), "--json", "--data", str(setup.root.path)
    )

    assert stored == json.loads(explained)
    assert with_body["body"]["n"] == 1
    assert (refused["outcome"], refused["reason"]) == ("quarantined", "invalid_json")
    assert refused["body_base64"] == "ew=="
    assert (unread["outcome"], unread["body"]["n"]) == ("pending", UNREAD_NUMBER)


async def test_quarantine_has_counts_and_entries(setup):
    """Dropped histograms are entries, too; bodies only where they are asked for."""
    async with running_reports(setup) as reports:
        found = (await reports.get("/api/v1/quarantine")).json()
        one = (await reports.get(f"/api/v1/quarantine?reason=invalid_path&day={DAY}&bodies=1")).json()
        first = (await reports.get("/api/v1/quarantine?limit=2")).json()
        second = (await reports.get(f"/api/v1/quarantine?limit=100&cursor={first['next_cursor']}")).json()

    assert {(each["reason"], each["count"]) for each in found["counts"]} == {
        ("invalid_json", 1),
        ("invalid_path", 1),
        ("unknown_histogram", STORED),
    }
    assert not any("body" in entry or "body_base64" in entry for entry in found["items"])
    assert [entry["body_base64"] for entry in one["items"]] == ["eA=="]
    assert first["items"] + second["items"] == found["items"]


async def test_probes_are_listed_with_their_definitions(setup):
    """One item a name; one probe has each distinct definition with its revisions."""
    async with running_reports(setup) as reports:
        probes = (await reports.get("/api/v1/probes")).json()
        one = (await reports.get("/api/v1/probes/LOAD_MS")).json()

    assert [(each["name"], each["kind"]) for each in probes["items"]] == [
        ("LOAD_MS", "histogram"),
        ("PLAIN_FLAG", "histogram"),
    ]
    (definition,) = one["definitions"]
    assert definition["definition"]["n_buckets"] == 10
    assert len(definition["bucket_starts"]) == 10
    assert definition["revisions"] == ["mozilla-central/rev/0123456789ab"]


async def test_csv_has_the_items_of_the_json_and_nothing_that_a_spreadsheet_runs(setup):
    """By the parameter or by Accept; the next page is in a Link header."""
    async with running_reports(setup) as reports:
        items = (await reports.get("/api/v1/pings?limit=3")).json()["items"]
        by_parameter = await reports.get("/api/v1/pings?limit=3&format=csv")
        by_header = await reports.get("/api/v1/pings?limit=3", headers={"Accept": "text/csv"})
        cells = await reports.post(
            "/api/v1/sql?format=csv",
            json={"sql": "SELECT '=1+1' AS a, '-x' AS b, '@y' AS c, -5 AS d, NULL AS e"},
        )
    rows = list(csv.DictReader(io.StringIO(by_parameter.text)))

    assert [row["document_id"] for row in rows] == [item["document_id"] or "" for item in items]
    assert by_header.body == by_parameter.body
    assert by_parameter.headers["Link"].startswith("</api/v1/pings?limit=3&format=csv&cursor=")
    assert cells.text.splitlines()[1] == "'=1+1,'-x,'@y,-5,"


async def test_an_answer_that_a_client_has_is_304_and_long_ones_are_gzip(setup):
    """The tag holds for both forms."""
    async with running_reports(setup) as reports:
        plain = await reports.get("/api/v1/pings", headers={"Accept-Encoding": "identity"})
        again = await reports.get("/api/v1/pings", headers={"If-None-Match": plain.headers["ETag"]})
        async with reports.session.get(
            f"{reports.url}/api/v1/pings", headers={"Accept-Encoding": "gzip"}
        ) as answer:
            coding, text = answer.headers["Content-Encoding"], await answer.read()
        document = await reports.get("/api/openapi.json")

    assert (again.status, again.body) == (304, b"")
    assert (coding, text) == ("gzip", plain.body) or gzip.decompress(text) == plain.body
    assert document.json()["openapi"] == "3.1.0"


STATEMENTS = [
    ("SELECT count(*) AS pings FROM pings", 200),
    ("SELECT nothing", 400),
    ("DROP TABLE pings", 400),
    ("SELECT 1; SELECT 2", 400),
    ("", 400),
    ("SELECT * FROM read_csv('/etc/passwd')", 400),
    ("COPY (SELECT 1) TO '/tmp/x.csv'", 400),
    ("SELECT repeat('x', 1000000000), range FROM range(100)", 503),
    ("SELECT list(range) FROM range(1000000000)", 503),
    ("SELECT repeat('x', 1000000) FROM range(100)", 503),
]


async def test_the_result_of_a_statement_keeps_all_digits(setup):
    """Of integers past 64 bits and of decimals, in each form and on the page."""
    statement = (
        "SELECT 170141183460469231731687303715884105727::HUGEINT AS a,"
        " -12345678901234567.89::DECIMAL(20, 2) AS b,"
        " [170141183460469231731687303715884105727::HUGEINT] AS c, 0.5::DOUBLE AS d, ['é'] AS e, true AS f"
    )
    async with running_reports(setup) as reports:
        as_json = await reports.post("/api/v1/sql", json={"sql": statement})
        as_csv = await reports.post("/api/v1/sql?format=csv", json={"sql": statement})
        page = await reports.get("/sql?" + urlencode({"sql": statement}))

    assert as_json.text.strip().endswith(
        '"rows":[[170141183460469231731687303715884105727,-12345678901234567.89,'
        '[170141183460469231731687303715884105727],0.5,["é"],true]]}'
    )
    assert list(csv.reader(io.StringIO(as_csv.text)))[1] == [
        "170141183460469231731687303715884105727",
        "-12345678901234567.89",
        "[170141183460469231731687303715884105727]",
        "0.5",
        '["é"]',
        "true",
    ]
    assert re.findall(r'<td class="count"><bdi>([^<]*)</bdi>', page.text)[-3:] == [
        "170141183460469231731687303715884105727",
        "-12345678901234567.89",
        "0.5",
    ]
    assert "[170141183460469231731687303715884105727]" in page.text


@pytest.mark.parametrize(("statement", "status"), STATEMENTS)
async def test_a_statement_is_answered_refused_or_stopped(statement, status, setup):
    """And the next one is answered, whatever the one before took."""
    async with running_reports(setup, memory_bytes=256 << 20) as reports:
        answer = await reports.post("/api/v1/sql", json={"sql": statement})
        after = await reports.post("/api/v1/sql", json={"sql": "SELECT 1 AS one, 'x' AS text, NULL AS none"})

    assert answer.status == status, answer.text
    assert after.json() == {
        "columns": [
            {"name": "one", "type": "INTEGER"},
            {"name": "text", "type": "VARCHAR"},
            {"name": "none", "type": "NULL"},
        ],
        "rows": [[1, "x", None]],
    }


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"sql": 1}', b'{"other": "x"}', b'{"sql": "SELECT 1", "x": 1}']
)
async def test_a_body_that_is_no_statement_is_400(body, setup):
    """JSON or not."""
    async with running_reports(setup) as reports:
        answer = await reports.post("/api/v1/sql", data=body, headers={"Content-Type": "application/json"})

    assert answer.status == 400


async def test_a_statement_that_takes_too_long_is_stopped_while_pages_answer(setup):
    """503, and a page is answered meanwhile."""
    slow = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7"
    async with running_reports(setup, timeout_seconds=1.0) as reports:
        for _ in range(20):  # a page of a crowded machine may take longer than the statement may run
            asked = asyncio.create_task(reports.post("/api/v1/sql", json={"sql": slow}))
            await asyncio.sleep(0.3)
            page = await reports.get("/")
            was_running = not asked.done()
            answer = await asked
            if page.status == 200 and was_running:
                break

    assert page.status == 200 and was_running
    assert answer.status == 503
    assert "stopped after 1 s" in answer.json()["detail"]


async def test_a_statement_whose_client_goes_is_ended_with_its_process(setup):
    """Within a moment: other queries do not wait for an answer that is never read."""
    slow = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7"
    async with running_reports(setup, forks=False) as reports:
        asked = asyncio.create_task(reports.post("/api/v1/sql", json={"sql": slow}))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await asyncio.to_thread(_query_processes):
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)
            asked.cancel()
            while await asyncio.to_thread(_query_processes):
                await asyncio.sleep(0.05)


def _query_processes() -> list[int]:
    """Query processes of this one."""
    import os
    from pathlib import Path

    found = []
    for task in Path(f"/proc/{os.getpid()}/task").iterdir():
        for child in (task / "children").read_text().split():
            try:
                if b"reports.queries.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
            except OSError:
                continue
    return found


async def test_a_job_runs_behind_and_only_its_owner_sees_it(guarded):
    """Its state is running, then done with the result, or failed with the reason."""
    setup, tokens = guarded
    headers = {"Prefer": "respond-async"}
    async with running_reports(setup, tokens=tokens) as reports:
        mine, theirs = reports.bearer("analyst"), reports.bearer("admin")
        started = await reports.post("/api/v1/sql", json={"sql": "SELECT 7 AS n"}, headers=headers | mine)
        refused = await reports.post("/api/v1/sql", json={"sql": "SELECT n"}, headers=headers | mine)
        states = []
        for answer in (started, refused):
            state = answer.json()
            while state["state"] == "running":
                await asyncio.sleep(0.02)
                state = (await reports.get(answer.headers["Location"], headers=mine)).json()
            states.append(state)
        of_another = await reports.get(started.headers["Location"], headers=theirs)

    assert (started.status, of_another.status) == (202, 404)
    assert (states[0]["state"], states[0]["result"]["rows"]) == ("done", [[7]])
    assert states[1]["state"] == "failed" and "n" in states[1]["detail"]


async def test_every_answer_carries_the_headers_of_a_careful_server(setup):
    """Pages, data, errors and files alike; no policy has an unsafe word."""
    async with running_reports(setup) as reports:
        for target in ("/", "/pings", "/api/v1/status", "/api/v1/nothing", "/nothing", "/static/none"):
            headers = (await reports.get(target)).headers

            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Content-Security-Policy"].startswith("default-src 'self';")
            assert "unsafe-" not in headers["Content-Security-Policy"]
