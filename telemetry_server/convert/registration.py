"""The check of a ping's doctype: its registered JSON Schema, and whether one is required."""

from telemetry_server.convert.payloads.schema_fallback import uses_schema
from telemetry_server.convert.ping import Ping
from telemetry_server.doctypes.layout import DoctypeKey
from telemetry_server.outcomes.outcome import QuarantineReason
from telemetry_server.outcomes.refusal import Refusal
from telemetry_server.pings.doctype_check import DoctypeCatalogue, DoctypeCheck, DoctypeStatus
from telemetry_server.pings.submit_path import TELEMETRY

_NOT_CHECKED = DoctypeCheck(DoctypeStatus.UNREGISTERED)


def check_doctype(ping: Ping, key: DoctypeKey, catalogue: DoctypeCatalogue | None) -> DoctypeCheck:
    """
    The answer of *catalogue* for *ping*; without a catalogue every doctype is unregistered.

    Raises:
        Refusal: The ping violates its schema (`schema_violation`).
    """
    if catalogue is None:
        return _NOT_CHECKED
    root = ping.decoded() if uses_schema(catalogue, key) else ping.root
    check = catalogue.check(key.namespace, key.doctype, key.docversion, root, ping.text)
    if check.status is DoctypeStatus.VIOLATION:
        raise Refusal(QuarantineReason.SCHEMA_VIOLATION, check.detail)
    return check


def require_registered(key: DoctypeKey, check: DoctypeCheck) -> None:
    """
    Raise unless *key* is registered; Firefox's own doctypes need no registration.

    Raises:
        Refusal: `unknown_doctype`.
    """
    if key.namespace != TELEMETRY and check.status is not DoctypeStatus.VALID:
        raise Refusal(QuarantineReason.UNKNOWN_DOCTYPE, check.detail or f"{key} is not registered")
