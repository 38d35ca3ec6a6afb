"""Which reader a ping goes to: by its route, an operator's schema, or the version that it names."""

from collections import Counter

from storage.partitions.schema import value_text
from telemetry_server.convert.payloads.classic import read_classic
from telemetry_server.convert.payloads.generic import read_generic
from telemetry_server.convert.payloads.parsed_payload import JsonObject, ParsedPayload, is_number
from telemetry_server.convert.payloads.reserved_fields import discard_info
from telemetry_server.convert.payloads.schema_fallback import read_by_schema
from telemetry_server.convert.payloads.unified import read_unified
from telemetry_server.outcomes.outcome import QuarantineReason
from telemetry_server.outcomes.refusal import Refusal
from telemetry_server.pings.doctype_check import DoctypeCatalogue
from telemetry_server.pings.json_place import json_type
from telemetry_server.pings.submit_path import TELEMETRY, SubmitPath


def read_payload(
    ping: JsonObject, path: SubmitPath, doctypes: DoctypeCatalogue | None, notes: Counter[str]
) -> ParsedPayload:
    """
    What the reader for the version of *ping* finds in it.

    ``ver`` is looked at before ``version``; null counts as absent.

    Raises:
        Refusal: `unknown_version`, or `missing_field`.
    """
    if path.namespace != TELEMETRY:
        return read_generic(ping, path)
    discard_info(ping, notes)
    payload = read_by_schema(doctypes, path, ping)
    if payload is not None:
        return payload
    for name, read in (("ver", read_classic), ("version", read_unified)):
        number = ping.get(name)
        if number is None:
            continue
        if not is_number(number):
            raise Refusal(QuarantineReason.UNKNOWN_VERSION, f"{name} is {json_type(number)}, not a number")
        return read(ping, number)
    raise Refusal(QuarantineReason.UNKNOWN_VERSION, "neither ver nor version is there")


def dimension_fields(payload: ParsedPayload, path: SubmitPath) -> JsonObject:
    """The values for dimensions, by field name; where the payload has none, the path's value is used."""
    fields = dict(payload.fields)
    for name, in_path in (
        ("reason", path.doctype),
        ("appName", path.app_name),
        ("appUpdateChannel", path.channel),
        ("appVersion", path.app_version),
        ("appBuildID", path.build_id),
    ):
        value = fields.get(name)
        if not (value and value.__class__ is str) and value_text(value) is None:
            fields[name] = in_path
    return fields
