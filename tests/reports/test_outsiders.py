"""What an outsider tries on the reports: forged cursors, odd addresses, markup in pings, large bodies."""

import asyncio
import base64
import gzip
import re
from dataclasses import replace
from urllib.parse import quote

import orjson
import pytest

from telemetry_server.access import passwords
from telemetry_server.access.passwords import hash_of, is_password
from telemetry_server.reports.answers import compressed
from tests.reports.reports_server import PASSWORD, running_reports, with_access
from tests.support.data_root import World, a_ping, an_id, submitted
from tests.support.waiting import PATIENCE_SECONDS

MARKUP = "<script>alert(1)</script>\"'&\u202e\u0007\u2028"
SPELLED = quote(MARKUP, safe="")


def cursor(key) -> str:
    """A cursor as the server writes it."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


MOMENT = "2026-11-22T12:00:00.000000Z"
FORGED = [
    ["zzz", "", ""],
    ["2026-13-45T99:99:99.000000Z", "", ""],
    ["2026-11-22", "", ""],
    ["2026-11-22T12:00:00.000000+05:00", "", ""],
    [MOMENT, "", ""],
    [MOMENT, "no id", "stored"],
    [MOMENT, an_id(3).upper(), "stored"],
    [MOMENT, "' OR 1=1 --", "\u0000"],
    [MOMENT, "", "", ""],
    [MOMENT, "../../etc/passwd", "", ""],
    ["9999-12-31T23:59:59.999999Z", "x", "x"],
    [1, 2, 3],
    {"a": 1},
    2**31,
    -1,
    1.5,
    None,
    [[]],
]


async def test_a_forged_cursor_is_refused_or_answered_and_never_a_fault(setup):
    """Whatever it holds."""
    async with running_reports(setup) as reports:
        found = {
            (target, str(key)): (await reports.get(f"/api/v1/{target}?limit=2&cursor={cursor(key)}")).status
            for target in ("pings", "quarantine", "probes", "submissions")
            for key in FORGED
        }

    assert set(found.values()) <= {200, 400}
    assert found["pings", str([MOMENT, "", ""])] == 200
    assert found["pings", str(["zzz", "", ""])] == 400


ODD_TARGETS = [
    b"/static/..%2f..%2f..%2fetc%2fpasswd",
    b"/static/%2e%2e/reports.css",
    b"/static/../../etc/passwd",
    b"/..%2fstate%2faccess.json",
    b"/state/access.json",
    b"/pings?q=\xff",
    b"/pings/\xff\xfe",
    b"/\xed\xa0\x80",
    b"/pings?next=%0d%0aSet-Cookie:a=b",
    b"/pings?format=csv&namespace=\xc3\xa9",
    b"/sign-in?next=/%0d%0aSet-Cookie:%20a=b",
    b"/api/v1/probes/..%2f..%2faccess.json",
    b"/api/v1/jobs/%00",
    b"//api/v1/status",
    b"http://evil.example/api/v1/nothing",
    b"*",
    b"/api/v1/pings?" + b"&".join(b"a%d=1" % number for number in range(900)),
    b"/api/v1/pings?namespace=" + b"a" * 7000,
    b"/pings?" + b"a" * 9000,
]


@pytest.mark.parametrize("is_guarded", [False, True])
async def test_an_odd_address_is_no_fault_and_nothing_of_it_becomes_a_header(is_guarded, setup, guarded):
    """With and without users: refused, or sent to the form of this host."""
    async with running_reports(guarded[0] if is_guarded else setup) as reports:
        for target in ODD_TARGETS:
            answer = await raw_answer(reports, b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n")
            head = answer.partition(b"\r\n\r\n")[0]

            assert re.match(rb"HTTP/1\.[01] (200|303|400|401|404|414) ", head), (target, head)
            assert b" 200 " not in head.split(b"\r\n")[0] or b'name="next" value="/"' in answer
            assert b"\r\nset-cookie" not in head.lower() and b"aiohttp" not in head
            assert b"\r\nX-Content-Type-Options: nosniff\r\n" in head + b"\r\n"
            for location in re.findall(rb"\r\nLocation: (.*)", head):
                assert re.match(rb"/((sign-in|api/v1/pings)\?[\x21-\x7e]*)?\r?\Z", location)


async def raw_answer(reports, head: bytes) -> bytes:
    """What the bytes of a request are answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", reports.server.ports[0])
    writer.write(head + b"Connection: close\r\n\r\n")
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = await reader.read()
    writer.close()
    return answer


