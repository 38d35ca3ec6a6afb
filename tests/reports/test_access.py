"""Doors: host names, origins, sessions, CSRF, tokens that end, networks, a proxy's header."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import aiohttp
import pytest
from structlog.testing import capture_logs

from telemetry_server.access.bearer_tokens import new_token
from telemetry_server.access.entries import AccessList
from telemetry_server.access.roles import Role
from tests.reports.reports_server import NOW, PASSWORD, running_reports

SQL = {"json": {"sql": "SELECT 1 AS one"}}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8081", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8081", 200),
        ("[::1]", 200),
        ("LOCALHOST", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example:8081", 421),
        ("", 421),
    ],
)
async def test_without_users_only_names_of_the_machine_itself_are_answered(host, status, setup):
    """So that no web page can read the reports by a name of its own that leads here."""
    async with running_reports(setup) as reports:
        answer = await reports.get("/api/v1/status", headers={"Host": host})
        page = await reports.get("/", headers={"Host": host})

    assert (answer.status, page.status) == (status, status)


async def test_with_users_any_host_name_is_answered(guarded):
    """A browser sends its session to our own name only."""
    setup, tokens = guarded
    async with running_reports(setup, tokens=tokens) as reports:
        headers = {"Host": "reports.example", **reports.bearer("viewer")}
        answer = await reports.get("/api/v1/status", headers=headers)

    assert answer.status == 200


async def test_a_listener_for_other_machines_is_closed_without_users(setup):
    """Also when the last user was removed while it runs."""
    async with running_reports(setup, is_loopback=False) as reports:
        answer = await reports.get("/api/v1/status")

    assert answer.status == 401


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
async def test_a_request_from_a_page_of_another_origin_is_refused(origin, setup):
    """Also a GET, whose answer that page could not read anyway."""
    async with running_reports(setup) as reports:
        read = await reports.get("/api/v1/status", headers={"Origin": origin})
        asked = await reports.post("/api/v1/sql", headers={"Origin": origin}, **SQL)

    assert (read.status, asked.status) == (403, 403)
    assert "Access-Control-Allow-Origin" not in read.headers


async def test_a_form_of_another_site_cannot_send_a_statement(setup):
    """Without CORS a page may send text/plain, and no JSON."""
    async with running_reports(setup) as reports:
        answer = await reports.post(
            "/api/v1/sql", data='{"sql": "SELECT 1"}', headers={"Content-Type": "text/plain"}
        )
        crossed = await reports.post("/api/v1/sql", headers={"Sec-Fetch-Site": "cross-site"}, **SQL)

    assert (answer.status, crossed.status) == (415, 403)


async def test_a_session_opens_pages_until_it_is_ended(guarded):
    """The cookie is for this host alone, and no script reads it."""
    setup, _ = guarded
    async with running_reports(setup) as reports:
        to_sign_in = await reports.get("/pings?limit=5")
        signed_in = await reports.sign_in("a-viewer")
        cookie = signed_in.cookie
        page = await reports.get("/", headers=cookie)
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        without_token = await reports.post("/sign-out", headers=cookie)
        ended = await reports.post("/sign-out", headers=cookie, data={"csrf": csrf})
        after = await reports.get("/", headers=cookie)

    assert to_sign_in.headers["Location"] == "/sign-in?next=/pings%3Flimit%3D5"
    assert signed_in.status == 303
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(signed_in.headers["Set-Cookie"].split("; "))
    assert page.status == 200 and "a-viewer (viewer)" in page.text
    assert without_token.status == 403
    assert (ended.status, after.status) == (303, 303)


async def test_a_cookie_for_a_browser_that_speaks_tls_is_secure(guarded):
    """Also where a proxy in front of the reports speaks it: the origin says so."""
    setup, _ = guarded
    async with running_reports(setup) as reports:
        host = reports.url.removeprefix("http://")
        by_proxy = await reports.sign_in("a-viewer", headers={"Origin": f"https://{host}"})
        plain = await reports.sign_in("a-viewer", headers={"Origin": f"http://{host}"})

    assert "Secure" in by_proxy.headers["Set-Cookie"].split("; ")
    assert "Secure" not in plain.headers["Set-Cookie"].split("; ")


async def test_a_session_asks_sql_only_with_its_csrf_token(guarded):
    """The cookie goes along with every request of a browser; the token only with our pages'."""
    setup, _ = guarded
    async with running_reports(setup) as reports:
        cookie = (await reports.sign_in("an-analyst".replace("an-", "a-"))).cookie
        page = await reports.get("/", headers=cookie)
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        without = await reports.post("/api/v1/sql", headers=cookie, **SQL)
        with_it = await reports.post("/api/v1/sql", headers={**cookie, "X-CSRF-Token": csrf}, **SQL)
        other = (await reports.sign_in("a-admin")).cookie
        of_another = await reports.post("/api/v1/sql", headers={**other, "X-CSRF-Token": csrf}, **SQL)

    assert (without.status, with_it.status, of_another.status) == (403, 200, 403)


