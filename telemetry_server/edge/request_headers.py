"""Selects what is stored beside a body: some headers and, if configured, a truncated address."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network

# The headers that telemetry pipelines keep, and content-encoding for the form of the body.
KEPT_HEADERS: dict[bytes, str] = {
    name.encode(): name
    for name in (
        "content-encoding",
        "content-length",
        "date",
        "dnt",
        "user-agent",
        "x-debug-id",
        "x-forwarded-for",
        "x-foxsec-ip-reputation",
        "x-lb-tags",
        "x-pingsender-version",
        "x-pipeline-proxy",
        "x-source-tags",
        "x-telemetry-agent",
    )
}
FORWARDED_FOR = "x-forwarded-for"
HOST = b"host"


class HeaderTooLarge(Exception):
    """A header that would be kept is too long."""


def kept_headers(raw_headers: Sequence[tuple[bytes, bytes]], max_bytes: int) -> tuple[dict[str, str], str]:
    """
    Return the headers of a request that are kept, and its host.

    Values are read as Latin-1; the values of a repeated header are joined by commas.
    X-Forwarded-For is included: the caller removes it.

    Raises:
        HeaderTooLarge: One of them is over *max_bytes* as UTF-8.
    """
    kept: dict[str, str] = {}
    host = ""
    for raw_name, raw_value in raw_headers:
        lowered = raw_name.lower()
        name = KEPT_HEADERS.get(lowered)
        if name is None:
            if lowered == HOST:
                host = raw_value.decode("latin-1")
                _check(host, max_bytes)
            continue
        value = raw_value.decode("latin-1")
        if name in kept:
            value = f"{kept[name]}, {value}"
        _check(value, max_bytes)
        kept[name] = value
    return kept, host


def _check(value: str, max_bytes: int) -> None:
    # A Latin-1 character has at most two bytes in UTF-8.
    if len(value) * 2 > max_bytes and len(value.encode()) > max_bytes:
        raise HeaderTooLarge


def truncated_address(forwarded_for: str | None, peer: str | None, trusted_hops: int) -> str | None:
    """
    Return the network that a submission came from: a /24, or a /48 for IPv6.

    Args:
        forwarded_for: X-Forwarded-For as received; only its last *trusted_hops* entries are believed.
        peer: The other end of the connection.
        trusted_hops: The number of trusted proxies in front of the server.

    Returns:
        None without a valid address.
    """
    chain = [part.strip() for part in (forwarded_for or "").split(",") if part.strip()]
    chain.append(peer or "")
    text = chain[max(0, len(chain) - 1 - trusted_hops)]
    try:
        address = ip_address(text.split("%", 1)[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    length = 24 if address.version == 4 else 48
    return str(ip_network((address, length), strict=False).network_address)
