"""Fuel-stat on the reports' listener: reports, jobs, rows, files, roles, the cache, and the pages."""

import asyncio
import csv
import io
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from storage.disk import Disk
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.refused_items import write_refused
from telemetry_server.fuel.documents.doctypes import ACTION_LOGS
from telemetry_server.fuel.documents.judging import judge_items
from telemetry_server.privacy.forget import Forgetter
from telemetry_server.privacy.forget_report import FuelUrls
from telemetry_server.reports.queries.setup import FuelDatabases
from tests.fuel.analytics import Analytics, opened_analytics
from tests.fuel.documents import a_structure, a_task, a_workload
from tests.fuel.fleet import Fleet, generated_fleet, store
from tests.fuel.test_analytics_cases import a_cluster, with_clusters
from tests.reports.hostile_pings import HOSTILE
from tests.reports.reports_server import Reports, running_reports, with_access
from tests.reports.test_hostile_texts import wrong_in_csv, wrong_in_page
from tests.support.data_root import World

REPORTS = "/api/v1/fuel/reports"


@pytest.fixture
def sqlite_analytics(tmp_path, migrated_file, analytics_file):
    """Both databases as SQLite files."""
    copyfile(migrated_file, tmp_path / "fuel.sqlite")
    copyfile(analytics_file, tmp_path / "analytics.sqlite")
    with opened_analytics(
        f"sqlite:///{tmp_path}/fuel.sqlite", f"sqlite:///{tmp_path}/analytics.sqlite"
    ) as opened:
        yield opened


@asynccontextmanager
async def reports_of_a_fleet(tmp_path: Path, analytics: Analytics) -> AsyncIterator[Reports]:
    """Yield reports of a fleet, for visitors with a role."""
    fleet = generated_fleet(1)
    odd = a_cluster(1, status="=1+<b>")
    fleet.structures.append(with_clusters("odd", odd, user_information={"email": "ada@example.org"}))
    fleet.logs += [a_task(number, "odd") for number in range(5)]
    fleet.workloads.append(a_workload(1, master_node_uid="odd", cluster_id=1, created_date="2026-11-01"))
    store(analytics.collector_url, fleet)
    analytics.load()
    world = World(tmp_path / "world")
    _, tokens = with_access(world.root)
    fuel = FuelDatabases(analytics.collector_url, analytics.analytics_url)
    async with running_reports(world.setup, tokens=tokens, fuel=fuel, has_fuel=True) as running:
        yield running


@pytest.fixture
async def reports(tmp_path, sqlite_analytics) -> AsyncIterator[Reports]:
    """Reports of a fleet on SQLite."""
    async with reports_of_a_fleet(tmp_path, sqlite_analytics) as running:
        yield running


@pytest.fixture
async def hostile_reports(tmp_path, sqlite_analytics) -> AsyncIterator[Reports]:
    """Reports of one installation that sends hostile text."""
    cluster = a_cluster(1, status=HOSTILE, mode=HOSTILE, name=HOSTILE)
    node = {"id": 1, "manufacturer": HOSTILE, "platform_name": HOSTILE, "os": HOSTILE, "roles": [HOSTILE]}
    cluster["nodes"] = [node]
    fleet = Fleet([with_clusters("odd", cluster)])
    fleet.workloads.append(a_workload(1, master_node_uid="odd", cluster_id=1, created_date="2026-11-01"))
    store(sqlite_analytics.collector_url, fleet)
    sqlite_analytics.load()
    world = World(tmp_path / "world")
    _, tokens = with_access(world.root)
    fuel = FuelDatabases(sqlite_analytics.collector_url, sqlite_analytics.analytics_url)
    async with running_reports(world.setup, tokens=tokens, fuel=fuel, has_fuel=True) as running:
        yield running


async def got(reports: Reports, target: str, role: str = "analyst", status: int = 200, **more: Any) -> Any:
    """Return what a GET is answered; CSV as text."""
    answer = await reports.get(target, headers=reports.bearer(role) | more)
    assert answer.status == status, answer.body
    return answer.json() if "json" in answer.headers["Content-Type"] else answer.text


