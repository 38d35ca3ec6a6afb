"""
Classic payloads, which have a ``ver``: early Firefox, Firefox OS, and records of earlier conversions.

Source: the original server's converter, docs of its payload versions 1, 2, 3 and 5.
"""

from typing import Any

from telemetry_server.convert.payloads.parsed_payload import JsonObject, ParsedPayload, text_or_none
from telemetry_server.outcomes.outcome import QuarantineReason
from telemetry_server.outcomes.refusal import Refusal, required_object
from telemetry_server.pings.json_place import short_number

CONVERTED_VER = 2

# The first-use ping of Firefox OS has flat keys with dots in them.
_FIREFOX_OS_FIELDS = {
    "appUpdateChannel": "deviceinfo.update_channel",
    "appBuildID": "deviceinfo.platform_build_id",
    "appVersion": "deviceinfo.platform_version",
}


def read_classic(ping: JsonObject, ver: float) -> ParsedPayload:
    """
    Read a ping that has a ``ver``.

    Raises:
        Refusal: `unknown_version`, or `missing_field`.
    """
    if ver == 1:
        return _verbose(ping)
    if ver == 3:
        return _firefox_os_first_use(ping)
    if ver in (2, 5):
        info = required_object(ping, "info")
        return ParsedPayload(str(int(ver)), text_or_none(info.get("reason")), info)
    raise Refusal(QuarantineReason.UNKNOWN_VERSION, f"ver {short_number(ver)} is not known")


def _verbose(ping: JsonObject) -> ParsedPayload:
    info = required_object(ping, "info")
    # An Android ANR report has neither a revision nor histograms, and is stored.
    if info.get("revision") not in (None, "") or ping.get("histograms") is not None:
        required_object(ping, "histograms")
    return ParsedPayload(
        docversion="1",
        doctype=text_or_none(info.get("reason")),
        fields=info,
        packable=ping,
        info=info,
        finish=_as_converted,
    )


def _as_converted(ping: JsonObject) -> JsonObject:
    ping["ver"] = CONVERTED_VER
    return ping


def _firefox_os_first_use(ping: JsonObject) -> ParsedPayload:
    said: dict[str, Any] = {name: ping.get(source) for name, source in _FIREFOX_OS_FIELDS.items()}
    said |= {"reason": "ftu", "appName": "FirefoxOS"}
    info = {name: "UNKNOWN" if value is None else value for name, value in said.items()}

    def finish(ping: JsonObject) -> JsonObject:
        ping.pop("pingID", None)
        ping["info"] = info
        return _as_converted(ping)

    return ParsedPayload("3", "ftu", said, finish=finish)
