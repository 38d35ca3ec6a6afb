"""Every limit of the edge, with the default that the contract gives it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EdgeLimits:
    """The limits of one worker, in bytes and seconds."""

    max_body_bytes: int = 1 << 20  # on the wire
    oversize_status: int = 413  # or 202: accepted and discarded
    max_target_bytes: int = 1024
    max_kept_header_bytes: int = 1024  # as UTF-8
    max_headers: int = 64
    max_line_bytes: int = 8190  # of aiohttp's parser: a request line, or one header field
    max_connections: int = 2048
    max_in_flight_bytes: int = 64 << 20
    max_requests_per_connection: int = 1000
    backlog: int = 1024
    header_timeout_seconds: float = 10.0
    body_timeout_seconds: float = 30.0
    keepalive_timeout_seconds: float = 30.0
    answer_timeout_seconds: float = 10.0  # for a client to read what does not fit the kernel's buffer
    send_buffer_bytes: int = 64 << 10  # of the kernel, per connection; the kernel doubles it
    min_bytes_per_second: float = 1024.0
    min_rate_after_seconds: float = 5.0
    lingering_seconds: float = 2.0  # how long the rest of a refused body is read and discarded
    drain_timeout_seconds: float = 20.0
