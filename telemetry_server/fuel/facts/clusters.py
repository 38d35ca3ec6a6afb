"""What an environment and its nodes are: network, storage, size, servers, roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from telemetry_server.fuel.facts.values import UNKNOWN, folded, integer_of, object_of, text_of

OPERABLE = ("operational", "error")
PROJECTS = ("sahara", "murano", "ceilometer", "heat", "ironic")
STORAGE_FLAGS = (
    "volumes_lvm",
    "volumes_ceph",
    "volumes_vmdk",
    "volumes_block_device",
    "images_ceph",
    "images_vcenter",
    "objects_ceph",
    "ephemeral_ceph",
    "iser",
)
SIZES = ((1, "0"), (5, "1-5"), (10, "5-10"), (20, "10-20"), (50, "20-50"), (100, "50-100"))
LARGEST = "100+"
SIZE_ORDER = (*(name for _, name in SIZES), LARGEST, UNKNOWN)
NONE = "none"
STORAGE_ROLES = ("cinder", "ceph-osd")
COMPUTE_ROLE = "compute"
VIRTUAL_MAKERS = (
    "virtualbox",
    "innotek",
    "qemu",
    "kvm",
    "vmware",
    "xen",
    "bochs",
    "openstack",
    "virtual machine",
)


@dataclass(frozen=True, slots=True)
class NodeClasses:
    """The operator's lists that classify nodes."""

    virtual_makers: tuple[str, ...] = VIRTUAL_MAKERS  # casefolded
    storage_roles: tuple[str, ...] = STORAGE_ROLES

    def is_virtual(self, server_type: str) -> bool:
        """Whether *server_type*, ``maker product``, contains a name of `virtual_makers`."""
        return any(name in server_type for name in self.virtual_makers)

    def has_compute_and_storage(self, roles: list[str]) -> bool:
        """Whether a node with these *roles* computes and stores."""
        return COMPUTE_ROLE in roles and not set(self.storage_roles).isdisjoint(roles)


def size_of(nodes: int | None) -> str:
    """Return the range of sizes that an environment of so many nodes is in."""
    if nodes is None or nodes < 0:
        return UNKNOWN
    return next((name for end, name in SIZES if nodes < end), LARGEST)


def network_of(cluster: Mapping[str, Any]) -> str:
    """Return ``neutron/SEGMENTATION/PROVIDER``, ``nova-network/MANAGER``, or `UNKNOWN`."""
    network = object_of(cluster.get("network_configuration"))
    segmentation, provider = (
        text_of(network.get("segmentation_type")),
        text_of(network.get("net_l23_provider")),
    )
    if (segmentation, provider) != (UNKNOWN, UNKNOWN):
        return f"neutron/{segmentation}/{provider}"
    manager = text_of(network.get("net_manager"))
    return UNKNOWN if manager == UNKNOWN else f"nova-network/{manager}"


def storage_of(attributes: Mapping[str, Any]) -> str:
    """Return the storage options that are on, sorted and joined by ``+``."""
    return "+".join(sorted(name for name in STORAGE_FLAGS if attributes.get(name) is True)) or NONE


def roles_of(node: Mapping[str, Any]) -> list[str]:
    """Return the distinct roles of a node, sorted."""
    roles = node.get("roles")
    found = {text_of(role) for role in roles if isinstance(role, str)} if isinstance(roles, list) else set()
    return sorted(found - {UNKNOWN})


def server_of(node: Mapping[str, Any]) -> tuple[str, str]:
    """Return the maker of a node, and ``maker product``; the maker alone where no product is known."""
    system = object_of(object_of(node.get("meta")).get("system"))
    maker, product = folded(system.get("manufacturer")), folded(system.get("product"))
    if maker == UNKNOWN:
        maker = folded(node.get("manufacturer"))
    return maker, maker if product == UNKNOWN else f"{maker} {product}"


def nodes_number(cluster: Mapping[str, Any]) -> int | None:
    """Return the number of nodes that an environment declares."""
    return integer_of(cluster.get("nodes_num"))
