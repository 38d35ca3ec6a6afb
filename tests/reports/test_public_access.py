"""What `public_pages` opens to everyone, and which pages of other origins may read it."""

import pytest

from telemetry_server.access.roles import Right
from telemetry_server.reports.answers import json_answer
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.public_access import OLD_API, PublicAccess
from telemetry_server.reports.route import Route
from telemetry_server.settings.value_types import PUBLIC_PAGES, public_page_list
from tests.reports.reports_server import running_reports

DASHBOARD = "https://dashboard.example"
ANY = frozenset({"*"})


async def show(ask):
    """Answer whether everyone may see it; 404 for ``none``."""
    if ask.path.get("name") == "none":
        raise Problem("not-found", "None.")
    return json_answer({"public": ask.is_public})


ROUTES = (
    Route("GET", "/open", show, "Open.", Right.AGGREGATES, can_be_public=True),
    Route("GET", "/open/secret", show, "Below an open one, and not open.", Right.AGGREGATES),
    Route("GET", "/filters/{name}", show, "The old API.", Right.AGGREGATES, can_be_public=True),
)


async def test_only_what_is_named_is_open_to_everyone(guarded):
    """A signed-in visitor sees more of it; what is below, and not made for everyone, stays closed."""
    setup, tokens = guarded
    async with running_reports(
        setup, tokens=tokens, more_routes=ROUTES, public=PublicAccess(("/open",))
    ) as reports:
        answers = {
            path: (await reports.get(path)).status
            for path in (
                "/open",
                "/open/secret",
                "/openx",
                "/filters/x",
                "/api/v1/status",
                "/",
            )
        }
        everyone = (await reports.get("/open")).json()
        viewer = (await reports.get("/open", headers=reports.bearer("viewer"))).json()

    assert answers == {
        "/open": 200,
        "/open/secret": 303,
        "/openx": 404,
        "/filters/x": 401,
        "/api/v1/status": 401,
        "/": 303,
    }
    assert (everyone["public"], viewer["public"]) == (True, False)


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (ANY, DASHBOARD, "*"),
        (frozenset({DASHBOARD}), DASHBOARD, DASHBOARD),
        (frozenset({DASHBOARD}), "https://other.example", None),
        (frozenset({DASHBOARD}), "null", None),
        (frozenset(), DASHBOARD, None),
    ],
)
async def test_named_origins_may_read_what_is_public_and_nothing_else(origins, origin, allowed, guarded):
    """Errors carry the header as well; no answer permits credentials."""
    setup, tokens = guarded
    public = PublicAccess(("/filters",), origins)
    sent = {"Origin": origin}
    async with running_reports(setup, tokens=tokens, more_routes=ROUTES, public=public) as reports:
        read = await reports.get("/filters/x", headers=sent)
        missing = await reports.get("/filters/none", headers=sent)
        unknown = await reports.get("/filters/a/b/c", headers=sent)
        asked = await reports.request(
            "OPTIONS", "/filters/x", headers={**sent, "Access-Control-Request-Method": "GET"}
        )
        private = [
            await reports.get(path, headers={**sent, **reports.bearer("admin")})
            for path in ("/api/v1/status", "/", "/open", "/filters%2f..%2fapi%2fv1%2fstatus")
        ]

    seen = [each.headers.get("Access-Control-Allow-Origin") for each in (read, missing, unknown, asked)]
    assert seen == [allowed] * 4
    assert [read.status, missing.status, unknown.status, asked.status] == (
        [200, 404, 404, 204] if allowed else [403] * 4
    )
    assert "Origin" in read.headers["Vary"]
    for answer in (read, missing, asked, *private):
        assert "Access-Control-Allow-Credentials" not in answer.headers
    assert [(each.status, each.headers.get("Access-Control-Allow-Origin")) for each in private[:3]] == [
        (403, None)
    ] * 3
    assert private[3].status in (403, 404)


async def test_without_users_the_old_api_needs_no_public_pages(setup):
    """Its dashboard is a page of another origin; other routes stay closed to such a page."""
    public = PublicAccess((), ANY)
    sent = {"Origin": DASHBOARD}
    async with running_reports(setup, more_routes=ROUTES, public=public) as reports:
        old = await reports.get("/filters/x", headers=sent)
        other = await reports.get("/open", headers=sent)
        elsewhere = await reports.get("/filters/x", headers={**sent, "Host": "evil.example"})

    assert (old.status, old.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert (other.status, elsewhere.status) == (403, 421)
    assert "Access-Control-Allow-Origin" not in other.headers


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/collected", ("/collected",)),
        ("collected, old_api", ("/collected", "/aggregates_by", "/filters")),
        (["/filters/", "/filters"], ("/filters",)),
        ([], ()),
    ],
)
def test_public_pages_are_words_or_addresses(value, expected):
    """With commas in the environment."""
    assert public_page_list(value) == expected


@pytest.mark.parametrize("value", ["/", "/sql", "/api/v1/pings", "/collected/..", "everything", 7, [""]])
def test_what_is_not_made_for_everyone_cannot_be_public(value):
    """The message names what can."""
    with pytest.raises(ValueError, match=r"old_api|list"):
        public_page_list(value)


def test_the_old_api_is_the_same_for_the_setting_and_the_listener():
    """Both list its addresses."""
    assert PUBLIC_PAGES["old_api"] == OLD_API
