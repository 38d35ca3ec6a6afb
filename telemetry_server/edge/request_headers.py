"""What is kept of a request besides its body: a closed list of headers, and no address unless asked for."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network

# http-edge: the headers that pipelines of this kind keep; content-encoding says how a body came.
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
    """A header that would be kept is longer than it may be."""


def kept_headers(raw_headers: Sequence[tuple[bytes, bytes]], most_bytes: int) -> tuple[dict[str, str], str]:
    """
    The headers of a request that are kept, and its host.

    Values are read as Latin-1; a header that came more than once is one, with
    commas.  X-Forwarded-For is among them: whoever calls takes it out.

    Raises:
        HeaderTooLarge: One of them is over *most_bytes* as UTF-8.
    """
    kept: dict[str, str] = {}
    host = ""
    for raw_name, raw_value in raw_headers:
        lowered = raw_name.lower()
        name = KEPT_HEADERS.get(lowered)
        if name is None:
            if lowered == HOST:
                host = raw_value.decode("latin-1")
                _check(host, most_bytes)
            continue
        value = raw_value.decode("latin-1")
        if name in kept:
            value = f"{kept[name]}, {value}"
        _check(value, most_bytes)
        kept[name] = value
    return kept, host


def _check(value: str, most_bytes: int) -> None:
    # A Latin-1 character has at most two bytes in UTF-8.
    if len(value) * 2 > most_bytes and len(value.encode()) > most_bytes:
        raise HeaderTooLarge


def truncated_address(forwarded_for: str | None, peer: str | None, trusted_hops: int) -> str | None:
    """
    The network that a submission came from: a /24, or a /48 for IPv6.

    Args:
        forwarded_for: X-Forwarded-For as it came; only its last *trusted_hops* entries are believed.
        peer: The other end of the connection.
        trusted_hops: How many proxies stand in front.

    Returns:
        None where there is no such address.
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
