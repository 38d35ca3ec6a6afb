"""What another room must have to answer requests below ``/api/v1/`` of this listener."""

from typing import Protocol

from aiohttp import web

API_PREFIX = "/api/v1/"


class Api(Protocol):
    """Answers what begins with `API_PREFIX`."""

    async def answer(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Answer *request* for *path*; no request makes it raise."""

    async def close(self) -> None:
        """End what it began."""