@pytest.mark.parametrize(
    ("sent", "followed"),
    [
        ("/pings?limit=5", "/pings?limit=5"),
        ("https://other.example/", "/"),
        ("//other.example", "/"),
        ("/\\other.example", "/"),
        ("/\t/other.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
async def test_signing_in_leads_to_a_page_of_this_host(sent, followed, guarded):
    """Whatever the address of the form said."""
    setup, _ = guarded
    async with running_reports(setup) as reports:
        answer = await reports.post("/sign-in", data={"name": "a-viewer", "password": PASSWORD, "next": sent})

    assert answer.headers["Location"] == followed


async def test_a_removed_user_is_out_at_once(guarded):
    """As is one whose token was revoked, or has expired."""
    setup, tokens = guarded
    async with running_reports(setup, tokens=tokens) as reports:
        cookie = (await reports.sign_in("a-viewer")).cookie
        expired, text = new_token(Role.ADMIN, NOW, NOW - timedelta(seconds=1))

        def changed(before: AccessList) -> AccessList:
            users = tuple(user for user in before.users if user.name != "a-viewer")
            return replace(before, users=users, tokens=(expired,))

        reports.access.change(changed)
        page = await reports.get("/", headers=cookie)
        revoked = await reports.get("/api/v1/status", headers=reports.bearer("admin"))
        late = await reports.get("/api/v1/status", headers={"Authorization": f"Bearer {text}"})

    assert (page.status, revoked.status, late.status) == (303, 401, 401)


async def test_a_wrong_password_is_told_without_a_hint(guarded):
    """The same answer for a name that is not there."""
    setup, _ = guarded
    async with running_reports(setup) as reports:
        wrong = await reports.sign_in("a-viewer", "guess")
        unknown = await reports.sign_in("stranger", "guess")

    assert (wrong.status, unknown.status) == (401, 401)
    assert "Name or password is wrong." in wrong.text
    assert "Set-Cookie" not in wrong.headers
    assert wrong.body == unknown.body


async def test_a_network_that_is_not_named_cannot_connect(setup):
    """Its connection is closed before a byte is read."""
    async with running_reports(setup, networks=(ip_network("10.0.0.0/8"),)) as reports:
        with pytest.raises(aiohttp.ClientError):
            await reports.get("/api/v1/status")
    async with running_reports(setup, networks=(ip_network("127.0.0.0/8"),)) as reports:
        assert (await reports.get("/api/v1/status")).status == 200


async def test_a_proxy_names_the_user_in_its_header(guarded):
    """With the role of the user of that name; one that is not there is not let in."""
    setup, _ = guarded
    async with running_reports(setup, trusted_user_header="X-Remote-User") as reports:
        known = await reports.get("/api/v1/status", headers={"X-Remote-User": "a-viewer"})
        records = await reports.get("/api/v1/quarantine?bodies=1", headers={"X-Remote-User": "a-viewer"})
        unknown = await reports.get("/api/v1/status", headers={"X-Remote-User": "mallory"})
    async with running_reports(setup) as reports:
        not_trusted = await reports.get("/api/v1/status", headers={"X-Remote-User": "a-viewer"})

    assert (known.status, records.status, unknown.status, not_trusted.status) == (200, 403, 401, 401)


async def test_reading_of_records_is_written_to_the_access_log(guarded):
    """Who, by what proof, and which ping; a viewer's look at the outcome is not."""
    setup, tokens = guarded
    with capture_logs() as lines:
        async with running_reports(setup, tokens=tokens) as reports:
            ping = "/api/v1/pings/00000000-0000-4000-8000-000000000001"
            await reports.get(ping, headers=reports.bearer("viewer"))
            await reports.get(f"{ping}?body=1", headers=reports.bearer("analyst"))
            await reports.post("/api/v1/sql", headers=reports.bearer("analyst"), **SQL)
    read = [line for line in lines if line["event"] == "records read"]

    assert [(line["role"], line["proof"], line["what"], line["of"]) for line in read] == [
        ("analyst", "token", "ping with body", ping.rpartition("/")[2]),
        ("analyst", "token", "sql", "SELECT 1 AS one"),
    ]
