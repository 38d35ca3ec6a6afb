"""The client, system and place of a ping, from its payload and headers, for the metadata of its record."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from telemetry_server.pings.client_identity import client_id_of, sample_id_of
from telemetry_server.pings.deletion_request import deletion_order_of
from telemetry_server.pings.geo import GeoLookup
from telemetry_server.pings.normalise import (
    normalized_app_name,
    normalized_channel,
    normalized_country_code,
    normalized_os,
    normalized_os_version,
)
from telemetry_server.pings.source_tags import debug_id, source_tags
from telemetry_server.pings.suspicious_times import suspicious_times
from telemetry_server.pings.user_agent import user_agent_parts

BAD_SOURCE_TAGS_NOTE = "bad_source_tags"
BAD_DEBUG_ID_NOTE = "bad_debug_id"
SUSPICIOUS_TIME_NOTE = "tz_suspicious"
# No known name is longer; the caches of client texts stay small.
MAX_NAME_CHARACTERS = 64
MAX_USER_AGENT_CHARACTERS = 1024


_NO_NOTES: Counter[str] = Counter()  # of every ping that nothing can be noted of


class MetadataFields(NamedTuple):
    """The optional fields of ``metadata``, the headers and notes."""

    fields: dict[str, Any]
    header: dict[str, str]  # the kept headers, without User-Agent and invalid tags
    notes: Counter[str]


def metadata_fields_of(
    ping: Mapping[str, Any],
    headers: Mapping[str, str],
    *,
    doctype: str,
    app_name: Any = None,
    channel: Any = None,
    address: str | None = None,
    geo: GeoLookup | None = None,
) -> MetadataFields:
    """
    Read the metadata fields of *ping* and *headers*, before the ping is changed.

    Args:
        headers: Names in lower case with ``_`` for ``-``, without headers that hold an address.
        app_name, channel: The application in the payload or path; values that are not strings are ignored.
        address: The client's address, used only for the lookup in *geo*.
    """
    notes = Counter[str]() if headers or "ping_info" in ping else _NO_NOTES
    header = dict(headers)
    fields: dict[str, Any] = {}
    client_id = client_id_of(ping)
    if client_id is not None:
        fields["client_id"] = client_id
        fields["sample_id"] = sample_id_of(client_id)
    _add_normalized(fields, _system_of(ping), app_name, channel)
    agent = header.pop("user_agent", None)
    if agent is not None and (parts := user_agent_parts(agent[:MAX_USER_AGENT_CHARACTERS])):
        fields["user_agent"] = dict(parts)
    if geo is not None and address is not None and (places := geo.find(address)):
        fields["geo"] = places
        if "country" in places:
            fields["normalized_country_code"] = normalized_country_code(places["country"])
    if header:
        _check_tags(header, notes)
    if "ping_info" in ping and (count := suspicious_times(ping)):
        notes[SUSPICIOUS_TIME_NOTE] += count
    order = deletion_order_of(doctype, ping)
    if order is not None:
        fields["deletion_order"] = order
    return MetadataFields(fields, header, notes)


def _add_normalized(fields: dict[str, Any], system: tuple[Any, Any], app_name: Any, channel: Any) -> None:
    for name, value, normalized in (
        ("normalized_channel", channel, normalized_channel),
        ("normalized_os", system[0], normalized_os),
        ("normalized_os_version", system[1], normalized_os_version),
        ("normalized_app_name", app_name, normalized_app_name),
    ):
        if isinstance(value, str) and value:
            fields[name] = normalized(value[:MAX_NAME_CHARACTERS])


def _system_of(ping: Mapping[str, Any]) -> tuple[Any, Any]:
    """Name and version of the operating system, from the place that each kind of ping has for them."""
    client_info = ping.get("client_info")
    if isinstance(client_info, dict):
        return client_info.get("os"), client_info.get("os_version")
    place: Any = ping
    for step in ("environment", "system", "os"):
        place = place.get(step) if isinstance(place, dict) else None
    if isinstance(place, dict):
        return place.get("name"), place.get("version")
    if ping.get("os") is not None:
        return ping.get("os"), ping.get("osversion")
    info = ping.get("info")
    return (info.get("OS"), info.get("version")) if isinstance(info, dict) else (None, None)


def _check_tags(header: dict[str, str], notes: Counter[str]) -> None:
    """Remove an invalid debug id and invalid tags from *header*; the ping is stored all the same."""
    tag = header.get("x_debug_id")
    if tag is not None and debug_id(tag) is None:
        del header["x_debug_id"]
        notes[BAD_DEBUG_ID_NOTE] += 1
    tags = header.get("x_source_tags")
    if tags is not None and source_tags(tags) is None:
        del header["x_source_tags"]
        notes[BAD_SOURCE_TAGS_NOTE] += 1
