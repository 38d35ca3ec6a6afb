"""The facts of a ping that rules test, from the fields that name its folder."""

from collections.abc import Mapping
from typing import Any

from storage.partitions.schema import value_text
from telemetry_server.convert.rules.rules import Facts


def facts_of(namespace: str, doctype: str, docversion: str, fields: Mapping[str, Any]) -> Facts:
    """Return the facts of a ping with these *fields* for dimensions."""
    return Facts(
        namespace=namespace,
        doctype=doctype,
        docversion=docversion,
        app=value_text(fields.get("appName")),
        version=value_text(fields.get("appVersion")),
        channel=value_text(fields.get("appUpdateChannel")),
        build=value_text(fields.get("appBuildID")),
    )
