"""A generated fleet of installations, and a way to store its documents without a collector."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa

from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.partitions import ensure_partitions
from telemetry_server.fuel.database.writes import (
    Stamp,
    write_action_logs,
    write_health_check_runs,
    write_installation,
    write_workloads,
)
from telemetry_server.fuel.documents.doctypes import ACTION_LOGS, OSTF_RUNS, OSWL_STATS
from telemetry_server.fuel.documents.judging import judge_items

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STATUSES = ("operational", "operational", "error", "new", "deployment")
SYSTEMS = ("Ubuntu", "ubuntu", "CentOS", "", " CentOS ")
HYPERVISORS = ("KVM", "kvm", "qemu", "", None)
ROLES = ("controller", "compute", "cinder", "ceph-osd", "mongo")
MAKERS = ("HP", "hp ", "Dell Inc.", "VirtualBox", None)
FLAGS = ("volumes_lvm", "volumes_ceph", "images_ceph", "sahara", "murano", "heat")
NETWORKS = (
    {"segmentation_type": "vlan", "net_l23_provider": "ovs"},
    {"segmentation_type": "gre", "net_l23_provider": "ovs"},
    {"net_manager": "VlanManager", "fixed_network_size": 256},
    None,
)
TYPES = ("vm", "flavor", "image", "volume", "tenant", "keystone_user")


@dataclass
class Fleet:
    """All that some installations sent."""

    structures: list[dict[str, Any]] = field(default_factory=list)
    filtered: set[str] = field(default_factory=set)  # uids
    logs: list[dict[str, Any]] = field(default_factory=list)
    workloads: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)


def generated_fleet(seed: int, installations: int = 12) -> Fleet:
    """Return a fleet with something of everything."""
    chance = random.Random(seed)
    fleet = Fleet()
    for number in range(installations):
        uid = f"inst-{number}"
        structure = _structure(chance, uid)
        fleet.structures.append(structure)
        if chance.random() < 0.15:
            fleet.filtered.add(uid)
        ids = [cluster["id"] for cluster in structure["clusters"]] + [99]  # 99 is gone
        _add_logs(chance, fleet, uid, ids)
        _add_workloads(chance, fleet, uid, ids)
        _add_runs(chance, fleet, uid, ids)
    _add_logs(chance, fleet, "never-sent-a-structure", [1])
    return fleet


def _structure(chance: random.Random, uid: str) -> dict[str, Any]:
    clusters = [_cluster(chance, number) for number in range(1, chance.randrange(4) + 1)]
    declared = len(clusters) + (chance.random() < 0.2)
    structure: dict[str, Any] = {
        "master_node_uid": uid,
        "clusters_num": declared,
        "allocated_nodes_num": 2,
        "unallocated_nodes_num": 1,
        "clusters": clusters,
    }
    if chance.random() < 0.9:
        release = {"release": chance.choice(("8.0", "9.0")), "api": "1.0", "feature_groups": []}
        structure["fuel_release"] = release
    return structure


def _cluster(chance: random.Random, number: int) -> dict[str, Any]:
    attributes: dict[str, Any] = {name: chance.random() < 0.4 for name in FLAGS}
    if (hypervisor := chance.choice(HYPERVISORS)) is not None:
        attributes["libvirt_type"] = hypervisor
    cluster: dict[str, Any] = {
        "id": number,
        "nodes_num": chance.choice((0, 1, 4, 5, 12, 99, 100)),
        "nodes": [_node(chance, node) for node in range(chance.randrange(4))],
        "mode": chance.choice(("ha_compact", "multinode")),
        "release": {
            "version": chance.choice(("mitaka-9.0", "liberty-8.0")),
            "os": chance.choice(SYSTEMS),
            "name": "OpenStack",
        },
        "status": chance.choice(STATUSES),
        "attributes": attributes,
        "is_customized": chance.random() < 0.3,
    }
    if (network := chance.choice(NETWORKS)) is not None:
        cluster["network_configuration"] = network
    return cluster


def _node(chance: random.Random, number: int) -> dict[str, Any]:
    node: dict[str, Any] = {"id": number, "roles": chance.sample(ROLES, chance.randrange(4))}
    if chance.random() < 0.5:
        maker, product = chance.choice(MAKERS), chance.choice(("ProLiant", "", None))
        node["meta"] = {"system": {"manufacturer": maker, "product": product}}
    elif (maker := chance.choice(MAKERS)) is not None:
        node["manufacturer"] = maker
    return node


def _add_logs(chance: random.Random, fleet: Fleet, uid: str, clusters: Sequence[int]) -> None:
    for number in range(chance.randrange(20)):
        name = chance.choice(("deploy", "deploy", "deployment", "verify_networks", "provision"))
        start = datetime(2026, 1, 1) + timedelta(minutes=chance.randrange(300_000))
        seconds = chance.choice((30, 600, 1200, 1200.5, 3600, -5, 8 * 24 * 3600))
        parent = chance.choice((None, None, 7))
        fleet.logs.append(
            {
                "master_node_uid": uid,
                "external_id": number,
                "body": {
                    "id": number,
                    "action_group": "cluster_changes",
                    "action_name": name,
                    "action_type": "nailgun_task",
                    "start_timestamp": start.isoformat(),
                    "end_timestamp": (start + timedelta(seconds=seconds)).isoformat(),
                    "additional_info": {
                        "parent_task_id": parent,
                        "ended_with_status": chance.choice(("ready", "error")),
                    },
                    "cluster_id": chance.choice(clusters),
                },
            }
        )


def _add_workloads(chance: random.Random, fleet: Fleet, uid: str, clusters: Sequence[int]) -> None:
    for number in range(chance.randrange(12)):
        current = [{"id": f"r-{n}"} for n in range(chance.randrange(4))]
        fleet.workloads.append(
            {
                "master_node_uid": uid,
                "id": number,
                "cluster_id": chance.choice(clusters),
                "created_date": (date(2026, 10, 1) + timedelta(days=chance.randrange(60))).isoformat(),
                "updated_time": "10:15:00",
                "resource_type": chance.choice(TYPES),
                "resource_checksum": f"{len(current)}",
                "resource_data": {"current": current, "added": [], "removed": [], "modified": []},
            }
        )


def _add_runs(chance: random.Random, fleet: Fleet, uid: str, clusters: Sequence[int]) -> None:
    for number in range(chance.randrange(8)):
        ended = datetime(2026, 2, 1, tzinfo=UTC) + timedelta(hours=chance.randrange(5000))
        names = chance.sample(("create_flavor", "list_images", "ping", "rare"), 3 if number else 4)
        words = ("success", "success", "failure", "error", "skipped", "stopped")
        fleet.runs.append(
            {
                "master_node_uid": uid,
                "external_id": number,
                "cluster_id": chance.choice(clusters),
                "testset": "smoke",
                "started_at": ended.isoformat(),
                "ended_at": ended.isoformat(),
                "status": "finished",
                "tests": [{"id": name, "status": chance.choice(words)} for name in names],
            }
        )


def store(url: str, fleet: Fleet, now: datetime = NOW) -> None:
    """Store the documents of *fleet* in the collector's database."""
    database = CollectorDatabase(url)
    logs = judge_items(ACTION_LOGS, fleet.logs, is_plain=True)
    workloads = judge_items(OSWL_STATS, fleet.workloads, is_plain=True)
    runs = judge_items(OSTF_RUNS, fleet.runs, is_plain=True)
    assert not logs.refused and not workloads.refused and not runs.refused
    stamp = Stamp(now, "1.0")

    def installations(connection: sa.Connection) -> None:
        for structure in fleet.structures:
            uid = structure["master_node_uid"]
            release = structure.get("fuel_release", {}).get("release")
            text = orjson.dumps(structure).decode()
            write_installation(connection, uid, text, release, stamp, is_filtered=uid in fleet.filtered)

    database.write(lambda connection: ensure_partitions(connection, now))
    database.write(installations)
    database.write(lambda c: write_action_logs(c, list(logs.rows.values()), stamp))  # type: ignore[arg-type]
    database.write(lambda c: write_workloads(c, list(workloads.rows.values()), stamp))  # type: ignore[arg-type]
    database.write(lambda c: write_health_check_runs(c, list(runs.rows.values()), stamp))  # type: ignore[arg-type]
    database.close()
