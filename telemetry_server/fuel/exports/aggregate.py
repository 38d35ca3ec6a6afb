"""The aggregate of all installations and environments that Fuel's charts are drawn of."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa

from telemetry_server.fuel.database.tables import installation_structures
from telemetry_server.fuel.exports.documents import FETCHED_AT_ONCE
from telemetry_server.fuel.facts.clusters import OPERABLE
from telemetry_server.fuel.facts.small_groups import large_counts
from telemetry_server.fuel.facts.values import object_of, objects_of


class Aggregate:
    """Counts of some installations."""

    def __init__(self) -> None:
        self.installations = 0
        self.environments = 0
        self.operable = 0
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in _NAMES}

    def add(self, structure: Mapping[str, Any]) -> None:
        """Count one installation."""
        declared = structure.get("clusters_num")
        clusters = objects_of(structure.get("clusters"))
        self.installations += 1
        self.counts["environments_num"][str(declared)] += 1
        if _is_not_zero(declared):
            self.environments += len(clusters)
        for cluster in clusters:
            self._add_cluster(cluster)

    def _add_cluster(self, cluster: Mapping[str, Any]) -> None:
        status = cluster.get("status")
        if isinstance(status, str):
            self.counts["statuses"][status] += 1
        if status not in OPERABLE:
            return
        nodes = cluster.get("nodes_num")
        if nodes is not None:
            self.counts["nodes_num"][str(nodes)] += 1
            self.operable += 1
        for name, holder, key in (
            ("hypervisors_num", "attributes", "libvirt_type"),
            ("oses_num", "release", "os"),
        ):
            value = object_of(cluster.get(holder)).get(key)
            if isinstance(value, str) and value:
                self.counts[name][value.lower()] += 1

    def as_json(self, suppress_below: int = 1) -> dict[str, Any]:
        """Return the form that Fuel's charts read, without groups smaller than *suppress_below*."""
        is_small = 0 < self.installations < suppress_below
        counts = {
            name: {} if is_small else large_counts(counter, suppress_below)
            for name, counter in self.counts.items()
        }
        return {
            "installations": {
                "count": None if is_small else self.installations,
                "environments_num": counts.pop("environments_num"),
            },
            "environments": {
                "count": None if is_small else self.environments,
                "operable_envs_count": None if is_small else self.operable,
                **counts,
            },
        }


_NAMES = ("environments_num", "statuses", "nodes_num", "hypervisors_num", "oses_num")


def _is_not_zero(value: object) -> bool:
    try:
        return int(value) != 0 if isinstance(value, int | str) else False
    except ValueError:
        return False


def aggregates(connection: sa.Connection, release: str, suppress_below: int = 1) -> dict[str, dict[str, Any]]:
    """
    Return the aggregate of *release*; with '' that of all installations, and of each release found.

    Args:
        suppress_below: Smaller groups are left out; a release with fewer installations has null for numbers.

    Returns:
        Aggregates by release; that of all under ``""``.
    """
    table = installation_structures
    query = sa.select(table.c.structure, table.c.release).where(~table.c.is_filtered)
    if release:
        query = query.where(table.c.release == release)
    found: dict[str, Aggregate] = {release: Aggregate()}
    for text, own_release in connection.execute(query.execution_options(yield_per=FETCHED_AT_ONCE)):
        structure = object_of(orjson.loads(text))
        found[release].add(structure)
        if not release and own_release:
            found.setdefault(own_release, Aggregate()).add(structure)
    return {name: aggregate.as_json(suppress_below) for name, aggregate in found.items()}
