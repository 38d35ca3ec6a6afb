"""
The limit of reports on anonymous stores.

They group pings by at most two fields of the environment, and a group of fewer than ten pings is not shown.
"""

from collections.abc import Collection, Mapping
from typing import Any

MIN_GROUP_PINGS = 10
# The fields of the environment that tables hold of such pings; at most two.
GROUPED_FIELDS = ("os", "os_version")
# The part of a record with all other fields of the environment.
ENVIRONMENT = "environment"

Doctypes = Collection[tuple[str, str]]  # (namespace, doctype)


def without_environment(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return *record* without its environment."""
    return {name: value for name, value in record.items() if name != ENVIRONMENT}
