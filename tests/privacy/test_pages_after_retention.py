"""Pages and answers about days whose records are gone: their sums are shown, and lists of pings are empty."""

from contextlib import AsyncExitStack

from storage.disk import Disk
from telemetry_server.aggregates.sealing import Sealer
from telemetry_server.privacy.retention.age import RetentionDays
from telemetry_server.privacy.retention.run import RecordRetention, run_retention
from tests.aggregates.pings import FIXTURE, REVISION, SPEC, Aggregates, filled
from tests.privacy.test_retention_of_records import NOW
from tests.reports.reports_server import running_reports
from tests.support.data_root import World

PAGES = (
    *("/", "/pings", "/clients", "/clients?split=os&by=week", "/probes", "/probes/EXP", "/probes/EXP?by=day"),
    *("/probes/EXP?weight=clients", "/probes/EXP?compare=42", "/collected", "/stores", "/drift", "/normandy"),
    *(
        "/api/v1/clients?by=version",
        "/api/v1/clients?by=day&format=csv",
        "/api/v1/histogram?metric=EXP&by=day",
    ),
    *("/api/v1/collected", "/api/v1/probes?sort=clients", "/api/v1/status"),
)


async def test_every_page_shows_days_without_records(tmp_path):
    """One of two days is sealed."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    await filled(world, FIXTURE.values())
    Aggregates(world).update()
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)
        records = RecordRetention(10, Sealer(world.root, Disk(), 1).seal, remembers_ids=False)
        await run_retention(converter, RetentionDays(10, 10, 10), records, NOW)
    async with running_reports(world.setup) as reports:
        answers = {path: (await reports.get(path)).status for path in PAGES}
        by_day = (await reports.get("/api/v1/histogram?metric=EXP&by=day")).json()
        doctypes = (await reports.get("/api/v1/collected")).json()["doctypes"]

    assert set(answers.values()) == {200}, answers
    assert [row["group"] for row in by_day["rows"]] == ["20261120", "20261121"]
    assert [each["doctype"] for each in doctypes] == ["main"]
