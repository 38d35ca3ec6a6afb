"""Who may see what: every route, for every role and for none."""

import pytest

from telemetry_server.composition.reports import site
from telemetry_server.reports.route import answers_json
from tests.reports.reports_server import running_reports
from tests.support.data_root import an_id

EVERYONE = {"anonymous", "viewer", "analyst", "support", "admin"}
SIGNED_IN = EVERYONE - {"anonymous"}
ANALYSTS = {"analyst", "admin"}
ADMINS = {"admin"}
SUPPORT = {"support", "admin"}
PING = an_id(1)
OLD = "/aggregates_by"
FUEL, JSON, FAILURES = "/api/v1/fuel/reports", "/api/v1/json", "/api/v1/fuel/failures"

# Method and target to those who are answered; target of which route.
MATRIX = [
    ("GET", "/api/v1/status", "/api/v1/status", SIGNED_IN),
    ("GET", "/api/v1/pings", "/api/v1/pings", SIGNED_IN),
    ("GET", f"/api/v1/pings/{PING}", "/api/v1/pings/{document_id}", SIGNED_IN),
    ("GET", f"/api/v1/pings/{PING}?body=1", "/api/v1/pings/{document_id}", ANALYSTS),
    ("GET", "/api/v1/submissions", "/api/v1/submissions", SIGNED_IN),
    ("GET", "/api/v1/quarantine", "/api/v1/quarantine", SIGNED_IN),
    ("GET", "/api/v1/quarantine?bodies=1", "/api/v1/quarantine", ANALYSTS),
    ("GET", "/api/v1/quarantine/counts", "/api/v1/quarantine/counts", SIGNED_IN),
    ("GET", "/api/v1/quarantine/replay", "/api/v1/quarantine/replay", SIGNED_IN),
    ("GET", "/api/v1/probes", "/api/v1/probes", SIGNED_IN),
    ("GET", "/api/v1/probes/LOAD_MS", "/api/v1/probes/{name}", SIGNED_IN),
    ("GET", "/api/v1/probes/LOAD_MS/pings", "/api/v1/probes/{name}/pings", ANALYSTS),
    ("GET", "/api/v1/stores", "/api/v1/stores", SIGNED_IN),
    ("GET", "/api/v1/drift", "/api/v1/drift", SIGNED_IN),
    ("GET", "/api/v1/collected", "/api/v1/collected", SIGNED_IN),
    ("GET", "/collected", "/collected", SIGNED_IN),
    ("GET", "/api/v1/normandy/uptake", "/api/v1/normandy/uptake", SIGNED_IN),
    ("GET", "/api/v1/normandy/recipes", "/api/v1/normandy/recipes", SIGNED_IN),
    ("GET", "/api/v1/normandy/studies", "/api/v1/normandy/studies", SIGNED_IN),
    ("GET", "/normandy", "/normandy", SIGNED_IN),
    ("GET", "/normandy/recipes/7", "/normandy/recipes/{id}", SIGNED_IN),
    ("GET", "/normandy/studies/none", "/normandy/studies/{slug}", SIGNED_IN),
    ("GET", "/api/v1/histogram?metric=LOAD_MS", "/api/v1/histogram", SIGNED_IN),
    ("GET", "/api/v1/clients", "/api/v1/clients", SIGNED_IN),
    ("GET", "/api/v1/clients/pings", "/api/v1/clients/pings", ANALYSTS),
    ("GET", f"{OLD}/build_id/channels/", f"{OLD}/{{by}}/channels/", SIGNED_IN),
    ("GET", f"{OLD}/build_id/channels/x/dates/", f"{OLD}/{{by}}/channels/{{channel}}/dates/", SIGNED_IN),
    ("GET", f"{OLD}/build_id/channels/x/", f"{OLD}/{{by}}/channels/{{channel}}/", SIGNED_IN),
    ("GET", "/filters/?channel=x&version=1", "/filters/", SIGNED_IN),
    ("GET", f"{FUEL}/os", f"{FUEL}/{{name}}", SIGNED_IN),
    ("POST", f"{FUEL}/os", f"{FUEL}/{{name}}", SIGNED_IN),
    ("GET", f"{JSON}/report/installations", f"{JSON}/report/installations", SIGNED_IN),
    ("GET", f"{JSON}/summary", f"{JSON}/summary", SIGNED_IN),
    ("GET", f"{JSON}/installation_info/u", f"{JSON}/installation_info/{{uid}}", ANALYSTS),
    ("GET", f"{JSON}/installation_infos/filtered", f"{JSON}/installation_infos/filtered", ANALYSTS),
    ("GET", f"{JSON}/action_logs/u", f"{JSON}/action_logs/{{uid}}", ANALYSTS),
    ("GET", f"{JSON}/oswls/u", f"{JSON}/oswls/{{uid}}", ANALYSTS),
    ("GET", f"{JSON}/oswls/u/vm", f"{JSON}/oswls/{{uid}}/{{resource_type}}", ANALYSTS),
    ("GET", "/api/v1/csv/clusters", "/api/v1/csv/{name}", ANALYSTS),
    ("GET", FAILURES, FAILURES, SUPPORT),
    ("GET", f"{FAILURES}/none", f"{FAILURES}/{{report_id}}", SUPPORT),
    ("GET", "/fuel/failures", "/fuel/failures", SUPPORT),
    ("GET", "/fuel/failures/none", "/fuel/failures/{report_id}", SUPPORT),
    ("GET", "/fuel", "/fuel", SIGNED_IN),
    ("GET", "/fuel/files", "/fuel/files", SIGNED_IN),
    ("GET", "/fuel/left-out", "/fuel/left-out", ANALYSTS),
    ("GET", "/fuel/os", "/fuel/{report}", SIGNED_IN),
    ("POST", "/api/v1/sql", "/api/v1/sql", ANALYSTS),
    ("GET", "/api/v1/jobs/none", "/api/v1/jobs/{id}", SIGNED_IN),
    ("GET", "/api/openapi.json", "/api/openapi.json", SIGNED_IN),
    ("GET", "/", "/", SIGNED_IN),
    ("GET", "/pings", "/pings", SIGNED_IN),
    ("GET", f"/pings/{PING}", "/pings/{document_id}", SIGNED_IN),
    ("GET", f"/pings/{PING}?body=1", "/pings/{document_id}", ANALYSTS),
    ("GET", "/quarantine", "/quarantine", SIGNED_IN),
    ("GET", "/drift", "/drift", SIGNED_IN),
    ("GET", "/stores", "/stores", SIGNED_IN),
    ("GET", "/sql", "/sql", ANALYSTS),
    ("POST", "/sql", "/sql", ANALYSTS),
    ("GET", "/users", "/users", ADMINS),
    ("POST", "/users", "/users", ADMINS),
    ("GET", "/clients", "/clients", SIGNED_IN),
    ("GET", "/clients/pings", "/clients/pings", ANALYSTS),
    ("GET", "/probes", "/probes", SIGNED_IN),
    ("GET", "/probes/LOAD_MS", "/probes/{name}", SIGNED_IN),
    ("GET", "/probes/LOAD_MS/pings", "/probes/{name}/pings", ANALYSTS),
    ("GET", "/search", "/search", SIGNED_IN),
    ("GET", "/theme", "/theme", EVERYONE),
    ("GET", "/sign-in", "/sign-in", EVERYONE),
    ("POST", "/sign-in", "/sign-in", EVERYONE),
    ("POST", "/sign-out", "/sign-out", EVERYONE),
    ("GET", "/static/none.css", "/static/{name}", EVERYONE),
    ("GET", "/__lbheartbeat__", "/__lbheartbeat__", EVERYONE),
    ("GET", "/__version__", "/__version__", SIGNED_IN),
    ("GET", "/metrics", "/metrics", SIGNED_IN),
]
BODIES = {"/api/v1/sql": {"json": {"sql": "SELECT 1 AS one"}}}
# What each of those who are answered gets, where it is not 200.
STATUSES = {
    ("GET", "/api/v1/fuel/failures"): 404,  # no collector
    ("GET", "/api/v1/fuel/failures/none"): 404,
    ("GET", "/fuel/failures"): 404,
    ("GET", "/fuel/failures/none"): 404,
    ("GET", "/api/v1/jobs/none"): 404,
    ("GET", "/aggregates_by/build_id/channels/x/dates/"): 404,
    ("GET", "/aggregates_by/build_id/channels/x/"): 404,
    ("GET", "/filters/?channel=x&version=1"): 404,
    ("GET", "/static/none.css"): 404,
    ("GET", "/normandy/recipes/7"): 404,
    ("GET", "/normandy/studies/none"): 404,
    # The collector is off.
    **{
        ("GET", target): 404
        for method, target, template, _ in MATRIX
        if method == "GET" and template.startswith((FUEL, JSON, FAILURES, "/api/v1/csv", "/fuel"))
    },
    ("POST", f"{FUEL}/os"): 202,
    ("POST", "/sign-in"): 401,  # no name
    ("POST", "/users"): 400,  # no change is named
    ("POST", "/sql"): 303,
    ("POST", "/sign-out"): 303,
    ("GET", "/theme"): 303,
}