async def test_refusals_before_a_request_is_read_are_careful_as_well(setup):
    """A head that does not end in time."""
    async with running_reports(setup, limits={"header_timeout_seconds": 0.3}) as reports:
        reader, writer = await asyncio.open_connection("127.0.0.1", reports.server.ports[0])
        writer.write(b"GET / HTT")
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await reader.read()
        writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"\r\nX-Content-Type-Options: nosniff\r\n" in answer


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> World:
    """Pings with markup and controls in every field that a client can send."""
    world = World(tmp_path_factory.mktemp("hostile"))
    world.put_specs()
    headers = dict.fromkeys(("user-agent", "x-debug-id", "x-source-tags", "x-pipeline-proxy", "date"), MARKUP)
    info = dict.fromkeys(("reason", "appName", "appVersion", "appUpdateChannel", "OS"), MARKUP)
    classic = a_ping(1)
    classic["info"] = {**info, "appBuildID": MARKUP, "revision": classic["info"]["revision"]}
    classic["histograms"] = {MARKUP: {"values": {MARKUP: 1}}, **classic["histograms"]}
    classic[MARKUP] = MARKUP
    glean = {"client_info": dict.fromkeys(("app_display_version", "app_channel", "client_id"), MARKUP)}
    world.receive(
        [
            replace(submitted(classic, 1), headers=headers, query=MARKUP, host=MARKUP),
            replace(submitted({"ver": MARKUP}, 2), headers=headers),
            replace(submitted({**a_ping(3), "info": MARKUP}, 3), headers=headers),
            replace(submitted(glean, 4, path=f"/submit/example/hello/1/{an_id(4)}"), headers=headers),
            submitted(b"x", 0, path=f"/submit/{SPELLED}"),
            submitted(b"x", 0, path=f"/submit/telemetry/{SPELLED}"),
            submitted(b"{}", 0, path=f"/submit/{SPELLED}/{SPELLED}/{SPELLED}/{an_id(5)}"),
            submitted(a_ping(6), 6, path=f"/submit/telemetry/{an_id(6)}/{SPELLED}/{SPELLED}/{SPELLED}"),
        ]
    )
    asyncio.run(world.convert())
    world.receive([replace(submitted(glean, 9), headers=headers, path=f"/submit/x/y/1/{an_id(9)}")])
    return world


async def test_text_of_clients_is_text_on_every_page(hostile):
    """No markup, no control and no direction character of theirs, in pages, errors and attributes."""
    query = f"namespace={SPELLED}&channel={SPELLED}"
    async with running_reports(hostile.setup) as reports:
        ids = [each["document_id"] for each in (await reports.get("/api/v1/pings")).json()["items"]]
        pages = [f"/pings/{each}{body}" for each in ids if each for body in ("", "?body=1")]
        for path in ("/", "/?last=30d", "/pings", f"/pings?{query}", f"/?x={SPELLED}", f"/{SPELLED}", *pages):
            answer = await reports.get(path)

            assert answer.headers["Content-Type"] == "text/html; charset=utf-8", path
            assert "<script>alert" not in answer.text
            shown = answer.text.replace("\n", "")
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028]", strip_values(shown))
    assert len(pages) >= 10


def strip_values(page: str) -> str:
    """The page without what the visitor typed into its fields, which only the visitor sees."""
    return re.sub(r'value="[^"]*"', "", page)


