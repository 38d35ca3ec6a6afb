"""
The ids in a deletion request: data under them is to be deleted.

Firefox sends two requests with different ids: one by Glean, one by Telemetry.  The order is stored in the
record of the ping, and carried out some days later.
"""

from collections.abc import Mapping
from typing import Any

from telemetry_server.pings.client_identity import client_id_of, uuid_text

DELETION_REQUEST = "deletion-request"
DELETION_DOCTYPES = frozenset({DELETION_REQUEST, "deletion"})
"""``deletion`` is the name that Firefox 70 and 71 used."""


def deletion_order_of(doctype: str, ping: Mapping[str, Any]) -> dict[str, list[str]] | None:
    """
    The order in *ping*: ``{"ids": [client id, then every other id]}``; None for other doctypes.

    A request whose ids cannot be read is an order without ids.
    """
    if doctype not in DELETION_DOCTYPES:
        return None
    ids = [client_id_of(ping)]
    metrics = ping.get("metrics")
    others = metrics.get("uuid") if isinstance(metrics, dict) else None
    if isinstance(others, dict):
        ids += map(uuid_text, others.values())
    return {"ids": list(dict.fromkeys(each for each in ids if each is not None))}
