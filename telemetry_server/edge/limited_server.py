"""aiohttp's server with the limits of the edge."""

from typing import Any

from aiohttp import web

from telemetry_server.edge.connection_closing import ConnectionOwner
from telemetry_server.edge.connection_limits import READ_BUFFER_BYTES, LimitedHandler


class LimitedServer(web.Server):
    """Makes a `LimitedHandler` for every connection."""

    def __init__(self, handler: Any, *, owner: ConnectionOwner) -> None:
        limits = owner.limits
        super().__init__(
            handler,
            auto_decompress=False,  # bodies are stored as received
            access_log=None,
            keepalive_timeout=limits.keepalive_timeout_seconds,
            lingering_time=limits.lingering_seconds,
            read_bufsize=READ_BUFFER_BYTES,
            max_line_size=limits.max_line_bytes,
            # One more than for a line, so that the error shows which limit was exceeded.
            max_field_size=limits.max_line_bytes + 1,
            max_headers=limits.max_headers,
        )
        self.owner = owner

    def __call__(self) -> LimitedHandler:
        """Return the protocol of a new connection."""
        return LimitedHandler(self, owner=self.owner, loop=self._loop, **self._kwargs)

    def close_idle(self) -> None:
        """Close the connections that wait for a request."""
        for connection in self.connections:
            if isinstance(connection, LimitedHandler) and connection.is_idle():
                connection.force_close()
