"""
The columns of the CSV files, by the dotted paths that Fuel's analysts know.

A tree has a name for each object's key; `VALUE` is a cell, `LENGTH` the length of a list, and `Spread` gives
the first entries of a list columns of their own.  The contact is not among the columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_ENTRIES = 5  # of a list, where nothing else is said
MORE_ENTRIES = 10


@dataclass(frozen=True, slots=True)
class Value:
    """One cell; a list is joined by spaces."""


@dataclass(frozen=True, slots=True)
class Length:
    """One cell with the length of a list."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Cells for each of the first entries of a list."""

    entry: "Tree"
    entries: int = MOST_ENTRIES


Tree = Value | Length | Spread | Mapping[str, Any]
VALUE, LENGTH, VALUES = Value(), Length(), Spread(Value())


def _values(names: str) -> dict[str, Tree]:
    return dict.fromkeys(names.split(), VALUE)


_ATTRIBUTES = _values(
    "assign_public_to_all_nodes auto_assign_floating_ip ceilometer corosync_verified debug_mode"
    " ephemeral_ceph external_mongo_replset external_ntp_list heat images_ceph images_vcenter ironic"
    " iser kernel_params libvirt_type mellanox mellanox_vf_num mongo murano murano-cfapi"
    " murano_glance_artifacts_plugin neutron_dvr neutron_l2_pop neutron_l3_ha neutron_qos nova_quota"
    " nsx nsx_replication nsx_transport objects_ceph osd_pool_size provision_method"
    " public_ssl_cert_source public_ssl_horizon public_ssl_services puppet_debug repos"
    " resume_guests_state_on_host_boot sahara syslog_transport task_deploy use_cow_images"
    " volumes_block_device vcenter vlan_splinters vlan_splinters_ovs volumes_ceph volumes_lvm"
    " volumes_vmdk workloads_collector_enabled"
)
_OFFLOADING_MODE = {
    **_values("state name"),
    "sub": Spread(_values("state name")),
}
_INTERFACE = {
    **_values("pxe name driver state max_speed current_speed"),
    "offloading_modes": Spread(_OFFLOADING_MODE),
    "interface_properties": {
        **_values("mtu numa_node disable_offloading"),
        "sriov": _values("available enabled physnet sriov_numvfs sriov_totalvfs"),
        "dpdk": _values("enabled"),
    },
}
_META = {
    "cpu": {**_values("real total"), "spec": Spread(_values("frequency model"), MORE_ENTRIES)},
    "memory": {
        **_values("slots total maximum_capacity"),
        "devices": Spread(_values("frequency type size"), MORE_ENTRIES),
    },
    "disks": Spread(_values("name removable model size"), MORE_ENTRIES),
    "system": _values("product family version manufacturer"),
    "interfaces": Spread(_INTERFACE),
    "numa_topology": {
        "numa_nodes": Spread({**_values("memory id"), "cpus": LENGTH}),
        "supported_hugepages": VALUES,
        "distances": VALUES,
    },
}
CLUSTER: Tree = {
    "attributes": _ATTRIBUTES,
    "vmware_attributes": _values("vmware_az_cinder_enable vmware_az_nova_computes_num"),
    **_values("fuel_version id is_customized mode net_provider nodes_num status"),
    "node_groups": Spread(_values("id")),
    "network_configuration": _values(
        "segmentation_type net_l23_provider net_manager fixed_networks_vlan_start fixed_network_size"
        " fixed_networks_amount"
    ),
    "release": _values("name os"),
}
NODE: Tree = {
    "bond_interfaces": LENGTH,
    "nic_interfaces": LENGTH,
    **_values("group_id id online os pending_addition pending_deletion status"),
    "roles": VALUES,
    "pending_roles": VALUES,
    "meta": _META,
}
PLUGIN: Tree = {
    **_values("name version fuel_version package_version is_hotpluggable"),
    "groups": VALUES,
    "licenses": VALUES,
}
INSTALLATION: Tree = {
    "structure": {
        **_values("allocated_nodes_num clusters_num unallocated_nodes_num"),
        "fuel_release": {**_values("api build_id build_number release"), "feature_groups": VALUES},
        "fuel_packages": VALUES,
    },
    **_values("master_node_uid modification_date creation_date"),
}
# What a row of a node or plugin says about its environment and installation, in this order.
CLUSTER_OF_ROW = ("cluster_id", "cluster_fuel_version")
INSTALLATION_OF_ROW = ("master_node_uid", "structure.fuel_packages")
VERIFICATION_COLUMN = "verify_networks_status"
WORKLOAD: Tree = {
    **_values("master_node_uid cluster_id stats_on_date resource_type"),
    "version_info": _values("fuel_version release_version release_os release_name environment_version"),
}
RESOURCES: dict[str, Tree] = {
    "vm": _values("id status tenant_id host_id created_at power_state flavor_id image_id"),
    "flavor": _values("id ram vcpus ephemeral disk swap"),
    "volume": {
        **_values(
            "id availability_zone encrypted_flag bootable_flag status volume_type size snapshot_id tenant_id"
        ),
        "attachments": LENGTH,
    },
    "image": _values("id minDisk minRam sizeBytes created_at updated_at"),
    "tenant": _values("id enabled_flag"),
    "keystone_user": _values("id enabled_flag tenant_id"),
}
FLAGS = ("is_added", "is_modified", "is_removed")


def column_names(tree: Tree, path: Sequence[str] = ()) -> list[str]:
    """Return the dotted paths of all cells of *tree*; keys are sorted."""
    if isinstance(tree, Value):
        return [".".join(path)]
    if isinstance(tree, Length):
        return [".".join((*path, "count"))]
    if isinstance(tree, Spread):
        return [name for n in range(tree.entries) for name in column_names(tree.entry, (*path, str(n)))]
    return [name for key in sorted(tree) for name in column_names(tree[key], (*path, key))]


def width_of(tree: Tree) -> int:
    """Return the number of cells of *tree*."""
    if isinstance(tree, Value | Length):
        return 1
    if isinstance(tree, Spread):
        return tree.entries * width_of(tree.entry)
    return sum(width_of(inner) for inner in tree.values())