def test_the_matrix_names_every_route():
    """A new route gets its lines here."""
    named = {(method, template) for method, _, template, _ in MATRIX}

    assert named == {(route.method, route.template) for route in site().routes}


async def test_each_route_answers_the_roles_of_the_matrix_and_no_others(guarded):
    """401 or the sign-in page without a role, 403 with the wrong one."""
    setup, tokens = guarded
    wrong = []
    async with running_reports(setup, tokens=tokens) as reports:
        for method, target, _, allowed in MATRIX:
            for role in sorted(EVERYONE):
                headers = {} if role == "anonymous" else reports.bearer(role)
                answer = await reports.request(method, target, headers=headers, **BODIES.get(target, {}))
                if role in allowed:
                    expected = STATUSES.get((method, target), 200)
                elif role == "anonymous":
                    expected = 401 if answers_json(target) or method == "POST" else 303
                else:
                    expected = 403
                if answer.status != expected:
                    wrong.append((method, target, role, answer.status, expected))
                if answer.status == 401 and target.startswith("/api/"):
                    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
                    assert answer.headers["Content-Type"] == "application/problem+json"
                if answer.status == 303 and role not in allowed:
                    assert answer.headers["Location"].startswith("/sign-in?next=")

    assert not wrong


async def test_a_viewer_sees_outcome_and_reasons_but_nothing_that_the_client_sent(guarded):
    """No header, no body, no place on the disk of a dropped histogram's value."""
    setup, tokens = guarded
    async with running_reports(setup, tokens=tokens) as reports:
        seen = (await reports.get(f"/api/v1/pings/{PING}", headers=reports.bearer("viewer"))).json()
        page = (await reports.get(f"/pings/{PING}", headers=reports.bearer("viewer"))).text
        all_of_it = (await reports.get(f"/api/v1/pings/{PING}", headers=reports.bearer("analyst"))).json()

    assert seen["outcome"] == "stored"
    assert seen["dropped_histograms"][0]["reason"] == "unknown_histogram"
    assert "header" not in seen["metadata"] and "uri" not in seen["metadata"]
    assert "header" in all_of_it["metadata"]
    assert "The body is shown to analysts. You are signed in as viewer." in page


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: text.replace("tsr_", "tsx_"),
        lambda _: "",
    ],
)
async def test_a_wrong_token_is_401_and_says_so(change, guarded):
    """Also where a page would send others to the sign-in form."""
    setup, tokens = guarded
    async with running_reports(setup, tokens={"admin": change(tokens["admin"])}) as reports:
        answer = await reports.get("/api/v1/status", headers=reports.bearer("admin"))

    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
