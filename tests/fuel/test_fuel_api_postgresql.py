"""The tests of Fuel-stat on the reports' listener, with PostgreSQL in place of SQLite."""

from collections.abc import Iterator

import pytest

from telemetry_server.fuel.analytics.analytics_database import ANALYTICS
from telemetry_server.fuel.database.migrating import migrate
from tests.fuel import test_fuel_api as on_sqlite
from tests.fuel.analytics import Analytics, opened_analytics


@pytest.fixture
def postgresql_analytics(postgresql) -> Iterator[Analytics]:
    """A database for the collector, and one for the facts."""
    facts = postgresql.new_database()
    migrate(facts, schema=ANALYTICS)
    with opened_analytics(postgresql.new_database("migrated"), facts) as opened:
        yield opened


async def test_postgresql_gives_the_same_answers_as_sqlite(tmp_path, postgresql_analytics, capfd):
    """Reports, jobs, rows, files, roles, the cache, and the pages."""
    analytics = postgresql_analytics
    async with on_sqlite.reports_of_a_fleet(tmp_path, analytics) as reports:
        await on_sqlite.test_a_report_is_that_of_the_facts_as_json_and_csv(reports, analytics)
        await on_sqlite.test_what_cannot_be_answered_says_why(reports)
        await on_sqlite.test_a_long_report_is_a_job_with_progress(reports)
        await on_sqlite.test_a_file_is_sent_packed_or_plain(reports)
        await on_sqlite.test_the_archive_has_a_file_for_each_type_that_there_is(reports)
        await on_sqlite.test_raw_rows_need_an_analyst_and_are_noted(reports, capfd)
        await on_sqlite.test_the_pages_show_every_report_without_scripts(reports)
        await on_sqlite.test_rows_are_those_of_the_collector(reports, analytics)
        await on_sqlite.test_the_aggregate_is_kept_until_it_is_refreshed(reports, analytics)
        await on_sqlite.test_a_new_etl_is_seen_at_once(reports, analytics)
        await on_sqlite.test_a_deletion_ends_kept_answers(reports, analytics, tmp_path)