async def test_a_report_is_that_of_the_facts_as_json_and_csv(reports, sqlite_analytics):
    """The same numbers; a text that begins like a formula is neutralised in CSV."""
    found = await got(reports, f"{REPORTS}/statuses?release=9.0", "viewer")
    whole = sqlite_analytics.report("statuses", release="9.0")

    assert found["tables"] == whole["tables"]
    assert found["totals"] == whole["totals"]
    assert found["data_through"] == whole["data_through"]
    text = await got(reports, f"{REPORTS}/statuses?release=9.0&format=csv", "viewer")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert {"table": "totals", "value": "clusters", "count": str(whole["totals"]["clusters"])} in rows
    assert {"table": "statuses", "value": "'=1+<b>", "count": "1"} in rows
    found = await got(reports, f"{REPORTS}/distribution?of=hypervisor", "viewer")
    assert found["parameters"]["of"] == "hypervisor"


UNANSWERED = [
    (f"{REPORTS}/none", 404, "deployment-time"),
    (f"{REPORTS}/os?from=20260224", 400, "from"),
    (f"{REPORTS}/os?to=2026-02-30", 400, "to"),
    (f"{REPORTS}/os?nonsense=1", 400, "nonsense"),
    (f"{REPORTS}/distribution", 400, "hypervisor"),
    (f"{REPORTS}/distribution?of=none", 400, "hypervisor"),
    ("/api/v1/csv/router", 404, "keystone_user"),
    ("/api/v1/csv/security_group", 404, "keystone_user"),
    ("/api/v1/csv/vm?from_date=20260224", 400, "from_date"),
    ("/api/v1/csv/vm?to_date=x", 400, "YYYY-MM-DD"),
    ("/api/v1/json/installation_info/unknown", 404, "master_node_uid"),
    ("/api/v1/json/action_logs/odd?limit=0", 400, "limit"),
    ('/api/v1/json/action_logs/odd?paging_params={"limit":-1}', 400, "limit"),
    ("/api/v1/json/oswls/odd/router", 404, "volume"),
]


HOSTILE_TARGETS = (
    *(
        "/fuel",
        "/fuel/files",
        "/fuel/left-out",
        "/fuel/statuses",
        "/fuel/os",
        "/fuel/environments",
        "/fuel/server-types",
    ),
    *(f"{REPORTS}/{name}?format=csv" for name in ("statuses", "environments", "server-types")),
    *(f"/api/v1/csv/{name}" for name in ("clusters", "vm", "flavor")),
)


@pytest.mark.parametrize("target", HOSTILE_TARGETS)
async def test_hostile_text_is_text_on_every_page_and_in_every_file(hostile_reports, target):
    """No markup, no steering character, no formula."""
    text = await got(hostile_reports, target)

    assert not (wrong_in_page(text) if target.startswith("/fuel") else wrong_in_csv(text))


async def test_what_cannot_be_answered_says_why(reports):
    """As a problem that names what is wrong, or what there is."""
    for target, status, word in UNANSWERED:
        assert word in (await got(reports, target, status=status))["detail"], target