async def test_a_viewer_gets_no_odd_path(hostile, tmp_path):
    """It may hold anything, a client's id too."""
    import shutil

    from storage.data_root import DataRoot

    shutil.copytree(hostile.root.path, tmp_path / "data")
    setup = replace(hostile.setup, root=DataRoot(tmp_path / "data"))
    _, tokens = with_access(setup.root)
    async with running_reports(setup, tokens=tokens) as reports:
        paths = {
            role: {
                entry["path"]
                for entry in (await reports.get("/api/v1/quarantine", headers=reports.bearer(role))).json()[
                    "items"
                ]
            }
            for role in ("viewer", "analyst")
        }

    assert paths["viewer"] == {None}
    assert f"/submit/{SPELLED}" in paths["analyst"]


PRIVATE = [
    ("/api/v1/status", "private, no-cache"),
    ("/api/v1/pings", "private, no-cache"),
    (f"/api/v1/pings/{an_id(1)}", "private, no-store"),
    (f"/api/v1/pings/{an_id(1)}?body=1", "private, no-store"),
    (f"/pings/{an_id(1)}?body=1", "private, no-store"),
    ("/api/v1/quarantine?bodies=1", "private, no-store"),
    ("/api/v1/quarantine?bodies=1&format=csv", "private, no-store"),
    ("/sign-in", "private, no-store"),
    ("/api/v1/nothing", "no-store"),
]


async def test_no_cache_keeps_records_and_no_shared_one_keeps_anything(guarded):
    """Also not as CSV; answers that may be kept depend on who asks."""
    setup, tokens = guarded
    async with running_reports(setup, tokens=tokens) as reports:
        analyst = reports.bearer("analyst")
        seen = {target: (await reports.get(target, headers=analyst)).headers for target, _ in PRIVATE}
        sql = [
            (
                await reports.post(f"/api/v1/sql{query}", headers=analyst, json={"sql": "SELECT 1 AS a"})
            ).headers
            for query in ("", "?format=csv")
        ]

    assert {target: headers["Cache-Control"] for target, headers in seen.items()} == dict(PRIVATE)
    assert [headers["Cache-Control"] for headers in sql] == ["private, no-store"] * 2
    assert not any("ETag" in headers for headers in sql)
    assert all({"Authorization", "Cookie"} <= set(seen[t]["Vary"].split(", ")) for t, _ in PRIVATE)


async def test_a_session_is_always_a_new_one(guarded):
    """The cookie that a browser brings is not taken over; the form works also for who is signed in."""
    setup, _ = guarded
    planted = {"Cookie": "telemetry_session=planted"}
    async with running_reports(setup) as reports:
        first = await reports.sign_in("a-viewer", headers=planted)
        second = await reports.sign_in("a-viewer", headers=planted)
        after = await reports.get("/", headers=planted)
        form = (await reports.get("/sign-in", headers=first.cookie)).text
        csrf = form.partition('name="csrf" value="')[2].partition('"')[0]
        fields = {"name": "a-admin", "password": PASSWORD, "csrf": csrf}
        again = await reports.post("/sign-in", data=fields, headers=first.cookie)
        as_admin = await reports.get("/", headers=again.cookie)

    assert len({first.cookie["Cookie"], second.cookie["Cookie"], planted["Cookie"]}) == 3
    assert (after.status, again.status) == (303, 303)
    assert "a-admin (admin)" in as_admin.text


async def test_no_other_site_can_sign_a_browser_in(guarded):
    """It would then work in the attacker's name."""
    setup, _ = guarded
    async with running_reports(setup) as reports:
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await reports.sign_in("a-viewer", headers=headers)

            assert answer.status == 403
            assert "Set-Cookie" not in answer.headers


async def test_a_token_counts_in_its_header_alone(guarded):
    """In an address it would be in logs and histories."""
    setup, tokens = guarded
    async with running_reports(setup, tokens=tokens) as reports:
        text = tokens["admin"]
        statuses = [
            (await reports.get(target)).status
            for target in (f"/api/v1/status?token={text}", f"/api/v1/status?access_token={text}")
        ]
        basic = base64.b64encode(f"{text}:".encode()).decode()
        as_basic = await reports.get("/api/v1/status", headers={"Authorization": f"Basic {basic}"})

    assert statuses == [401, 401]
    assert as_basic.status == 401


