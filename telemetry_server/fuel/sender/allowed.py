"""
The list of what may leave an installation.  Nothing that is not on it is sent.

Every entry has a shape, a sensitivity, and the name of who reviewed it; `describe` prints it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from telemetry_server.fuel.sender import shapes
from telemetry_server.fuel.sender.shapes import Pseudonyms, Shape


class Sensitivity(StrEnum):
    """How near a value comes to a person or a secret."""

    COUNT = "count"  # numbers, flags, moments
    CONFIGURATION = "configuration"  # names that code gives
    HARDWARE = "hardware"  # products
    PERSONAL = "personal"  # only with the contact, which the user has given
    PSEUDONYM = "pseudonym"  # equal values stay equal, the value is not shown


@dataclass(frozen=True, slots=True)
class Allowed:
    """A value that may be sent."""

    shape: Shape
    sensitivity: Sensitivity
    reviewer: str = "maintainers"


@dataclass(frozen=True, slots=True)
class Each:
    """A list, with what may be sent of each element."""

    element: "Tree"


# Names to what is below them.
Tree = Allowed | Each | Mapping[str, Any]


def _counts(shape: Shape) -> Allowed:
    return Allowed(shape, Sensitivity.COUNT)


NUMBER = _counts(shapes.number)
NUMBER_OR_NULL = _counts(shapes.number_or_null)
FLAG = _counts(shapes.flag)
IS_SET = _counts(shapes.is_set)
COUNT = _counts(shapes.count)
MOMENT = _counts(shapes.moment)
MOMENT_OR_NULL = _counts(shapes.or_null(shapes.moment))
DAY_TIME = _counts(shapes.day_time)
WORD = Allowed(shapes.word, Sensitivity.CONFIGURATION)
WORD_OR_NULL = Allowed(shapes.or_null(shapes.word), Sensitivity.CONFIGURATION)
CONSTANT = Allowed(shapes.constant, Sensitivity.CONFIGURATION)
VERSION = Allowed(shapes.version, Sensitivity.CONFIGURATION)
WORD_OR_VERSION = Allowed(shapes.word_or_version, Sensitivity.CONFIGURATION)
VERSION_OR_NULL = Allowed(shapes.or_null(shapes.word_or_version), Sensitivity.CONFIGURATION)
PACKAGE = Allowed(shapes.package, Sensitivity.CONFIGURATION)
HEXADECIMAL = Allowed(shapes.hexadecimal, Sensitivity.CONFIGURATION)
PRODUCT = Allowed(shapes.product, Sensitivity.HARDWARE)
PRODUCT_OR_NULL = Allowed(shapes.or_null(shapes.product), Sensitivity.HARDWARE)
UUID_OR_NULL = Allowed(shapes.or_null(shapes.uuid), Sensitivity.PSEUDONYM)
HEXADECIMAL_OR_NULL = Allowed(shapes.or_null(shapes.hexadecimal), Sensitivity.PSEUDONYM)
PATH = Allowed(shapes.path, Sensitivity.CONFIGURATION)
STATUS_LINE = Allowed(shapes.status_line, Sensitivity.COUNT)
TEST_NAME = Allowed(shapes.test_name, Sensitivity.CONFIGURATION)

_LOG = {
    "id": NUMBER,
    "actor_id": HEXADECIMAL_OR_NULL,
    "action_group": WORD,
    "action_name": WORD,
    "action_type": WORD,
    "client": WORD,
    "start_timestamp": MOMENT,
    "is_sent": FLAG,
    "cluster_id": NUMBER_OR_NULL,
    "task_uuid": UUID_OR_NULL,
}
HTTP_REQUEST = _LOG | {
    "end_timestamp": MOMENT,
    "additional_info": {
        "request_data": {"http_method": CONSTANT, "url": PATH, "cluster_id": NUMBER_OR_NULL},
        "response_data": {"status": STATUS_LINE},
    },
}
TASK = _LOG | {
    "end_timestamp": MOMENT_OR_NULL,
    "additional_info": {
        "parent_task_id": NUMBER_OR_NULL,
        "subtasks_ids": Each(NUMBER),
        "operation": WORD,
        "nodes_from_resp": Each(NUMBER),
        "ended_with_status": WORD,
        # `output` is allowed by the name of the task: `TASK_OUTPUTS`.
    },
}
# What may be sent of a task's output, by its name; of a task that is not here, nothing.
TASK_OUTPUTS: Mapping[str, Tree] = {
    "capacity_log": {
        "environment_stats": Each({"nodes": NUMBER}),
        "allocation_stats": {"allocated": NUMBER, "unallocated": NUMBER},
        "roles_stat": {"*": NUMBER},
        "fuel_data": {"release": VERSION},
    },
    "verify_networks": {"nodes_checked": NUMBER, "errors": COUNT},
    "check_networks": {"errors": COUNT},
}
_CPU = {"total": NUMBER, "real": NUMBER, "spec": Each({"model": PRODUCT, "frequency": NUMBER})}
_NODE = {
    "id": NUMBER,
    "roles": Each(WORD),
    "pending_roles": Each(WORD),
    "status": WORD,
    "os": WORD_OR_VERSION,
    "manufacturer": PRODUCT,
    "online": FLAG,
    "pending_addition": FLAG,
    "pending_deletion": FLAG,
    "error_type": WORD,
    "group_id": NUMBER,
    "meta": {
        "cpu": _CPU,
        "memory": {"total": NUMBER, "slots": NUMBER, "maximum_capacity": NUMBER},
        "disks": Each({"size": NUMBER, "removable": FLAG}),
        "interfaces": COUNT,
        "system": {"manufacturer": PRODUCT, "product": PRODUCT, "family": PRODUCT, "version": PRODUCT},
    },
}
_ATTRIBUTES = {
    "libvirt_type": WORD,
    **dict.fromkeys(("heat", "ironic", "murano", "sahara", "ceilometer", "mongo", "aodh"), FLAG),
    **dict.fromkeys(
        (
            "volumes_lvm",
            "volumes_ceph",
            "images_ceph",
            "objects_ceph",
            "ephemeral_ceph",
            "iser",
            "images_vcenter",
        ),
        FLAG,
    ),
    **dict.fromkeys(
        ("debug", "puppet_debug", "auto_assign_floating_ip", "nova_quota", "resume_guests"), FLAG
    ),
    **dict.fromkeys(("vlan_splinters", "use_cow_images", "public_network_assignment", "task_deploy"), FLAG),
    "osd_pool_size": NUMBER,
    "mongo_replset_name_set": IS_SET,
    "ntp_list": IS_SET,
    "corosync_verified": FLAG,
}
_NETWORK = {
    "segmentation_type": WORD,
    "net_l23_provider": WORD,
    "net_manager": Allowed(shapes.product, Sensitivity.CONFIGURATION),
    "fixed_networks_vlan_start": NUMBER_OR_NULL,
    "fixed_network_size": NUMBER,
    "fixed_networks_amount": NUMBER,
}
STRUCTURE = {
    "clusters_num": NUMBER,
    "allocated_nodes_num": NUMBER,
    "unallocated_nodes_num": NUMBER,
    "fuel_release": {
        "release": VERSION,
        "api": VERSION,
        "feature_groups": Each(WORD),
        "build_id": WORD_OR_VERSION,
        **dict.fromkeys(
            ("ostf_sha", "fuel-ostf_sha", "astute_sha", "nailgun_sha", "fuellib_sha", "fuel-library_sha"),
            HEXADECIMAL,
        ),
        **dict.fromkeys(("python-fuelclient_sha", "fuelmain_sha"), HEXADECIMAL),
    },
    "fuel_packages": Each(PACKAGE),
    "clusters": Each(
        {
            "id": NUMBER,
            "mode": WORD,
            "status": WORD,
            "nodes_num": NUMBER,
            "is_customized": FLAG,
            "fuel_version": VERSION,
            "net_provider": WORD,
            "release": {"version": VERSION, "os": WORD_OR_VERSION, "name": PRODUCT},
            "attributes": _ATTRIBUTES,
            "network_configuration": _NETWORK,
            "node_groups": Each({"id": NUMBER}),
            "nodes": Each(_NODE),
            "installed_plugins": Each(
                {
                    "id": NUMBER,
                    "name": WORD,
                    "version": VERSION,
                    "package_version": VERSION,
                    "releases": COUNT,
                }
            ),
        }
    ),
}
VERSION_INFO = {
    "fuel_version": VERSION_OR_NULL,
    "release_version": VERSION_OR_NULL,
    "release_name": PRODUCT_OR_NULL,
    "release_os": VERSION_OR_NULL,
    "environment_version": VERSION_OR_NULL,
}


def resource_fields(pseudonyms: Pseudonyms) -> dict[str, dict[str, Tree]]:
    """Return what may be sent of a resource, by its type."""
    identifier = Allowed(pseudonyms.identifier, Sensitivity.PSEUDONYM)
    identifiers = ("tenant_id", "host_id", "flavor_id", "image_id")
    common: dict[str, Tree] = {"id": identifier, "time": DAY_TIME}
    return {
        "vm": common
        | {"status": CONSTANT, "created_at": MOMENT, "power_state": NUMBER}
        | dict.fromkeys(identifiers, identifier),
        "flavor": common | dict.fromkeys(("ram", "vcpus", "ephemeral", "disk", "swap"), NUMBER),
        "image": common
        | dict.fromkeys(("minDisk", "minRam", "sizeBytes"), NUMBER)
        | dict.fromkeys(("created_at", "updated_at"), MOMENT),
        "volume": common
        | {
            "availability_zone": WORD,
            "encrypted_flag": FLAG,
            "bootable_flag": FLAG,
            "status": WORD,
            "volume_type": WORD,
            "size": NUMBER,
            "snapshot_id": identifier,
            "tenant_id": identifier,
            "attachments": Each({"device": PATH, "server_id": identifier, "id": identifier}),
        },
        "tenant": common | {"enabled_flag": FLAG},
        "keystone_user": common | {"enabled_flag": FLAG, "tenant_id": identifier},
        "security_group": common,
        "cluster_stats": common,
    }


# To support, with the contact, when an operation has failed.
FAILURE_REPORT: dict[str, Tree] = {
    "report_id": Allowed(shapes.uuid, Sensitivity.PSEUDONYM),
    "occurred_at": MOMENT,
    "cluster_id": NUMBER_OR_NULL,
    "operation": WORD_OR_NULL,
    "external_id": NUMBER_OR_NULL,
    "error": {
        "type": WORD_OR_NULL,
        # What the product or a person wrote for support; the second net works on it.
        "summary": Allowed(shapes.or_null(shapes.text), Sensitivity.PERSONAL),
        "failed_nodes": Each({"id": NUMBER_OR_NULL, "roles": Each(WORD), "error_type": WORD_OR_NULL}),
    },
    "environment": {
        "release": VERSION_OR_NULL,
        "os": VERSION_OR_NULL,
        "mode": WORD_OR_NULL,
        "nodes_num": NUMBER_OR_NULL,
    },
}
OSTF_RUN = {
    "cluster_id": NUMBER,
    "external_id": NUMBER,
    "testset": WORD,
    "started_at": MOMENT_OR_NULL,
    "ended_at": MOMENT_OR_NULL,
    "status": WORD,
    "fuel_version": VERSION_OR_NULL,
    "tests": Each({"id": TEST_NAME, "status": WORD, "taken_s": NUMBER_OR_NULL, "step": NUMBER_OR_NULL}),
}
