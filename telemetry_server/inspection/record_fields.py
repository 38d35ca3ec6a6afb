"""Reads the fields of a stored record that different kinds of pings have in different places."""

from collections.abc import Mapping
from typing import Any


def revision_url(record: Mapping[str, Any]) -> str | None:
    """Return the revision URL that the ping itself names, None if it names none."""
    for place in (record.get("info"), (record.get("payload") or {})):
        info = place.get("info", place) if isinstance(place, dict) else {}
        url = info.get("revision") if isinstance(info, dict) else None
        if isinstance(url, str):
            return url
    return None


def application_of(record: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Return the name, version and channel of the application, None for each that is unknown."""
    client_info = record.get("client_info")
    if isinstance(client_info, dict):
        names = ("app_display_version", "app_channel")
        return record["metadata"]["namespace"], *[text_or_none(client_info.get(name)) for name in names]
    info = record.get("info")
    if not isinstance(info, dict):
        version, channel = (text_or_none(record.get(name)) for name in ("app_version", "app_channel"))
        return (record["metadata"]["namespace"] if version or channel else None), version, channel
    app, version, channel = (text_or_none(info.get(n)) for n in ("appName", "appVersion", "appUpdateChannel"))
    return app, version, channel


def text_or_none(value: Any) -> str | None:
    """Return *value* if it is a string with text, else None."""
    return value if isinstance(value, str) and value else None
