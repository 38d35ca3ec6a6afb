"""Fields that only the server fills: a client's values for them are discarded and counted."""

from collections import Counter

from telemetry_server.convert.payloads.parsed_payload import JsonObject, is_number

RESERVED_FIELDS = frozenset(
    {
        "metadata",
        "submission_timestamp",
        "document_id",
        "normalized_app_name",
        "normalized_channel",
        "normalized_os",
        "normalized_os_version",
        "normalized_country_code",
        "sample_id",
    }
)
NOTE = "reserved_field"


def discard_reserved(ping: JsonObject, notes: Counter[str]) -> None:
    """Remove the reserved fields from *ping*."""
    for name in RESERVED_FIELDS.intersection(ping):
        del ping[name]
        notes[NOTE] += 1


def discard_info(ping: JsonObject, notes: Counter[str]) -> None:
    """Remove the ``info`` of a ``version`` 4 ping: the converter fills it."""
    version = ping.get("version")
    if "info" in ping and ping.get("ver") is None and is_number(version) and version == 4:
        del ping["info"]
        notes[NOTE] += 1
