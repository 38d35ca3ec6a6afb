"""
Fetches spec files over HTTP, only from the configured server.

aiohttp is slow to import, and most runs find all files in the revision cache: the first request imports it.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from histogram_specs.errors import RevisionMissing, SourceDown, SourceUnreachable
from histogram_specs.revision import SPEC_FILE_NAME, Revision
from histogram_specs.spec_file import MAX_BYTES

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
MAX_AT_ONCE = 4
MAX_PER_SECOND = 10.0

if TYPE_CHECKING:
    import aiohttp


class HttpGetter:
    """
    Makes GET requests with limits of time, size, concurrency and rate; redirects are not followed.

    Use it with ``async with``.
    """

    def __init__(
        self,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        most_per_second: float = MAX_PER_SECOND,
    ) -> None:
        self._connect_seconds, self._total_seconds = connect_seconds, total_seconds
        self._seconds_between = 1 / most_per_second
        self._next_start = 0.0
        self._at_once = asyncio.Semaphore(MAX_AT_ONCE)
        self._is_open = False
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._is_open = True
        return self

    async def __aexit__(self, *raised: object) -> None:
        self._is_open = False
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened_session(self) -> "aiohttp.ClientSession":
        import aiohttp

        assert self._is_open, "used outside of async with"
        if self._session is None:
            # aiohttp's own context has no authorities in processes of `serve`.
            authorities = ssl.create_default_context()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=authorities),
                timeout=aiohttp.ClientTimeout(total=self._total_seconds, sock_connect=self._connect_seconds),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity", "User-Agent": "telemetry-server"},
            )
        return self._session

    async def get(self, url: str, most_bytes: int = MAX_BYTES) -> bytes:
        """
        Return the body of *url*, if the status is 200.

        Raises:
            RevisionMissing: If the status is 404 or 410.
            SourceDown: If the server cannot be connected to, or does not answer in time.
            SourceUnreachable: If the status is another one, or the body is truncated or too large.
        """
        import aiohttp

        async with self._at_once:
            await self._take_turn()
            try:
                return await self._get(url, most_bytes)
            except TimeoutError:
                raise SourceDown(f"{url}: no complete answer in {self._total_seconds:g} s") from None
            except aiohttp.ClientConnectionError as error:
                raise SourceDown(f"{url}: {error or type(error).__name__}") from None
            except aiohttp.ClientError as error:
                raise SourceUnreachable(f"{url}: {error or type(error).__name__}") from None

    async def _get(self, url: str, most_bytes: int) -> bytes:
        async with self._opened_session().get(url, allow_redirects=False) as response:
            if response.status in (404, 410):
                raise RevisionMissing(f"{url}: {response.status}")
            if response.status != 200:
                raise SourceUnreachable(f"{url}: answers {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > most_bytes:
                    response.close()
                    raise SourceUnreachable(f"{url}: more than {most_bytes:,} bytes")
            return bytes(body)

    async def _take_turn(self) -> None:
        now = time.monotonic()
        start = max(now, self._next_start)
        self._next_start = start + self._seconds_between
        await asyncio.sleep(start - now)


class HttpSource:
    """Files at the URLs from *url_of*.  Use it with ``async with``."""

    def __init__(self, url_of: Callable[[Revision, str], str], getter: HttpGetter | None = None) -> None:
        self._url_of = url_of
        self._getter = getter or HttpGetter()

    async def __aenter__(self) -> Self:
        await self._getter.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._getter.__aexit__(*raised)

    async def read(self, revision: Revision, name: str = SPEC_FILE_NAME) -> bytes:
        """Return the file *name* at *revision*; raises the errors of `HttpGetter.get`."""
        return await self._getter.get(self._url_of(revision, name))
