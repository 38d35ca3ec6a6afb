"""Pings that are not Firefox's own: any JSON object, stored as it came."""

from typing import Any

from telemetry_server.convert.reading import JsonObject, Reading
from telemetry_server.pings.submit_path import SubmitPath

# The dimensions of old, as a Glean client knows them.
_CLIENT_INFO = {
    "appUpdateChannel": "app_channel",
    "appVersion": "app_display_version",
    "appBuildID": "app_build",
}


def read_generic(ping: JsonObject, path: SubmitPath) -> Reading:
    """Read a ping of the route for any namespace: its path says what it is."""
    client_info: Any = ping.get("client_info")
    known: JsonObject = client_info if isinstance(client_info, dict) else {}
    fields: JsonObject = {**known, "reason": path.doctype, "appName": path.namespace}
    for name, source in _CLIENT_INFO.items():
        fields[name] = known.get(source)
    return Reading(docversion=path.docversion or "", doctype=path.doctype, fields=fields)
