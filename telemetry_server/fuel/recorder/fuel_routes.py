"""Which requests are recorded: the operations of Fuel's API by default, or a product's own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

RECORDED_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
CLUSTER = r"/api(?:/v1)?/clusters/(?P<cluster_id>[0-9]+)"


@dataclass(frozen=True, slots=True)
class RecordedRoute:
    """
    Requests that are one kind of operation.

    *pattern* is searched in the whole path; its group ``cluster_id``, if it has one, is the environment.
    """

    group: str
    name: str
    pattern: str
    methods: frozenset[str] = RECORDED_METHODS

    def matches(self, method: str, path: str) -> re.Match[str] | None:
        """Return the match of a request; None if it is another operation."""
        return re.fullmatch(self.pattern, path.rstrip("/")) if method in self.methods else None


def _of_cluster(group: str, **patterns: str) -> list[RecordedRoute]:
    return [RecordedRoute(group, name, CLUSTER + pattern) for name, pattern in patterns.items()]


FUEL_ROUTES: Sequence[RecordedRoute] = (
    *_of_cluster(
        "cluster_changes",
        deploy_changes="/changes",
        provision="/provision",
        deploy="/deploy",
        stop_deployment="/stop_deployment",
        reset="/reset",
        update="/update",
    ),
    RecordedRoute("cluster_changes", "cluster_collection", r"/api(?:/v1)?/clusters"),
    *_of_cluster("cluster_changes", cluster_instance=""),
    *_of_cluster(
        "network_configuration",
        nova_network="/network_configuration/nova_network",
        neutron="/network_configuration/neutron",
    ),
    *_of_cluster(
        "network_verification",
        nova_network_verify="/network_configuration/nova_network/verify",
        neutron_verify="/network_configuration/neutron/verify",
    ),
    *_of_cluster("cluster_attributes", attributes="/attributes", attributes_defaults="/attributes/defaults"),
    *_of_cluster(
        "orchestrator",
        provisioning_info="/orchestrator/provisioning",
        deployment_info="/orchestrator/deployment",
    ),
    RecordedRoute("master_node_settings", "master_node_settings", r"/api(?:/v1)?/settings"),
    RecordedRoute("release_changes", "release_collection", r"/api(?:/v1)?/releases"),
    RecordedRoute("release_changes", "release_instance", r"/api(?:/v1)?/releases/[0-9]+"),
    RecordedRoute("tasks_changes", "task_collection", r"/api(?:/v1)?/tasks"),
    RecordedRoute("tasks_changes", "task_instance", r"/api(?:/v1)?/tasks/[0-9]+"),
)
# The group of each of Fuel's background tasks.
TASK_GROUPS = {
    **dict.fromkeys(
        (
            "deploy",
            "deployment",
            "provision",
            "dry_run_deployment",
            "update",
            "stop_deployment",
            "reset_environment",
            "node_deletion",
            "cluster_deletion",
        ),
        "cluster_changes",
    ),
    **dict.fromkeys(
        (
            "check_networks",
            "verify_networks",
            "check_dhcp",
            "multicast_verification",
            "check_before_deployment",
        ),
        "cluster_checking",
    ),
    **dict.fromkeys(("dump", "capacity_log"), "operations"),
    **dict.fromkeys(("create_stats_user", "remove_stats_user"), "statistics"),
}
