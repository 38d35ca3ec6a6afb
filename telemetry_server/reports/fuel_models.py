"""The answers of Fuel-stat as models, for the OpenAPI document."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class _Open(BaseModel):
    """An object that later versions may add members to."""

    model_config = ConfigDict(extra="allow")


class FuelReport(_Open):
    """One report; each row of a table has a `value`, most have a `count`."""

    report: str
    parameters: dict[str, Any]
    generated_at: str
    data_through: str | None
    totals: dict[str, Any]
    tables: dict[str, list[dict[str, Any]]]
    suppressed: dict[str, int]
    notes: dict[str, str]


class FuelAggregate(_Open):
    """Counts of installations and environments, in the form that Fuel's charts read."""

    installations: dict[str, Any]
    environments: dict[str, Any]


class FuelSummary(_Open):
    """How many rows there are."""

    installation_structures: dict[str, int]
    action_logs: dict[str, int]
    oswl_stats: dict[str, int]


class FuelInstallation(_Open):
    """The row of one installation."""

    master_node_uid: str
    structure: Any
    creation_date: str
    modification_date: str | None
    is_filtered: bool
    release: str | None


class FuelPage(_Open):
    """A page of rows."""

    paging_params: dict[str, int]
    objs: list[dict[str, Any]]
    next_cursor: str | None