async def test_a_long_report_is_a_job_with_progress(reports):
    """202, and the result at the job's address."""
    answer = await reports.post(f"{REPORTS}/releases", headers=reports.bearer("viewer"))
    assert answer.status == 202
    job = answer.json()
    assert answer.headers["Location"] == f"/api/v1/jobs/{job['id']}"
    seen = [job]

    async def is_done() -> bool:
        seen.append(await got(reports, f"/api/v1/jobs/{job['id']}", "viewer"))
        return seen[-1]["state"] != "running"

    while not await is_done():
        await asyncio.sleep(0.02)
    assert seen[-1]["state"] == "done"
    assert seen[-1]["result"]["tables"] == (await got(reports, f"{REPORTS}/releases"))["tables"]
    shares = [state["progress"] for state in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


async def test_rows_are_those_of_the_collector(reports, sqlite_analytics):
    """Without waiting for an ETL; the contact is not in them."""
    page = await got(reports, '/api/v1/json/action_logs/odd?paging_params={"limit":2,"offset":2}')
    assert page["paging_params"] == {"limit": 2, "offset": 2, "total": 5}
    assert [row["external_id"] for row in page["objs"]] == [2, 3]
    page = await got(reports, f"/api/v1/json/action_logs/odd?limit=2&cursor={page['next_cursor']}")
    assert [row["external_id"] for row in page["objs"]] == [4]
    assert page["next_cursor"] is None
    installation = await got(reports, "/api/v1/json/installation_info/odd")
    assert installation["structure"]["clusters_num"] == 1
    assert "ada@example.org" not in str(installation)
    (record,) = (await got(reports, "/api/v1/json/oswls/odd/vm"))["objs"]
    assert record["resource_data"]["current"][0]["id"] == "vm-1"
    assert (await got(reports, "/api/v1/json/oswls/unknown"))["objs"] == []
    filtered = await got(reports, "/api/v1/json/installation_infos/filtered")
    assert {row["master_node_uid"] for row in filtered["objs"]} == generated_fleet(1).filtered
    before = (await got(reports, "/api/v1/json/summary", "viewer"))["action_logs"]["total"]
    store(sqlite_analytics.collector_url, Fleet(logs=[a_task(99, "odd")]))
    assert (await got(reports, "/api/v1/json/summary", "viewer"))["action_logs"]["total"] == before + 1


async def test_the_aggregate_is_kept_until_it_is_refreshed(reports, sqlite_analytics):
    """ReportQueries without a release, it is kept for each release, too."""
    target = "/api/v1/json/report/installations"
    before = await got(reports, target, "viewer")
    store(sqlite_analytics.collector_url, Fleet([a_structure("new")["installation_structure"]]))
    count = before["installations"]["count"]

    assert await got(reports, target, "viewer") == before
    kept = (await got(reports, f"{target}?release=9.0", "viewer"))["installations"]["count"]
    fresh = (await got(reports, f"{target}?release=9.0&refresh=0", "viewer"))["installations"]["count"]
    assert fresh == kept + 1
    assert (await got(reports, f"{target}?refresh=1", "viewer"))["installations"]["count"] == count + 1
    assert (await got(reports, target, "viewer"))["installations"]["count"] == count + 1
    assert (await got(reports, f"{target}?release=zz", "viewer"))["environments"]["statuses"] == {}


async def test_a_deletion_ends_kept_answers(reports, sqlite_analytics, tmp_path):
    """The aggregate and the reports are computed again, without the installation."""
    asked = ("/api/v1/json/report/installations", f"{REPORTS}/statuses")
    before = [await got(reports, target, "viewer") for target in asked]
    urls = FuelUrls(sqlite_analytics.collector_url, sqlite_analytics.analytics_url)
    Forgetter(reports.access.root, Disk(), fuel=urls).forget(["odd"], [])

    aggregate, report = [await got(reports, target, "viewer") for target in asked]
    assert aggregate["installations"]["count"] == before[0]["installations"]["count"] - 1
    assert report["totals"]["clusters"] == before[1]["totals"]["clusters"] - 1
    await got(reports, "/api/v1/json/installation_info/odd", status=404)


async def test_a_file_is_sent_packed_or_plain(reports):
    """With its name; what it says is the same."""
    packed = await reports.get("/api/v1/csv/clusters", headers=reports.bearer("analyst"))
    plain = await reports.get(
        "/api/v1/csv/clusters", headers=reports.bearer("analyst") | {"Accept-Encoding": "identity"}
    )
    head = await reports.request("HEAD", "/api/v1/csv/clusters", headers=reports.bearer("analyst"))

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.body == plain.body
    assert int(plain.headers["Content-Length"]) == len(plain.body)
    assert plain.headers["Content-Disposition"] == "attachment; filename=clusters.csv"
    assert (head.status, head.body) == (200, b"")
    assert "'=1+<b>" in plain.text
    assert "ada@example.org" not in plain.text


async def test_the_archive_has_a_file_for_each_type_that_there_is(reports):
    target = "/api/v1/csv/all?from_date=2026-11-01&to_date=2027-11-05"
    answer = await reports.get(target, headers=reports.bearer("analyst"))

    assert answer.headers["Content-Type"] == "application/x-tar"
    assert answer.headers["Content-Disposition"].endswith("filename=reports_from2026-11-01_to2027-11-05.tar")
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as archive:
        names = archive.getnames()
        vm = archive.extractfile("vm.csv")
        assert vm is not None
        assert vm.read().startswith(b"cluster_id,master_node_uid,resource_type,stats_on_date")
    assert names[-2:] == ["clusters.csv", "plugins.csv"]


async def test_raw_rows_need_an_analyst_and_are_noted(reports, capfd):
    """A viewer gets figures only."""
    for target in ("/api/v1/csv/vm", "/api/v1/json/action_logs/odd", "/api/v1/json/installation_info/odd"):
        for role, status in (("viewer", 403), ("support", 403), ("analyst", 200), ("admin", 200)):
            await got(reports, target, role, status)
        assert (await reports.get(target)).status == 401

    assert "fuel installation" in capfd.readouterr().out


async def test_the_pages_show_every_report_without_scripts(reports):
    """Names that installations chose are text."""
    from telemetry_server.fuel.reports.names import NAMES

    first = await got(reports, "/fuel", "viewer")
    assert "=1+&lt;b&gt;" in first
    for name, report in NAMES.items():
        assert f'href="/fuel/{name}"' in first
        page = await got(
            reports, f"/fuel/{name}?release=9.0&of=os" if name == "distribution" else f"/fuel/{name}"
        )
        assert f"<h1>{report.title}</h1>" in page
        assert "Data as of" in page
        assert "<b>" not in page and "style=" not in page
    assert "<option>8.0</option>" in first and "<option>9.0</option>" in first
    assert "Choose a category." in await got(reports, "/fuel/distribution", "viewer")
    files = await got(reports, "/fuel/files?from=2026-11-01&to=2026-11-05", "viewer")
    assert 'href="/api/v1/csv/keystone_user?from_date=2026-11-01&amp;to_date=2026-11-05"' in files
    await got(reports, "/fuel/none", "viewer", 404)
    answer = await reports.get("/fuel/os?release=9.0&format=csv", headers=reports.bearer("viewer"))
    assert answer.headers["Location"] == f"{REPORTS}/os?release=9.0&format=csv"


async def test_what_is_left_out_is_on_a_page(tmp_path, sqlite_analytics):
    """Builds that do not count, and refused items with their reason; hostile text is text."""
    hidden = with_clusters("hidden", fuel_release={"release": "9.9", "build_id": HOSTILE, "api": "1"})
    store(sqlite_analytics.collector_url, Fleet([hidden], filtered={"hidden"}))
    sqlite_analytics.load()
    refused = judge_items(
        ACTION_LOGS, [{"master_node_uid": HOSTILE, "external_id": 1}], is_plain=True
    ).refused
    database = CollectorDatabase(sqlite_analytics.collector_url)
    database.write(lambda connection: write_refused(connection, refused, datetime.now(UTC)))
    database.close()
    world = World(tmp_path / "world")
    _, tokens = with_access(world.root)
    fuel = FuelDatabases(sqlite_analytics.collector_url, sqlite_analytics.analytics_url)
    async with running_reports(world.setup, tokens=tokens, fuel=fuel, has_fuel=True) as running:
        text = await got(running, "/fuel/left-out")

        assert "9.9" in text
        assert "action-log" in text
        assert "is a required property" in text
        assert not wrong_in_page(text)
        assert "/fuel/left-out" in await got(running, "/fuel")
        assert "/fuel/left-out" not in await got(running, "/fuel", "viewer")


async def test_a_new_etl_is_seen_at_once(reports, sqlite_analytics):
    """A report is kept as long as the facts are the same."""
    before = await got(reports, f"{REPORTS}/environments", "viewer")
    assert await got(reports, f"{REPORTS}/environments", "viewer") == before
    store(sqlite_analytics.collector_url, Fleet([a_structure("new")["installation_structure"]]))
    sqlite_analytics.load()

    after = await got(reports, f"{REPORTS}/environments", "viewer")
    assert after["totals"]["installations"] == before["totals"]["installations"] + 1


class OneContact:
    """An archive of failures that knows a contact of each installation."""

    def contact_of(self, uid: str) -> dict[str, str]:
        """Return the contact."""
        return {"email": f"{uid}@example.org"}


async def test_an_administrator_sees_the_contact_of_an_installation(tmp_path, sqlite_analytics):
    """An analyst sees the row without it."""
    store(sqlite_analytics.collector_url, Fleet([with_clusters("a")]))
    world = World(tmp_path / "world")
    _, tokens = with_access(world.root)
    fuel = FuelDatabases(sqlite_analytics.collector_url, sqlite_analytics.analytics_url)
    target = "/api/v1/json/installation_info/a"
    async with running_reports(world.setup, tokens=tokens, fuel=fuel, failures=OneContact()) as reports:
        row = await got(reports, target, "admin")
        assert row["structure"]["user_information"] == {"email": "a@example.org"}
        assert "example.org" not in str(await got(reports, target, "analyst"))
