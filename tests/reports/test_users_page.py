"""The page of users and tokens, and sign-outs that a restart does not undo."""

import os
import re
import signal
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

import pytest
from structlog.testing import capture_logs

from storage.data_root import DataRoot
from storage.disk import Disk
from telemetry_server.access.access_changes import with_ended_session
from telemetry_server.access.access_file import AccessFile
from telemetry_server.access.entries import AccessList
from telemetry_server.access.roles import Role
from tests.reports.reports_server import NOW, PASSWORD, running_reports, with_access
from tests.reports.test_serve import answered, reports_of, reports_process, served
from tests.support.edges import wait_for
from tests.support.waiting import PATIENCE_SECONDS


def csrf_of(page: str) -> str:
    """The CSRF token of a page."""
    return page.partition('name="csrf" value="')[2].partition('"')[0]


@pytest.fixture
async def admin(guarded):
    """Reports, and a function that sends the form of users as an admin."""
    setup, tokens = guarded
    async with running_reports(setup, tokens=tokens) as reports:
        cookie = (await reports.sign_in("a-admin")).cookie
        csrf = csrf_of((await reports.get("/users", headers=cookie)).text)

        async def send(**fields: str):
            return await reports.post("/users", headers=cookie, data={"csrf": csrf, **fields})

        reports.cookie, reports.send = cookie, send
        yield reports


async def test_users_are_added_changed_and_removed(admin):
    """At once, as by the command; the access log says who did it."""
    with capture_logs() as lines:
        added = await admin.send(do="add-user", name="dora", password="a long one", role="viewer")
        signed_in = await admin.sign_in("dora", "a long one")
        changed = await admin.send(do="set-role", name="dora", role="analyst")
        role = admin.access.read().user("dora").role
        page = (await admin.get(added.headers["Location"], headers=admin.cookie)).text
        removed = await admin.send(do="remove-user", name="dora")
        after = await admin.get("/", headers=signed_in.cookie)
    noted = [(line["user"], line["what"], line["of"]) for line in lines if line["event"] == "access changed"]

    assert (added.status, changed.status, removed.status) == (303, 303, 303)
    assert signed_in.status == 303 and role is Role.ANALYST
    assert "The user was added." in page and "dora" in page
    assert (after.status, admin.access.read().user("dora")) == (303, None)
    assert noted == [
        ("a-admin", "user added", "dora"),
        ("a-admin", "role analyst", "dora"),
        ("a-admin", "user removed", "dora"),
    ]


async def test_a_token_is_shown_once_and_can_be_revoked(admin):
    """Its hash is stored; with an expiry it ends by itself."""
    created = await admin.send(do="create-token", role="viewer", expires="90d")
    text = re.search(r'id="token">(tsr_[^<]*)<', created.text)[1]
    bearer = {"Authorization": f"Bearer {text}"}
    used = await admin.get("/api/v1/status", headers=bearer)
    page = (await admin.get("/users", headers=admin.cookie)).text
    token_id = text.split("_")[1]
    token = admin.access.read().token(token_id)
    revoked = await admin.send(do="revoke-token", id=token_id)
    late = await admin.get("/api/v1/status", headers=bearer)

    assert created.status == 200 and created.headers["Cache-Control"] == "private, no-store"
    assert used.status == 200 and late.status == 401 and revoked.status == 303
    assert text not in page and token_id in page
    assert (token.expires - token.created).days == 90


REFUSED = [
    ({"do": "add-user", "name": "a-viewer", "password": "x", "role": "viewer"}, "There is a user a-viewer"),
    ({"do": "add-user", "name": "bad name", "password": "x", "role": "viewer"}, "is not a user name"),
    ({"do": "add-user", "name": "eve", "password": "", "role": "viewer"}, "The password is empty."),
    ({"do": "add-user", "name": "eve", "password": "x" * 1001, "role": "viewer"}, "more than 1000"),
    ({"do": "add-user", "name": "eve", "password": "x", "role": "king"}, "The role must be one of viewer,"),
    ({"do": "set-role", "name": "unknown", "role": "viewer"}, "The user unknown does not exist."),
    ({"do": "set-role", "name": "a-admin", "role": "viewer"}, "a-admin is the last admin."),
    ({"do": "remove-user", "name": "a-admin"}, "a-admin is the last admin."),
    ({"do": "create-token", "role": "viewer", "expires": "soon"}, "is not a time span; write it like 90d"),
    ({"do": "revoke-token", "id": "none"}, "The token none does not exist."),
    ({"do": "nothing"}, "do: one of add-user,"),
    ({"do": "add-user", "name": "<b>", "password": "x", "role": "viewer"}, "is not a user name"),
]


@pytest.mark.parametrize(("fields", "sentence"), REFUSED)
async def test_a_change_that_cannot_be_made_is_one_sentence(fields, sentence, admin):
    """Nothing is changed."""
    before = admin.access.read()
    answer = await admin.send(**fields)

    assert answer.status == 400
    assert sentence in answer.text
    assert "<b>" not in answer.text
    assert admin.access.read() == before


