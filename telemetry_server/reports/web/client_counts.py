"""Numbers of distinct clients as pages show them: of days without records only a least number is known."""

from collections.abc import Mapping
from typing import Any


def least_clients(row: Mapping[str, Any]) -> int:
    """Return the clients of a row, or how many these are at least."""
    count = row["clients"] if row["clients"] is not None else row["clients_at_least"]
    return int(count)


def clients_text(row: Mapping[str, Any]) -> str:
    """Return the same as a text, which says whether it is exact."""
    return ("" if row["clients"] is not None else "≥ ") + f"{least_clients(row):,}"
