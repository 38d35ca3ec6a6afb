"""The client that a ping is from, as named in the ping."""

import re
import zlib
from collections.abc import Mapping
from typing import Any

SAMPLES = 100
_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")


def uuid_text(value: Any) -> str | None:
    """*value* as a lower-case UUID without braces; None if it is not a UUID."""
    if not isinstance(value, str):
        return None
    text = value[1:-1] if value.startswith("{") and value.endswith("}") else value
    return text.lower() if _UUID.fullmatch(text) else None


def client_id_of(ping: Mapping[str, Any]) -> str | None:
    """
    The id of the client that sent *ping*; None if it is missing or not a UUID.

    Glean sends ``client_info.client_id``, other clients ``client_id``, Firefox ``clientId`` or, in a flat
    session, ``clientID``.  The first of these that is present counts.
    """
    client_info = ping.get("client_info")
    if isinstance(client_info, dict) and client_info.get("client_id") is not None:
        return uuid_text(client_info["client_id"])
    for name in ("client_id", "clientId", "clientID"):
        value = ping.get(name)
        if value is not None:
            return uuid_text(value)
    return None


def sample_id_of(client_id: str) -> int:
    """The number of the client's sample, from 0 to `SAMPLES` - 1: always the same for one lower-case id."""
    return zlib.crc32(client_id.encode()) % SAMPLES
