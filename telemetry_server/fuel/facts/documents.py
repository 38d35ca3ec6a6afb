"""Turns stored documents into facts.  Nothing that is stored makes these functions raise."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import orjson

from telemetry_server.fuel.documents.values import moment_of
from telemetry_server.fuel.facts import categories as of
from telemetry_server.fuel.facts import clusters as about
from telemetry_server.fuel.facts.rows import (
    CategoryFact,
    ClusterFact,
    InstallationFact,
    InstallationFacts,
    NodeFact,
    OperationFact,
    RoleFact,
    TestResultFact,
    WorkloadFact,
)
from telemetry_server.fuel.facts.values import (
    UNKNOWN,
    folded,
    integer_of,
    microseconds_of,
    object_of,
    objects_of,
    text_of,
)

TASK = "nailgun_task"
Key = tuple[str, int, int]  # uid, external id, change number


def installation_facts(
    uid: str,
    structure: str,
    change_number: int,
    last_contact: datetime,
    *,
    is_filtered: bool,
    classes: about.NodeClasses = about.NodeClasses(),  # noqa: B008 - frozen
) -> InstallationFacts:
    """Return all facts of the installation that sent *structure* (JSON)."""
    document = _parsed(structure)
    clusters = objects_of(document.get("clusters"))
    release = text_of(object_of(document.get("fuel_release")).get("release"))
    last_with_id = {integer_of(cluster.get("id")): position for position, cluster in enumerate(clusters)}
    cluster_facts: list[ClusterFact] = []
    nodes: list[NodeFact] = []
    roles: list[RoleFact] = []
    counts: Counter[tuple[str, str]] = Counter()
    _count(counts, of.OF_INSTALLATIONS, document)
    for position, cluster in enumerate(clusters):
        fact = _cluster_fact(uid, position, cluster, release, last_with_id, is_filtered=is_filtered)
        cluster_facts.append(fact)
        _count(counts, of.OF_CLUSTERS, cluster)
        for number, node in enumerate(objects_of(cluster.get("nodes"))):
            _count(counts, of.OF_NODES, node)
            node_fact, own_roles = _node_facts(fact, number, node, classes)
            nodes.append(node_fact)
            roles += own_roles
    return InstallationFacts(
        InstallationFact(
            uid,
            change_number,
            release,
            is_filtered,
            last_contact.date().toordinal(),
            len(clusters),
            integer_of(document.get("clusters_num")),
        ),
        tuple(cluster_facts),
        tuple(nodes),
        tuple(roles),
        tuple(
            CategoryFact(uid, category, value, release, is_filtered, count)
            for (category, value), count in sorted(counts.items())
        ),
    )


def _count(
    counts: "Counter[tuple[str, str]]", wanted: tuple[of.Category, ...], document: Mapping[str, Any]
) -> None:
    for category in wanted:
        assert category.values is not None
        for value in category.values(document):
            counts[category.name, value] += 1


def _cluster_fact(
    uid: str,
    position: int,
    cluster: Mapping[str, Any],
    release: str,
    last_with_id: Mapping[int | None, int],
    *,
    is_filtered: bool,
) -> ClusterFact:
    attributes, own_release = object_of(cluster.get("attributes")), object_of(cluster.get("release"))
    cluster_id = integer_of(cluster.get("id"))
    status = text_of(cluster.get("status"))
    projects = {f"has_{name}": attributes.get(name) is True for name in about.PROJECTS}
    return ClusterFact(
        uid=uid,
        position=position,
        release=release,
        is_filtered=is_filtered,
        cluster_id=cluster_id,
        is_last=last_with_id[cluster_id] == position,
        status=status,
        is_operable=status in about.OPERABLE,
        mode=text_of(cluster.get("mode")),
        os=folded(own_release.get("os")),
        release_version=text_of(own_release.get("version")),
        hypervisor=folded(attributes.get("libvirt_type")),
        network=about.network_of(cluster),
        storage=about.storage_of(attributes),
        size=about.size_of(about.nodes_number(cluster)),
        is_customized=cluster.get("is_customized") is True,
        **projects,
    )


def _node_facts(
    cluster: ClusterFact, number: int, node: Mapping[str, Any], classes: about.NodeClasses
) -> tuple[NodeFact, list[RoleFact]]:
    maker, server_type = about.server_of(node)
    roles = about.roles_of(node)
    place = (cluster.uid, cluster.position, number)
    fact = NodeFact(
        *place,
        cluster.release,
        cluster.is_filtered,
        cluster.is_operable,
        maker,
        server_type,
        classes.is_virtual(server_type),
        "+".join(roles) or about.NONE,
        classes.has_compute_and_storage(roles),
    )
    return fact, [
        RoleFact(*place, role, cluster.release, cluster.is_filtered, cluster.is_operable) for role in roles
    ]


def operation_fact(uid: str, external_id: int, change_number: int, body_text: str) -> OperationFact:
    """Return the fact of an action log."""
    body = _parsed(body_text)
    info = object_of(body.get("additional_info"))
    action_type, name = text_of(body.get("action_type")), text_of(body.get("action_name"))
    attempt = None
    if action_type == TASK and (
        name == "deploy" or (name == "deployment" and info.get("parent_task_id") is None)
    ):
        attempt = name
    start, end = moment_of(body.get("start_timestamp")), moment_of(body.get("end_timestamp"))
    return OperationFact(
        uid=uid,
        external_id=external_id,
        change_number=change_number,
        action_type=action_type,
        action_name=name,
        cluster_id=integer_of(body.get("cluster_id")),
        attempt=attempt,
        status=text_of(info.get("ended_with_status")),
        start_day=UNKNOWN if start is None else start.date().isoformat(),
        ended_us=microseconds_of(end),
        seconds=None if start is None or end is None else (end - start).total_seconds(),
    )


def workload_fact(
    key: Key, cluster_id: int, resource_type: str, created: date, resource_data: str
) -> WorkloadFact:
    """Return the fact of an OSWL record."""
    current = _parsed(resource_data).get("current")
    resources = len(current) if isinstance(current, list) else 0
    return WorkloadFact(*key, cluster_id, resource_type, created.toordinal(), resources)


def test_result_facts(key: Key, cluster_id: int, ended: datetime | None, body: str) -> list[TestResultFact]:
    """Return the facts of a run of health checks."""
    uid, external_id, change_number = key
    return [
        TestResultFact(
            uid,
            cluster_id,
            external_id,
            position,
            change_number,
            text_of(test.get("id")),
            text_of(test.get("status")),
            microseconds_of(ended),
        )
        for position, test in enumerate(objects_of(_parsed(body).get("tests")))
    ]


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        return object_of(orjson.loads(text))
    except orjson.JSONDecodeError:
        return {}
