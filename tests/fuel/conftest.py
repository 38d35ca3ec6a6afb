"""A collector behind a real edge, on a database of its own: SQLite, and PostgreSQL where it is installed."""

import io
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import sqlalchemy as sa

from telemetry_server.fuel.analytics.analytics_database import ANALYTICS
from telemetry_server.fuel.collector.collector import Collector
from telemetry_server.fuel.collector.intake import IntakeOptions
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.migrating import migrate
from tests.fuel.analytics import Analytics, opened_analytics
from tests.support.edges import running_edge
from tests.support.postgresql import PostgreSQL, program, running_postgresql

BOTH = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One server for all tests, with a template database ``migrated``; it need not survive a power cut."""
    if program("initdb") is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    with running_postgresql("fsync=off", "max_connections=50") as server:
        server.run("CREATE DATABASE migrated")
        migrate(server.url("migrated"))
        yield server


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory) -> Path:
    """An SQLite file with the newest schema."""
    file = tmp_path_factory.mktemp("fuel") / "migrated.sqlite"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(params=BOTH)
def empty_url(request, tmp_path) -> str:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/fuel.sqlite"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture(params=BOTH)
def database_url(request, tmp_path) -> str:
    """The URL of an empty database with the newest schema."""
    if request.param == "sqlite":
        file = tmp_path / "fuel.sqlite"
        shutil.copyfile(request.getfixturevalue("migrated_file"), file)
        return f"sqlite:///{file}"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.new_database("migrated")


@pytest.fixture
def sqlite_url(migrated_file, tmp_path) -> str:
    """The same on SQLite only."""
    file = tmp_path / "fuel.sqlite"
    shutil.copyfile(migrated_file, file)
    return f"sqlite:///{file}"


@dataclass
class Reply:
    """An answer of the collector."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    def statuses(self) -> dict[Any, str]:
        """Return the status by the last part of each key."""
        (items,) = [value for value in self.body.values() if isinstance(value, list)]
        return {item.get("external_id", item.get("id")): item["status"] for item in items}


@dataclass
class RunningCollector:
    """A collector that listens, and a way to look into its database."""

    address: str
    session: aiohttp.ClientSession
    database: CollectorDatabase
    collector: Collector

    async def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """Send a request; bytes are sent as they are, anything else as JSON."""
        text = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        data = None if body is None else io.BytesIO(text)
        sent = {"Content-Type": "application/json"} | (headers or {})
        async with self.session.request(method, self.address + path, data=data, headers=sent) as answer:
            received = await answer.read()
            return Reply(answer.status, orjson.loads(received) if received else None, dict(answer.headers))

    async def post(self, endpoint: str, body: Any, **headers: str) -> Reply:
        """Post to an endpoint below /api/v1/."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.send("POST", f"/api/v1/{endpoint}/", body, names)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.database.read(
            lambda connection: [tuple(row) for row in connection.execute(sa.text(query))]
        )

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])


@asynccontextmanager
async def running_collector(
    tmp_path: Path, url: str, options: IntakeOptions | None = None, **edge_options: Any
) -> AsyncIterator[RunningCollector]:
    """Yield a collector on the database of *url*."""
    made: list[Collector] = []

    def open_api(edge: Any) -> Collector:
        made.append(Collector(edge, url, options or IntakeOptions(checks_responses=True)))
        return made[0]

    database = CollectorDatabase(url)
    async with (
        running_edge(tmp_path / "edge", open_api=open_api, **edge_options) as edge,
        aiohttp.ClientSession() as session,
    ):
        yield RunningCollector(f"http://127.0.0.1:{edge.port}", session, database, made[0])
    database.close()


@pytest.fixture
async def collector(database_url, tmp_path) -> AsyncIterator[RunningCollector]:
    """A collector that checks its own answers."""
    async with running_collector(tmp_path, database_url) as running:
        yield running


@pytest.fixture
async def sqlite_collector(sqlite_url, tmp_path) -> AsyncIterator[RunningCollector]:
    """The same on SQLite only, for what no database decides."""
    async with running_collector(tmp_path, sqlite_url) as running:
        yield running


@pytest.fixture(scope="session")
def analytics_file(tmp_path_factory) -> Path:
    """An SQLite file with the newest schema of the analytics database."""
    file = tmp_path_factory.mktemp("fuel") / "analytics.sqlite"
    migrate(f"sqlite:///{file}", schema=ANALYTICS)
    return file


@pytest.fixture
def analytics_url(database_url, tmp_path, analytics_file) -> str:
    """The URL of an empty analytics database, of the same kind as the collector's."""
    if database_url.startswith("sqlite"):
        file = tmp_path / "analytics.sqlite"
        shutil.copyfile(analytics_file, file)
        return f"sqlite:///{file}"
    # One database may hold both.
    migrate(database_url, schema=ANALYTICS)
    return database_url


@pytest.fixture
def analytics(database_url, analytics_url) -> Iterator[Analytics]:
    """Both databases, opened."""
    with opened_analytics(database_url, analytics_url) as opened:
        yield opened
