"""Addresses of views: a path and the parameters that differ from their defaults, in a fixed order."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import BaseModel

from telemetry_server.reports.route import MAX_PART

NOT_OF_THE_VIEW = frozenset({"format"})


def view_of(parameters: BaseModel, **changes: Any) -> dict[str, Any]:
    """
    Return the parameters of a view by the names that addresses have, without defaults.

    Args:
        changes: New values by field; None for the default.
    """
    found: dict[str, Any] = {}
    for name, field in type(parameters).model_fields.items():
        value = changes[name] if name in changes else getattr(parameters, name)
        if value is None or value in (field.default, "") or name in NOT_OF_THE_VIEW:
            continue
        found[field.alias or name] = "1" if value is True else value
    return found


def address(path: str, view: Mapping[str, Any]) -> str:
    """Return *path* with the parameters of *view*."""
    return f"{path}?{urlencode(view)}" if view else path


def probe_path(name: str) -> str | None:
    """Return the path of the page of a probe; None where its name does not fit into a path."""
    return path_of("/probes", name)


def path_of(folder: str, name: str) -> str | None:
    """Return the path of *name* below *folder*; None where it does not fit into a path."""
    # Browsers take the last two as steps, also when they are encoded.
    if not name or len(name) > MAX_PART or name in (".", ".."):
        return None
    return f"{folder}/{quote(name, safe='')}"
