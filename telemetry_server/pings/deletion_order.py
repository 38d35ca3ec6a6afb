"""
What a deletion-request asks for: which ids a user wants forgotten.

Firefox sends two, with different ids: one of Glean, one of Telemetry.  The order is kept in
the record of the ping itself; carrying it out is another step, and not built yet.
"""

from collections.abc import Mapping
from typing import Any

from telemetry_server.pings.client_identity import client_id_of, uuid_text

DELETION_REQUEST = "deletion-request"


def deletion_order_of(doctype: str, ping: Mapping[str, Any]) -> dict[str, list[str]] | None:
    """
    The order in *ping*: ``{"ids": [client id, then every other id]}``; None if it is no deletion-request.

    Raises nothing: a request whose ids cannot be read is an order with none.
    """
    if doctype != DELETION_REQUEST:
        return None
    ids = [client_id_of(ping)]
    metrics = ping.get("metrics")
    others = metrics.get("uuid") if isinstance(metrics, dict) else None
    if isinstance(others, dict):
        ids += map(uuid_text, others.values())
    return {"ids": list(dict.fromkeys(each for each in ids if each is not None))}
