"""What handlers work with: made once when the listener starts."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

import orjson

from telemetry_server.access.access_file import AccessFile
from telemetry_server.access.entries import AccessList
from telemetry_server.reports.jobs import Jobs
from telemetry_server.reports.kept_answers import KeptAnswers
from telemetry_server.reports.public_access import PublicAccess
from telemetry_server.reports.query_pool import QueryPool
from telemetry_server.reports.sessions import Sessions
from telemetry_server.reports.shared_answers import SharedAnswers
from telemetry_server.reports.throttle import LoginThrottle

if TYPE_CHECKING:
    from telemetry_server.fuel.support.archive import FailureArchive


@dataclass(frozen=True, slots=True)
class ReportsOptions:
    """What the operator decides about the reports."""

    is_loopback: bool  # the listener is the machine's own
    edge_url: str  # where clients send pings
    version: str
    instance_name: str = ""
    has_fuel: bool = False  # there is something of Fuel-stat to show
    trusted_user_header: str = ""
    networks: Sequence[IPv4Network | IPv6Network] = ()  # empty: all
    aggregates_hidden: Sequence[str] = ()  # patterns of metrics that the public does not see
    public: PublicAccess = field(default_factory=PublicAccess)
    example_path: str = "/submit/example/hello/1/{id}"  # where the first page's command sends its ping
    example_ping: str = '{"greeting": "hello"}'
    failures: "FailureArchive | None" = None  # of the Fuel collector


@dataclass(slots=True)
class Services:
    """Everything behind the routes."""

    options: ReportsOptions
    access_file: AccessFile
    pool: QueryPool
    shared: SharedAnswers
    jobs: Jobs
    sessions: Sessions = field(default_factory=Sessions)
    throttle: LoginThrottle = field(default_factory=lambda: LoginThrottle(time.monotonic))
    openapi: Callable[[], bytes] = bytes
    kept: KeptAnswers = field(default_factory=lambda: KeptAnswers(time.monotonic))

    async def ask(self, query: str, **arguments: object) -> bytes:
        """Return the answer of a query that many may share, as JSON."""
        return await self.shared.answer(query, arguments)

    async def ask_object(self, query: str, **arguments: object) -> dict[str, object]:
        """Return the same as an object."""
        found: dict[str, object] = orjson.loads(await self.ask(query, **arguments))
        return found

    def access(self) -> AccessList:
        """Return the present users and tokens."""
        return self.access_file.read()

    @property
    def is_open(self) -> bool:
        """Whether everyone on this machine may see all: there are no users, and the listener is its own."""
        has_proxy = bool(self.options.trusted_user_header)  # which lets others in
        return self.options.is_loopback and not has_proxy and not self.access().users
