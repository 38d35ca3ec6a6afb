"""What a ping claims to be, where its reader would not have it: a registered schema is asked all the same."""

from typing import Any

from telemetry_server.convert.outcome import QuarantineReason
from telemetry_server.convert.reading import JsonObject, is_number, text_or_none
from telemetry_server.convert.refusal import Refusal
from telemetry_server.pings.doctype_check import DoctypeCatalogue, DoctypeStatus
from telemetry_server.pings.submit_path import SubmitPath

# Clients of phones say their version as ``v``.
VERSIONS = ("ver", "version", "v")


def refusal_by_schema(
    catalogue: DoctypeCatalogue, path: SubmitPath, ping: JsonObject, text: bytes
) -> Refusal | None:
    """
    The refusal of the schema that is registered for what *ping* claims to be, if it has one.

    An operator's schema says more of what is wrong, and where, than that a part is missing.
    """
    version = next((ping[name] for name in VERSIONS if ping.get(name) is not None), None)
    doctype = _doctype(ping, path)
    if not is_number(version) or doctype is None:
        return None
    check = catalogue.check(path.namespace, doctype, f"{version:g}", ping, text)
    if check.status is not DoctypeStatus.VIOLATION:
        return None
    return Refusal(QuarantineReason.SCHEMA_VIOLATION, check.detail)


def _doctype(ping: JsonObject, path: SubmitPath) -> str | None:
    """As the payload says, before what the path says."""
    info: Any = ping.get("info")
    reason = info.get("reason") if isinstance(info, dict) else None
    return text_or_none(ping.get("type")) or text_or_none(reason) or path.doctype