def test_an_unknown_name_costs_as_many_hashes_as_a_wrong_password(monkeypatch):
    """From the first try on; so the time tells no names."""
    known = hash_of("right")
    passwords._hash_of_no_password.cache_clear()
    verified, made = [], []
    kind = type(passwords._hasher())
    verify, hashed = kind.verify, kind.hash
    monkeypatch.setattr(kind, "verify", lambda self, *args: verified.append(args[0]) or verify(self, *args))
    monkeypatch.setattr(kind, "hash", lambda self, *args: made.append(args) or hashed(self, *args))

    assert not is_password("guess", known)
    assert not is_password("guess", None)
    assert not is_password(passwords.NO_PASSWORD, None)
    assert is_password("right", known)
    assert len(verified) == 4 and len(made) == 1
    parameters = {text.rsplit("$", 2)[0] for text in verified}
    assert len(parameters) == 1


async def test_who_is_unknown_sends_little(guarded):
    """The form is small, and memory cannot be filled before the password is checked."""
    setup, tokens = guarded
    async with running_reports(setup, tokens=tokens) as reports:
        large = {"name": "x", "password": "y" * 20_000}
        refused = await reports.post("/sign-in", data=large)
        statement = {"sql": f"SELECT '{'y' * 20_000}' AS a"}
        taken = await reports.post("/api/v1/sql", json=statement, headers=reports.bearer("analyst"))

    assert (refused.status, taken.status) == (413, 200)


async def test_bodies_that_do_not_end_take_bounded_memory(guarded):
    """The slowest are cut off when there are too many."""
    setup, tokens = guarded
    limits = {"max_in_flight_bytes": 1 << 20}
    async with running_reports(setup, tokens=tokens, limits=limits) as reports:
        head = (
            f"POST /api/v1/sql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {tokens['analyst']}\r\n"
            "Content-Type: application/json\r\nContent-Length: 900000\r\n\r\n"
        ).encode()
        writers = []
        for _ in range(6):
            _, writer = await asyncio.open_connection("127.0.0.1", reports.server.ports[0])
            writer.write(head + b"x" * 400_000)
            writers.append(writer)
        await asyncio.sleep(0.7)
        held = reports.server.app.memory.held_bytes
        answer = await reports.get("/api/v1/status", headers=reports.bearer("viewer"))
        for writer in writers:
            writer.close()

    assert held <= 1 << 20
    assert answer.status == 200


def test_the_length_of_a_page_does_not_show_how_well_it_compresses():
    """The secret of its forms cannot be guessed by lengths (BREACH)."""
    page = b"<p>token</p>" * 200
    packed = [compressed(page, hides_length=True) for _ in range(20)]

    assert len({len(each) for each in packed}) > 1
    assert {gzip.decompress(each) for each in packed} == {page}
    assert compressed(page) == compressed(page)


async def test_with_a_proxy_a_server_without_users_admits_no_visitor(setup):
    """What the proxy lets through comes from this machine, too."""
    async with running_reports(setup, trusted_user_header="X-Remote-User") as reports:
        alone = await reports.get("/api/v1/status")
        named = await reports.get("/api/v1/status", headers={"X-Remote-User": "mallory"})

    assert (alone.status, named.status) == (401, 401)


async def test_a_name_beside_that_of_the_proxy_counts_for_nothing(guarded):
    """A proxy that adds its header leaves the client's own in place."""
    setup, _ = guarded
    both = [("X-Remote-User", "a-admin"), ("X-Remote-User", "a-viewer")]
    async with running_reports(setup, trusted_user_header="X-Remote-User") as reports:
        one = await reports.get("/api/v1/status", headers=both[1:])
        two = await reports.get("/api/v1/status", headers=both)

    assert (one.status, two.status) == (200, 401)


async def test_odd_cookies_of_other_servers_of_the_machine_end_no_session(guarded):
    """Browsers send cookies to all ports of a host."""
    setup, _ = guarded
    async with running_reports(setup) as reports:
        cookie = (await reports.sign_in("a-viewer")).cookie["Cookie"]
        odd = f'a={{"b": [1, 2]}}; c; =d; telemetry_session_x=1; {cookie}; e="f'
        page = await reports.get("/", headers={"Cookie": odd})

    assert page.status == 200
