"""Failure reports as support reads them: who may, what is noted, and text of clients."""

import shutil
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from telemetry_server.fuel.database.migrating import migrate
from telemetry_server.fuel.support.archive import FailureArchive
from tests.fuel.documents import CONTACT, a_failure
from tests.fuel.test_notifications import Outbox
from tests.reports.reports_server import Reports, running_reports

TAGS = "<b>bold</b>"


@pytest.fixture(scope="module")
def failures_file(tmp_path_factory) -> Path:
    """A folder with a database of three failure reports, and the key of their contacts."""
    folder = tmp_path_factory.mktemp("failures")
    url = f"sqlite:///{folder}/fuel.sqlite"
    migrate(url)
    with closing(Outbox(url, folder)) as outbox:
        for number, uid in enumerate(("inst-a", "inst-b", TAGS)):
            error = {"type": TAGS, "summary": f"={TAGS}", "failed_nodes": [{"id": 14, "roles": [TAGS]}]}
            changes: dict[str, Any] = {} if uid != TAGS else {"error": error, "operation": TAGS}
            outbox.report(number, uid=uid, **changes)
            outbox.wait(3600)
    return folder


@pytest.fixture
async def reports(guarded, failures_file, tmp_path) -> AsyncIterator[Reports]:
    """Reports with an archive of failures."""
    folder = tmp_path / "fuel"
    shutil.copytree(failures_file, folder)
    setup, tokens = guarded
    with closing(FailureArchive(f"sqlite:///{folder}/fuel.sqlite", folder / "contact.key")) as archive:
        async with running_reports(setup, tokens=tokens, failures=archive) as running:
            yield running


TARGETS = (
    "/api/v1/fuel/failures",
    f"/api/v1/fuel/failures/{a_failure(0)['failure_report']['report_id']}",
    "/fuel/failures",
    f"/fuel/failures/{a_failure(0)['failure_report']['report_id']}",
)


@pytest.mark.parametrize("target", TARGETS)
async def test_only_support_and_administrators_see_contacts(reports, target):
    statuses = {
        role: (await reports.get(target, headers=reports.bearer(role))).status for role in reports.tokens
    }

    assert statuses == {"viewer": 403, "analyst": 403, "support": 200, "admin": 200}
    assert (await reports.get(target)).status == (401 if target.startswith("/api/") else 303)


async def test_the_list_is_paged_and_filtered_and_read_with_contacts(reports):
    support = {"headers": reports.bearer("support")}
    everything = (await reports.get("/api/v1/fuel/failures", **support)).json()["items"]
    first = (await reports.get("/api/v1/fuel/failures?limit=2", **support)).json()
    second = (
        await reports.get(f"/api/v1/fuel/failures?limit=2&cursor={first['next_cursor']}", **support)
    ).json()
    of_b = (await reports.get("/api/v1/fuel/failures?uid=inst-b", **support)).json()["items"]
    none = (await reports.get("/api/v1/fuel/failures?to=2026-11-27", **support)).json()["items"]

    assert [item["master_node_uid"] for item in everything] == [TAGS, "inst-b", "inst-a"]
    assert first["items"] + second["items"] == everything
    assert second["next_cursor"] is None
    assert of_b[0]["contact"] == CONTACT | {"phone": None, "job_title": None, "country": None}
    assert none == []
    answer = await reports.get("/api/v1/fuel/failures", **support)
    assert answer.headers["Cache-Control"] == "private, no-store"


async def test_csv_has_no_contacts_and_no_formulas(reports):
    text = (await reports.get("/api/v1/fuel/failures?format=csv", headers=reports.bearer("support"))).text

    assert "inst-a" in text
    assert f"'={TAGS}" in text
    assert not any(part in text for part in CONTACT.values())


async def test_pages_show_contact_and_message_and_no_markup_of_clients(reports):
    support = {"headers": reports.bearer("support")}
    listing = (await reports.get("/fuel/failures", **support)).text
    tagged = (
        await reports.get(f"/fuel/failures/{a_failure(2)['failure_report']['report_id']}", **support)
    ).text

    assert "Ada Doe" in listing
    assert "ada@example.org" in tagged
    assert "waiting" in listing
    for page in (listing, tagged):
        assert "<b>" not in page
        assert "&lt;b&gt;bold" in page


async def test_reading_contacts_is_noted(reports):
    with capture_logs() as lines:
        await reports.get("/fuel/failures?uid=inst-a", headers=reports.bearer("support"))

    assert "contacts of failure reports" in [line.get("what") for line in lines]


@pytest.mark.parametrize("part", ["1", "5b0f0c1e-7a57-4f0e-9a52-ffffffffffff"])
async def test_an_unknown_report_is_404(reports, part):
    for prefix in ("/api/v1/fuel/failures/", "/fuel/failures/"):
        assert (await reports.get(prefix + part, headers=reports.bearer("support"))).status == 404


async def test_without_a_collector_or_its_database_it_is_said(guarded, tmp_path):
    setup, tokens = guarded
    async with running_reports(setup, tokens=tokens) as without:
        assert (await without.get("/fuel/failures", headers=without.bearer("support"))).status == 404
    away = FailureArchive(f"sqlite:///{tmp_path}/none/fuel.sqlite", tmp_path / "key")
    with closing(away):
        async with running_reports(setup, tokens=tokens, failures=away) as without:
            answer = await without.get("/api/v1/fuel/failures", headers=without.bearer("support"))
            assert answer.status == 503
