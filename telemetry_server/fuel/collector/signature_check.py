"""Checks who sent a request, where the operator wants that observed or enforced."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from telemetry_server.fuel.collector.errors import RequestRefused
from telemetry_server.fuel.collector.requests import IntakeRequest
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.signers import admit
from telemetry_server.fuel.signatures.signing import UID_HEADER, BadSignature, check_signature
from telemetry_server.observability import metrics


class SignatureCheck:
    """
    Checks signatures, and counts the results.

    Args:
        is_enforced: Whether a request without a right signature is refused.
    """

    def __init__(self, database: CollectorDatabase, *, is_enforced: bool) -> None:
        self._database = database
        self._is_enforced = is_enforced

    def check(
        self,
        request: IntakeRequest,
        bodies: tuple[bytes, ...],
        items: Sequence[Any],
        now: datetime,
    ) -> None:
        """
        Check the request.

        Raises:
            RequestRefused: 401 or 403, if the check is enforced.
            DatabaseAway: As named.
        """
        try:
            signed = check_signature(request.method, request.path, bodies, request.headers, now)
        except BadSignature as error:
            self._found("missing" if "not signed" in str(error) else "wrong", 401, str(error))
            return
        other = other_uid(items, signed.uid)
        if other:
            self._found("other_uid", 403, f"an item is not of the {UID_HEADER} that signed the request")
            return
        problem = self._database.write(lambda connection: admit(connection, signed, now))
        if problem is not None:
            self._found("replayed" if "nonce" in problem else "other_key", 401, problem)
            return
        metrics.fuel_signatures.count("right")

    def _found(self, result: str, status: int, message: str) -> None:
        metrics.fuel_signatures.count(result)
        if self._is_enforced:
            raise RequestRefused(status, message)


def other_uid(items: Sequence[Any], uid: str) -> bool:
    """Return whether an item is of another installation; one without a readable uid fails by itself."""
    uids = (item.get("master_node_uid") for item in items if isinstance(item, dict))
    return any(isinstance(found, str) and found != uid for found in uids)
