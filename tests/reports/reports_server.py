"""Reports on a free port in this process, with query processes of their own, for tests that ask them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import aiohttp

from storage.data_root import DataRoot
from telemetry_server.access.access_file import AccessFile
from telemetry_server.access.bearer_tokens import new_token
from telemetry_server.access.entries import AccessList, User
from telemetry_server.access.passwords import hash_of
from telemetry_server.access.roles import Role
from telemetry_server.composition.reports import site
from telemetry_server.coordinator.conversion_setup import ConversionSetup
from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.reports.queries.setup import FuelDatabases, QuerySetup
from telemetry_server.reports.route import Route
from telemetry_server.reports.server import MAX_LINE_BYTES, MAX_TARGET_BYTES, ReportsServer
from telemetry_server.reports.services import ReportsOptions
from tests.support import forked_queries

NOW = datetime.now(UTC)
PASSWORD = "correct horse"


@dataclass
class Reports:
    """Running reports."""

    url: str
    server: ReportsServer
    session: aiohttp.ClientSession
    access: AccessFile
    tokens: dict[str, str] = field(default_factory=dict)  # role to a token's text

    def bearer(self, role: str) -> dict[str, str]:
        """The headers of a program with *role*."""
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    async def get(self, target: str, **options: Any) -> "Answered":
        """What a GET is answered; redirects are not followed."""
        return await self.request("GET", target, **options)

    async def post(self, target: str, **options: Any) -> "Answered":
        """What a POST is answered."""
        return await self.request("POST", target, **options)

    async def request(self, method: str, target: str, **options: Any) -> "Answered":
        """What a request is answered."""
        async with self.session.request(
            method, self.url + target, allow_redirects=False, **options
        ) as answer:
            return Answered(answer.status, answer.headers, await answer.read())

    async def sign_in(self, name: str, password: str = PASSWORD, **options: Any) -> "Answered":
        """What the form is answered."""
        return await self.post("/sign-in", data={"name": name, "password": password}, **options)


@dataclass
class Answered:
    """An answer, read whole."""

    status: int
    headers: Any
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        import orjson

        return orjson.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def cookie(self) -> dict[str, str]:
        """The session's cookie, as a header."""
        return {"Cookie": self.headers["Set-Cookie"].partition(";")[0]}


@cache
def password_hash_of_all() -> str:
    """The hash of `PASSWORD`, made once: that takes long on purpose."""
    return hash_of(PASSWORD)


def with_access(root: DataRoot, *, users: bool = True) -> tuple[AccessFile, dict[str, str]]:
    """Users ``a-viewer`` … of every role, all with `PASSWORD`, and a token of every role."""
    file = AccessFile(root)
    password_hash = password_hash_of_all()
    made = [new_token(role, NOW, NOW + timedelta(days=1)) for role in Role]
    people = tuple(User(f"a-{role}", role, password_hash, NOW) for role in Role) if users else ()
    file.change(lambda before: AccessList(before.key, people, tuple(token for token, _ in made)))
    return file, {token.role.value: text for token, text in made}


@asynccontextmanager
async def running_reports(
    setup: ConversionSetup,
    *,
    tokens: dict[str, str] | None = None,
    timeout_seconds: float = 30.0,
    memory_bytes: int = 512 << 20,
    limits: dict[str, Any] | None = None,
    more_routes: Sequence[Route] = (),
    fuel: FuelDatabases | None = None,
    forks: bool = True,
    public_suppress_below: int = 1,
    **options: Any,
) -> AsyncIterator[Reports]:
    """Reports over the data root of *setup*; without *forks* query processes start as they do for users."""
    given = {"is_loopback": True, "edge_url": "http://127.0.0.1:8080", "version": "1.2.3", **options}
    all_limits = EdgeLimits(
        max_target_bytes=MAX_TARGET_BYTES, max_line_bytes=MAX_LINE_BYTES, **(limits or {})
    )
    whole = site()
    server = ReportsServer(
        ReportsOptions(**given),
        QuerySetup(
            setup,
            "1.2.3",
            timeout_seconds,
            memory_bytes,
            public_suppress_below=public_suppress_below,
            fuel=fuel,
        ),
        all_limits,
        replace(whole, routes=(*whole.routes, *more_routes)),
    )
    if forks:
        server._pool._start = forked_queries.start
    async with server, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        await server.listen([(2, ("127.0.0.1", 0))])
        url = f"http://127.0.0.1:{server.ports[0]}"
        yield Reports(url, server, session, AccessFile(setup.root), tokens or {})
