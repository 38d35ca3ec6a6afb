"""
The categories of collected data: for each its name, where its values are, and what is counted.

A missing value is `UNKNOWN`.  Categories of operations and health checks are read from their own facts.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from telemetry_server.fuel.facts.clusters import (
    NONE,
    PROJECTS,
    network_of,
    nodes_number,
    roles_of,
    server_of,
    storage_of,
)
from telemetry_server.fuel.facts.values import MAX_TEXT, UNKNOWN, folded, object_of, objects_of, text_of

MAX_SETTINGS = 200  # of one environment
Document = Mapping[str, Any]


class Unit(StrEnum):
    """What a category counts."""

    INSTALLATIONS = "installations"
    CLUSTERS = "clusters"
    NODES = "nodes"
    OPERATIONS = "operations"
    TEST_RESULTS = "test results"


@dataclass(frozen=True, slots=True)
class Category:
    """One category of the list of collected data."""

    name: str
    path: str  # of its JSON value
    unit: Unit
    values: Callable[[Document], list[str]] | None = None  # of one thing; None: read from other facts


def _named(value: object, prefix: str = "") -> Iterator[str]:
    """Yield ``name=value`` for each single value in an object."""
    for name, inner in sorted(object_of(value).items()):
        if isinstance(inner, dict):
            yield from _named(inner, f"{prefix}{name}.")
        elif inner is not None:
            shown = f"{len(inner)} entries" if isinstance(inner, list) else text_of(inner)
            yield f"{prefix}{name}={shown}"[:MAX_TEXT]


def _settings(value: object) -> list[str]:
    return list(dict.fromkeys(_named(value)))[:MAX_SETTINGS] or [UNKNOWN]


def _length(value: object) -> str:
    """Return the length of a list; senders of ours send the number itself."""
    return str(len(value)) if isinstance(value, list) else text_of(value)


def _projects(cluster: Document) -> list[str]:
    attributes = object_of(cluster.get("attributes"))
    return [name for name in PROJECTS if attributes.get(name) is True] or [NONE]


def _plugins(cluster: Document) -> list[str]:
    plugins = cluster.get("installed_plugins")
    if not isinstance(plugins, list):
        return [UNKNOWN]
    found = {
        f"{text_of(plugin.get('name'))} {text_of(plugin.get('version'))}" for plugin in objects_of(plugins)
    }
    return sorted(name[:MAX_TEXT] for name in found) or [NONE]


def _meta(node: Document, name: str) -> Any:
    return object_of(node.get("meta")).get(name)


def _interfaces(node: Document) -> Any:
    found = _meta(node, "interfaces")
    return node.get("nic_interfaces") if found is None else found


def _pxe(node: Document) -> list[str]:
    interfaces = objects_of(_meta(node, "interfaces"))
    if not any("pxe" in interface for interface in interfaces):
        return [UNKNOWN]
    return [text_of(any(interface.get("pxe") is True for interface in interfaces))]


def _one(
    container: str, name: str, to_text: Callable[[object], str] = text_of
) -> Callable[[Document], list[str]]:
    """Return what reads one value of an object in the document, or of the document itself."""

    def read(document: Document) -> list[str]:
        holder = object_of(document.get(container)) if container else document
        return [to_text(holder.get(name))]

    return read


_INSTALLATION = (
    ("installation", "master_node_uid", lambda _: ["present"]),
    ("environments", "clusters", _one("", "clusters", _length)),
    ("fuel-version", "fuel_release.release", _one("fuel_release", "release")),
    ("fuel-build", "fuel_release.build_id", _one("fuel_release", "build_id")),
    ("admin-network", "admin_network", lambda document: _settings(document.get("admin_network"))),
    ("fuel-menu", "fuel_menu_used", _one("", "fuel_menu_used")),
    ("contact", "user_information.contact_info_provided", _one("user_information", "contact_info_provided")),
)
_CLUSTER = (
    ("os", "clusters.release.os", _one("release", "os", folded)),
    ("reference-architecture", "clusters.mode", _one("", "mode")),
    ("network-type", "clusters.network_configuration", lambda cluster: [network_of(cluster)]),
    ("hypervisor", "clusters.attributes.libvirt_type", _one("attributes", "libvirt_type", folded)),
    ("storage", "clusters.attributes", lambda cluster: [storage_of(object_of(cluster.get("attributes")))]),
    ("projects", "clusters.attributes", _projects),
    ("nodes", "clusters.nodes_num", lambda cluster: [text_of(nodes_number(cluster))]),
    ("status", "clusters.status", _one("", "status")),
    ("openstack-version", "clusters.release.version", _one("release", "version")),
    ("settings", "clusters.attributes", lambda cluster: _settings(cluster.get("attributes"))),
    (
        "networking-configuration",
        "clusters.network_configuration",
        lambda cluster: _settings(cluster.get("network_configuration")),
    ),
    ("customisation", "clusters.is_customized", _one("", "is_customized")),
    ("kernel-parameters", "clusters.attributes.kernel_params", _one("attributes", "kernel_params")),
    ("dns", "clusters.attributes.external_dns_list", _one("attributes", "external_dns_list", _length)),
    ("plugins", "clusters.installed_plugins", _plugins),
)
_NODE = (
    ("roles", "clusters.nodes.roles", lambda node: roles_of(node) or [NONE]),
    ("hardware", "clusters.nodes.meta.system", lambda node: [server_of(node)[1][:MAX_TEXT]]),
    ("interfaces", "clusters.nodes.meta.interfaces", lambda node: [_length(_interfaces(node))]),
    ("disk-layout", "clusters.nodes.meta.disks", lambda node: [_length(_meta(node, "disks"))]),
    ("pxe", "clusters.nodes.meta.interfaces.pxe", _pxe),
)
_OTHERS = (
    Category("operation-type", "body.action_name", Unit.OPERATIONS),
    Category("operation-time", "body.start_timestamp", Unit.OPERATIONS),
    Category("execution-time", "body.start_timestamp, body.end_timestamp", Unit.OPERATIONS),
    Category("network-verification", "body.additional_info.ended_with_status", Unit.CLUSTERS),
    Category("health-checks", "tests.status", Unit.TEST_RESULTS),
)
CATEGORIES: dict[str, Category] = {
    category.name: category
    for category in (
        *(Category(name, path, Unit.INSTALLATIONS, values) for name, path, values in _INSTALLATION),
        *(Category(name, path, Unit.CLUSTERS, values) for name, path, values in _CLUSTER),
        *(Category(name, path, Unit.NODES, values) for name, path, values in _NODE),
        *_OTHERS,
    )
}
OF_INSTALLATIONS = tuple(c for c in CATEGORIES.values() if c.unit is Unit.INSTALLATIONS and c.values)
OF_CLUSTERS = tuple(c for c in CATEGORIES.values() if c.unit is Unit.CLUSTERS and c.values)
OF_NODES = tuple(c for c in CATEGORIES.values() if c.unit is Unit.NODES and c.values)
