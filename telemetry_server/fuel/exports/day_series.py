"""
The day series of workloads: records that are stored only when something changes, shown for every day.

A record holds until the next one of its environment and type that differs, at most to the day of the last
contact with its installation.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Record:
    """One stored record."""

    uid: str
    cluster_id: int
    resource_type: str
    day: date
    checksum: str
    data: str  # JSON
    last_contact: date  # with the installation
    version_info: Any = None

    @property
    def key(self) -> tuple[str, int, str]:
        """What a newer record replaces."""
        return self.uid, self.cluster_id, self.resource_type


def day_series(records: Iterable[Record], first: date, last: date) -> Iterator[tuple[date, Record]]:
    """
    Yield each day from *first* to *last* with the records that hold on it.

    Args:
        records: By day; those before *first* count, too.
    """
    holding: dict[tuple[str, int, str], Record] = {}
    day = first
    for record in records:
        if record.day > last:
            break
        while day < record.day:
            yield from _on(day, holding)
            day += ONE_DAY
        there = holding.get(record.key)
        if there is None or (there.checksum, there.data) != (record.checksum, record.data):
            holding[record.key] = record
    while day <= last:
        yield from _on(day, holding)
        if not holding:
            return
        day += ONE_DAY


def _on(day: date, holding: dict[tuple[str, int, str], Record]) -> Iterator[tuple[date, Record]]:
    for key in [key for key, record in holding.items() if record.last_contact < day]:
        del holding[key]
    for record in holding.values():
        yield day, record


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """One resource on one day, and what happened to it that day."""

    resource: dict[str, Any]
    is_added: bool = False
    is_modified: bool = False
    is_removed: bool = False


def resource_rows(data: Any, *, is_own_day: bool) -> list[ResourceRow]:
    """
    Return the resources of a record: the current ones, and on its own day those that were removed for good.

    Args:
        data: The record's ``resource_data``.
        is_own_day: Whether the day is that of the record; on later days nothing happened.
    """
    lists = data if isinstance(data, dict) else {}
    current = _objects(lists.get("current"))
    if not is_own_day:
        return [ResourceRow(resource) for resource in current]
    # Old senders gave only id and time of a removed resource.
    removed = [resource for resource in _objects(lists.get("removed")) if len(resource) > 2]
    added, modified = _ids(_objects(lists.get("added"))), _ids(_objects(lists.get("modified")))
    gone, here = _ids(removed), _ids(current)
    finally_removed = [resource for resource in removed if _id_of(resource) not in here]
    return [
        ResourceRow(resource, identifier in added, identifier in modified, identifier in gone)
        for resource in (*current, *finally_removed)
        for identifier in [_id_of(resource)]
    ]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _id_of(resource: dict[str, Any]) -> str:
    return repr(resource.get("id"))  # an id may be of any type


def _ids(resources: Iterable[dict[str, Any]]) -> set[str]:
    return {_id_of(resource) for resource in resources}
