"""Pings that no reader knows: an operator's schema for the doctype that they claim is used instead."""

from typing import Any

from telemetry_server.convert.payloads.info_fields import info_of_application
from telemetry_server.convert.payloads.parsed_payload import (
    JsonObject,
    ParsedPayload,
    is_number,
    text_or_none,
)
from telemetry_server.convert.payloads.unified import CONVERTED_VERSION, with_info
from telemetry_server.doctypes.catalogue import Catalogue
from telemetry_server.doctypes.layout import DoctypeKey
from telemetry_server.outcomes.outcome import QuarantineReason
from telemetry_server.outcomes.refusal import Refusal
from telemetry_server.pings.doctype_check import DoctypeCatalogue, DoctypeStatus
from telemetry_server.pings.json_place import short_number
from telemetry_server.pings.submit_path import SubmitPath

# Phone apps use this key for the version; each of their doctypes has its own shape.
PHONE_VERSION = "v"
VERSIONS = ("ver", "version", PHONE_VERSION)


def refusal_by_schema(
    catalogue: DoctypeCatalogue, path: SubmitPath, ping: JsonObject, text: bytes
) -> Refusal | None:
    """
    The refusal of the schema that is registered for what *ping* claims to be, if it has one.

    An operator's schema describes the problem and its place better than "a part is missing" does.
    """
    version = next((ping[name] for name in VERSIONS if ping.get(name) is not None), None)
    doctype = _doctype(ping, path)
    if not is_number(version) or doctype is None:
        return None
    check = catalogue.check(path.namespace, doctype, short_number(version), ping, text)
    if check.status is not DoctypeStatus.VIOLATION:
        return None
    return Refusal(QuarantineReason.SCHEMA_VIOLATION, check.detail)


def read_by_schema(
    catalogue: DoctypeCatalogue | None, path: SubmitPath, ping: JsonObject
) -> ParsedPayload | None:
    """
    The parsed payload of a Firefox ping whose version only an operator's schema knows.

    These are pings with a ``v`` and no other version, and pings with ``version`` 5 and no ``info``: Firefox
    for Android sent ``sync`` in this form, while records with that version always have an ``info``.
    Nothing in them is packed.  None if no schema is registered for the ping, or a reader knows its version.
    """
    if catalogue is None or ping.get("ver") is not None:
        return None
    version, application = ping.get("version"), None
    if version is None:
        version, doctype = ping.get(PHONE_VERSION), path.doctype
    elif version == CONVERTED_VERSION and ping.get("info") is None:
        doctype, application = _doctype(ping, path), ping.get("application")
    else:
        return None
    if doctype is None or not is_number(version):
        return None
    key = DoctypeKey(path.namespace, doctype, short_number(version))
    if not uses_schema(catalogue, key):
        return None
    if isinstance(application, dict):
        info = info_of_application(application, doctype)
        return ParsedPayload(key.docversion, doctype, info, finish=lambda ping: with_info(ping, info))
    return ParsedPayload(docversion=key.docversion, doctype=doctype, fields={})


def uses_schema(catalogue: DoctypeCatalogue, key: DoctypeKey) -> bool:
    """Whether pings of *key* are validated by a schema; shipped schemas only describe what readers check."""
    if not isinstance(catalogue, Catalogue):
        return True
    entry = catalogue.entry(key)
    return entry is not None and not entry.is_shipped


def _doctype(ping: JsonObject, path: SubmitPath) -> str | None:
    """The doctype in the payload, else the one in the path."""
    info: Any = ping.get("info")
    reason = info.get("reason") if isinstance(info, dict) else None
    return text_or_none(ping.get("type")) or text_or_none(reason) or path.doctype
