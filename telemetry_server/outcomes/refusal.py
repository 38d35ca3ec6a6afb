"""The exception with which a conversion step sends a submission to quarantine."""

from typing import Any

from telemetry_server.outcomes.outcome import QuarantineReason
from telemetry_server.pings.json_place import json_type


class Refusal(Exception):
    """Ends the conversion of one submission; the pipeline turns it into `Refused`."""

    def __init__(self, reason: QuarantineReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def required_object(parent: dict[str, Any], key: str, where: str = "") -> dict[str, Any]:
    """
    The object *key* of *parent*.

    Raises:
        Refusal: It is missing or not an object (`missing_field`); the detail names it.
    """
    value = parent.get(key)
    if isinstance(value, dict):
        return value
    place = where + key
    if key not in parent:
        raise Refusal(QuarantineReason.MISSING_FIELD, f"{place} is missing")
    raise Refusal(QuarantineReason.MISSING_FIELD, f"{place} is {json_type(value)}, not an object")
