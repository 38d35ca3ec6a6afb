"""Pings of other products: any JSON object, stored as received."""

from typing import Any

from storage.partitions.schema import value_text
from telemetry_server.convert.payloads.parsed_payload import JsonObject, ParsedPayload
from telemetry_server.pings.submit_path import SubmitPath

# Dimension, its field in Glean's client_info, and its field at the top level of a product's own ping.
_SOURCES = (
    ("appUpdateChannel", "app_channel", "app_channel"),
    ("appVersion", "app_display_version", "app_version"),
    ("appBuildID", "app_build", "app_build"),
)


def read_generic(ping: JsonObject, path: SubmitPath) -> ParsedPayload:
    """
    Read a ping of the generic route, whose path names its doctype and version.

    Fields of ``client_info`` take precedence over fields at the top level.
    """
    client_info: Any = ping.get("client_info")
    known: JsonObject = client_info if isinstance(client_info, dict) else {}
    fields: JsonObject = {**known, "reason": path.doctype, "appName": path.namespace}
    for name, in_client_info, at_the_top in _SOURCES:
        said = known.get(in_client_info)
        fields[name] = ping.get(at_the_top) if value_text(said) is None else said
    return ParsedPayload(docversion=path.docversion or "", doctype=path.doctype, fields=fields)
