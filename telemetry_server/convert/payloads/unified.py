"""Unified payloads, which have a ``version``: 4 as Firefox sends it, 5 as it is stored."""

from typing import Any

from telemetry_server.convert.payloads.info_fields import add_environment, info_of_application
from telemetry_server.convert.payloads.parsed_payload import JsonObject, ParsedPayload, text_or_none
from telemetry_server.outcomes.outcome import QuarantineReason
from telemetry_server.outcomes.refusal import Refusal, required_object
from telemetry_server.pings.json_place import json_type, short_number

CONVERTED_VERSION = 5
# first-shutdown ends a profile's first session, with the payload of main.
WITH_HISTOGRAMS = frozenset({"main", "first-shutdown", "saved-session"})
SAVED_SESSION = "saved-session"

# Keys that the flat form of a session has itself: parts of the payload with these names are renamed.
_TAKEN_AT_THE_TOP = frozenset({"ver", "version", "info", "clientID", "metadata", "payload"})


def read_unified(ping: JsonObject, version: float) -> ParsedPayload:
    """
    Read a ping that has a ``version`` and no ``ver``.

    Raises:
        Refusal: `unknown_version`, or `missing_field`.
    """
    if version not in (4, 5):
        raise Refusal(QuarantineReason.UNKNOWN_VERSION, f"version {short_number(version)} is not known")
    doctype = _required_type(ping)
    application = required_object(ping, "application")
    payload = required_object(ping, "payload")
    if version == CONVERTED_VERSION:
        return ParsedPayload("5", doctype, required_object(ping, "info"))
    info = info_of_application(application, doctype)
    if doctype not in WITH_HISTOGRAMS:
        return ParsedPayload("4", doctype, info, finish=lambda ping: with_info(ping, info))
    payload_info = required_object(payload, "info", "payload.")
    required_object(payload, "histograms", "payload.")
    environment = required_object(ping, "environment") if doctype == SAVED_SESSION else {}

    def finish(ping: JsonObject) -> JsonObject:
        if doctype == SAVED_SESSION:
            _flatten(ping, payload, info, environment)
        return with_info(ping, info)

    return ParsedPayload("4", doctype, info, payload, "payload.", payload_info, finish)


def _required_type(ping: JsonObject) -> str:
    doctype = text_or_none(ping.get("type"))
    if doctype is not None:
        return doctype
    if ping.get("type") in (None, ""):
        raise Refusal(QuarantineReason.MISSING_FIELD, "type is missing or empty")
    raise Refusal(QuarantineReason.MISSING_FIELD, f"type is {json_type(ping['type'])}, not a string")


def with_info(ping: JsonObject, info: JsonObject) -> JsonObject:
    """*ping* in its stored form: with *info*, as version 5."""
    ping["info"] = info
    ping["version"] = CONVERTED_VERSION
    return ping


def _flatten(ping: JsonObject, payload: JsonObject, info: JsonObject, environment: JsonObject) -> None:
    """Turn a saved session into the flat form of classic pings: one ``info`` and without ``payload``."""
    del ping["payload"]
    for name, value in payload.items():
        if name == "ver":
            ping["payload.ver"] = value
        elif name != "info":
            ping[_free_name(ping, name)] = value
    for name, value in payload["info"].items():
        info.setdefault(name, value)
    add_environment(info, environment)
    system: Any = info.get("OS")
    if isinstance(system, str) and system.startswith("Windows_"):
        info["OS"] = "WINNT"
    ping["clientID"] = ping.get("clientId")
    ping["ver"] = 5


def _free_name(ping: JsonObject, name: str) -> str:
    while name in ping or name in _TAKEN_AT_THE_TOP:
        name = f"payload.{name}"
    return name