async def test_a_change_needs_the_token_of_the_page(admin):
    """As every form of a session does."""
    fields = {"do": "remove-user", "name": "a-viewer"}
    without = await admin.post("/users", headers=admin.cookie, data=fields)
    foreign = await admin.post(
        "/users", headers={**admin.cookie, "Origin": "http://evil.example"}, data=fields
    )

    assert (without.status, foreign.status) == (403, 403)
    assert admin.access.read().user("a-viewer") is not None


async def test_without_users_the_page_says_how_to_add_the_first(setup):
    """Who can connect must not make itself the only admin."""
    async with running_reports(setup) as reports:
        page = await reports.get("/users")
        sent = await reports.post(
            "/users", data={"do": "add-user", "name": "eve", "password": "x", "role": "admin"}
        )

    assert "telemetry-server users add NAME --role admin" in page.text
    assert '<form method="post" action="/users"' not in page.text
    assert sent.status == 403


async def test_a_file_that_cannot_be_written_is_said(admin, monkeypatch):
    """A copy of a data root may be for reading only."""

    def refused(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(AccessFile, "change", refused)
    answer = await admin.send(do="remove-user", name="a-viewer")
    ended = await admin.post("/sign-out", headers=admin.cookie, data={"csrf": csrf_of(answer.text)})
    after = await admin.get("/", headers=admin.cookie)

    assert answer.status == 503
    assert "The file of users cannot be written: Read-only file system." in answer.text
    assert (ended.status, after.status) == (303, 303)


async def test_pages_link_to_what_the_role_may_open(guarded):
    """And to nothing else."""
    setup, _ = guarded
    seen = {}
    async with running_reports(setup) as reports:
        for role in Role:
            cookie = (await reports.sign_in(f"a-{role}")).cookie
            page = (await reports.get("/pings", headers=cookie)).text
            nav = page.partition('<nav aria-label="Pages">')[2].partition("</nav>")[0]
            seen[role.value] = {link for link in ("/sql", "/users", "/quarantine") if f'"{link}"' in nav}

    assert seen == {
        "viewer": {"/quarantine"},
        "analyst": {"/quarantine", "/sql"},
        "support": {"/quarantine"},
        "admin": {"/quarantine", "/sql", "/users"},
    }


def test_ended_sessions_are_forgotten_when_their_cookies_are_too_old():
    """So the file does not grow."""
    from datetime import timedelta

    hour = timedelta(hours=1)
    one = with_ended_session(AccessList(), "one", expires=NOW + hour, now=NOW)
    two = with_ended_session(one, "two", expires=NOW + 3 * hour, now=NOW + 2 * hour)

    assert set(one.ended_sessions) == {"one"}
    assert set(two.ended_sessions) == {"two"}


def test_the_file_keeps_ended_sessions_and_reads_files_without_them(tmp_path):
    """A file of an earlier version has none."""
    root = DataRoot(tmp_path)
    root.state.mkdir()
    file, _ = with_access(root)
    text = file.path.read_text()
    file.change(lambda before: with_ended_session(before, "one", expires=NOW, now=NOW))
    known = AccessFile(root).read().ended_sessions
    file.path.write_text(re.sub(r',\s*"ended_sessions": \{[^}]*\}', "", text))

    assert dict(known) == {"one": NOW}
    assert "ended_sessions" not in file.path.read_text()
    assert AccessFile(root).read().ended_sessions == {}


def test_a_sign_out_holds_after_a_restart_of_the_reports(tmp_path):
    """The cookie of an ended session is not accepted by the next process; others stay valid."""
    root = DataRoot(tmp_path / "data")
    root.prepare(Disk())
    with_access(root)
    with served(tmp_path) as server:
        url = reports_of(server)
        wait_for(lambda: answered(f"{url}/__lbheartbeat__") is not None)
        left, stays = _signed_in(url), _signed_in(url)
        before = _status(url, left), _status(url, stays)
        _sign_out(url, left)
        ended = _status(url, left)
        first = reports_process(server, url)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: answered(f"{url}/__lbheartbeat__") is not None)
        after = _status(url, left), _status(url, stays)

        assert reports_process(server, url) != first
    assert before == ("page", "page")
    assert ended == "sign-in"
    assert after == ("sign-in", "page")


def _signed_in(url: str) -> str:
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    fields = urllib.parse.urlencode({"name": "a-viewer", "password": PASSWORD}).encode()
    opener.open(f"{url}/sign-in", fields, timeout=30).close()
    (cookie,) = jar
    return f"{cookie.name}={cookie.value}"


def _page(url: str, cookie: str) -> str:
    request = urllib.request.Request(f"{url}/pings", headers={"Cookie": cookie})
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return str(answer.read().decode())


def _status(url: str, cookie: str) -> str:
    return "page" if "<h1>Pings</h1>" in _page(url, cookie) else "sign-in"


def _sign_out(url: str, cookie: str) -> None:
    fields = urllib.parse.urlencode({"csrf": csrf_of(_page(url, cookie))}).encode()
    request = urllib.request.Request(f"{url}/sign-out", fields, {"Cookie": cookie})
    urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()
