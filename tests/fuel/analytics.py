"""Databases of a collector and of facts, an ETL between them, and reports that tests ask."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from telemetry_server.fuel.analytics.analytics_database import AnalyticsDatabase
from telemetry_server.fuel.analytics.etl import Etl, EtlResult
from telemetry_server.fuel.analytics.tables import FACTS
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.reports.question import Question
from telemetry_server.fuel.reports.registry import answer_from, checked_question, report_named


@dataclass
class Analytics:
    """The two databases."""

    collector_url: str
    analytics_url: str
    collector: CollectorDatabase
    facts: AnalyticsDatabase

    def etl(self, **options: Any) -> Etl:
        """Return the ETL between them."""
        return Etl(self.collector, self.facts, lambda: datetime.now(UTC), **options)

    def load(self) -> EtlResult:
        """Load all that has changed; nothing fails."""
        result = self.etl().run()
        assert not result.failed, result.failed
        return result

    def report(self, name: str, **asked: Any) -> dict[str, Any]:
        """Return the answer to a report; days may be texts."""
        for bound in ("first", "last"):
            if isinstance(asked.get(bound), str):
                asked[bound] = date.fromisoformat(asked[bound])
        report = report_named(name)
        question = checked_question(report, Question(**asked))
        return answer_from(self.facts, report, question, datetime.now(UTC))

    def table(self, name: str, table: str, column: str = "count", **asked: Any) -> dict[str, Any]:
        """Return one column of a table of a report, by value."""
        return {row["value"]: row[column] for row in self.report(name, **asked)["tables"][table]}

    def contents(self) -> dict[str, list[Any]]:
        """Return all facts."""

        def rows(connection: sa.Connection) -> dict[str, list[Any]]:
            return {
                table.name: [
                    tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))
                ]
                for table in FACTS
            }

        return self.facts.read(rows)


@contextmanager
def opened_analytics(collector_url: str, analytics_url: str) -> Iterator[Analytics]:
    """Yield both databases, opened."""
    collector = CollectorDatabase(collector_url, only_reads=True)
    facts = AnalyticsDatabase(analytics_url)
    try:
        yield Analytics(collector_url, analytics_url, collector, facts)
    finally:
        collector.close()
        facts.close()
