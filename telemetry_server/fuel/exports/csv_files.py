"""The CSV files: one row for each environment, node, plugin, or resource and day."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import orjson
import sqlalchemy as sa

from telemetry_server.fuel.exports import column_trees as columns
from telemetry_server.fuel.exports.day_series import Record, day_series, resource_rows
from telemetry_server.fuel.exports.documents import (
    installations_in,
    last_verifications,
    structure_of,
    workloads_until,
)
from telemetry_server.fuel.exports.flattening import cell_of, flattener
from telemetry_server.fuel.exports.window import Window

OF_INSTALLATIONS = ("clusters", "nodes", "plugins")
FILES = (*OF_INSTALLATIONS, *columns.RESOURCES)
Rows = Iterator[list[str]]
OnBroken = Callable[[str], None]


class BrokenDocument(Exception):
    """A stored document does not have the form that rows are made of."""


def csv_lines(connection: sa.Connection, name: str, window: Window, on_broken: OnBroken) -> Iterator[bytes]:
    """
    Yield the lines of a file, the header first.

    Args:
        on_broken: Called with a line about a document that is left out.
    """
    header, rows = _file(connection, name, window, on_broken)
    yield _line(header)
    for row in rows:
        yield _line(row)


def _file(
    connection: sa.Connection, name: str, window: Window, on_broken: OnBroken
) -> tuple[list[str], Rows]:
    if name == "clusters":
        header = [
            *columns.column_names(columns.CLUSTER),
            *columns.column_names(columns.INSTALLATION),
            columns.VERIFICATION_COLUMN,
        ]
        return header, _clusters(connection, window, on_broken)
    if name in OF_INSTALLATIONS:
        tree, key = (columns.NODE, "nodes") if name == "nodes" else (columns.PLUGIN, "installed_plugins")
        header = [*columns.column_names(tree), *columns.CLUSTER_OF_ROW, *columns.INSTALLATION_OF_ROW]
        return header, _parts(connection, window, tree, key, on_broken)
    resource = {name: columns.RESOURCES[name]}
    flags = [f"{name}.{flag}" for flag in columns.FLAGS]
    header = [*columns.column_names(columns.WORKLOAD), *columns.column_names(resource), *flags]
    return header, _resources(connection, name, window, on_broken)


def _line(cells: list[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().encode("utf-8", "replace")


def _whole(
    connection: sa.Connection, window: Window, on_broken: OnBroken, rows_of: Callable[[Any, Any], Rows]
) -> Rows:
    """Yield the rows of each installation, all or none of them."""
    for installation in installations_in(connection, window):
        try:
            structure = orjson.loads(installation.structure)
            rows = list(rows_of(installation, structure))
        except (BrokenDocument, orjson.JSONDecodeError) as error:
            on_broken(f"the installation {installation.master_node_uid} is left out: {error}")
            continue
        yield from rows


def _clusters_of(structure: Any) -> list[dict[str, Any]]:
    clusters = structure.get("clusters") if isinstance(structure, dict) else None
    if not isinstance(clusters, list):
        raise BrokenDocument("it has no list of clusters")
    if not all(isinstance(cluster, dict) and "id" in cluster for cluster in clusters):
        raise BrokenDocument("a cluster is not an object with an id")
    return clusters


def _clusters(connection: sa.Connection, window: Window, on_broken: OnBroken) -> Rows:
    verified = last_verifications(connection, window)
    add_cluster, add_installation = flattener(columns.CLUSTER), flattener(columns.INSTALLATION)

    def rows_of(installation: Any, structure: Any) -> Rows:
        for cluster in _clusters_of(structure):
            row: list[str] = []
            add_cluster(cluster, row)
            add_installation(_installation(installation, structure), row)
            key = (installation.master_node_uid, cluster["id"])
            row.append(cell_of(verified.get(key)))
            yield row

    return _whole(connection, window, on_broken, rows_of)


def _installation(installation: Any, structure: Any) -> dict[str, Any]:
    changed = installation.modification_date
    return {
        "structure": structure,
        "master_node_uid": installation.master_node_uid,
        "creation_date": installation.creation_date.isoformat(),
        "modification_date": None if changed is None else changed.isoformat(),
    }


def _parts(
    connection: sa.Connection, window: Window, tree: columns.Tree, key: str, on_broken: OnBroken
) -> Rows:
    add_part = flattener(tree)

    def rows_of(installation: Any, structure: Any) -> Rows:
        packages = cell_of(structure.get("fuel_packages"))
        for cluster in _clusters_of(structure):
            parts = cluster.get(key, [])
            if not isinstance(parts, list):
                raise BrokenDocument(f"{key} of a cluster is not a list")
            ends = [cell_of(cluster["id"]), cell_of(cluster.get("fuel_version"))]
            ends += [cell_of(installation.master_node_uid), packages]
            for part in parts:
                row: list[str] = []
                add_part(part, row)
                yield row + ends

    return _whole(connection, window, on_broken, rows_of)


def _resources(connection: sa.Connection, name: str, window: Window, on_broken: OnBroken) -> Rows:
    add_workload, add_resource = flattener(columns.WORKLOAD), flattener(columns.RESOURCES[name])
    versions: dict[str, dict[Any, Any]] = {}
    parsed: dict[tuple[str, int, str], tuple[Record, Any]] = {}  # a record holds for many days
    records = (_record(row) for row in workloads_until(connection, name, window))
    for day, record in day_series(records, window.first, window.last):
        there = parsed.get(record.key)
        if there is None or there[0] is not record:
            try:
                there = parsed[record.key] = record, orjson.loads(record.data)
            except orjson.JSONDecodeError as error:
                there = parsed[record.key] = record, None
                on_broken(f"a record of the installation {record.uid} is left out: {error}")
        version_info = _version_info(connection, record, versions)
        for found in resource_rows(there[1], is_own_day=record.day == day):
            row: list[str] = []
            add_workload(_workload(record, day, version_info), row)
            add_resource(found.resource, row)
            yield [*row, str(found.is_added), str(found.is_modified), str(found.is_removed)]


def _record(row: Any) -> Record:
    return Record(
        row.master_node_uid,
        row.cluster_id,
        row.resource_type,
        row.created_date,
        row.resource_checksum,
        row.resource_data,
        (row.modification_date or row.creation_date).date(),
        row.version_info,
    )


def _workload(record: Record, day: date, version_info: Any) -> dict[str, Any]:
    return {
        "master_node_uid": record.uid,
        "cluster_id": record.cluster_id,
        "stats_on_date": day.isoformat(),
        "resource_type": record.resource_type,
        "version_info": version_info,
    }


def _version_info(connection: sa.Connection, record: Record, known: dict[str, dict[Any, Any]]) -> Any:
    """Return the versions that a record names; else those of its environment; else of its installation."""
    own = None if record.version_info is None else orjson.loads(record.version_info)
    if isinstance(own, dict) and any(value is not None for value in own.values()):
        return own
    if record.uid not in known:
        known[record.uid] = _versions_of(structure_of(connection, record.uid))
    versions = known[record.uid]
    return versions.get(record.cluster_id, versions[None])


def _versions_of(structure: dict[str, Any]) -> dict[Any, Any]:
    """Return versions by environment; of the installation under None."""
    release = structure.get("fuel_release")
    release = release if isinstance(release, dict) else {}
    versions: dict[Any, Any] = {
        None: {"fuel_version": release.get("release"), "release_version": release.get("openstack_version")}
    }
    clusters = structure.get("clusters")
    for cluster in clusters if isinstance(clusters, list) else []:
        if not isinstance(cluster, dict) or not cluster.get("fuel_version"):
            continue
        own = cluster.get("release")
        own = own if isinstance(own, dict) else {}
        versions[cluster.get("id")] = {
            "fuel_version": cluster["fuel_version"],
            "release_version": own.get("version"),
            "release_os": own.get("os"),
            "release_name": own.get("name"),
        }
    return versions
