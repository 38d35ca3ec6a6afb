"""The reports by name: what each is headed, what it says, and whether days count for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReportName:
    """How a report is named."""

    title: str
    summary: str
    has_span: bool = False  # operations, runs or days of a span; else the present state


DISTRIBUTION = "distribution"
NAMES: dict[str, ReportName] = {
    "os": ReportName("Operating systems", "Operable environments by operating system."),
    "releases": ReportName(
        "Releases", "Installations by release of Fuel, environments by that of OpenStack."
    ),
    "deployment-time": ReportName(
        "Deployment time", "How long successful deployments take, in seconds.", has_span=True
    ),
    "server-types": ReportName("Server types", "All nodes by maker and product, virtual or physical."),
    "failures-before-success": ReportName(
        "Failures before success", "How often deploying fails before it succeeds.", has_span=True
    ),
    "node-types": ReportName("Node types", "Nodes of operable environments by their roles, also combined."),
    "health-checks": ReportName(
        "Health checks", "How often each test of an environment fails.", has_span=True
    ),
    "hypervisors": ReportName("Hypervisors", "Operable environments by hypervisor."),
    "statuses": ReportName("Statuses", "Environments by status."),
    "storage": ReportName("Storage", "Environments by the storage options that are on."),
    "networks": ReportName("Networks", "Environments by type of network."),
    "environments": ReportName("Environments", "Installations by number of environments."),
    "environment-sizes": ReportName("Sizes of environments", "Operable environments by number of nodes."),
    "projects": ReportName(
        "Related projects", "Environments with Sahara, Murano, Ceilometer, Heat or Ironic."
    ),
    "network-verification": ReportName(
        "Network verification",
        "Environments by the result of their last network verification.",
        has_span=True,
    ),
    "customisation": ReportName("Customisation", "Environments with manual changes."),
    "workload": ReportName(
        "Workload", "Virtual machines, volumes and other resources by day.", has_span=True
    ),
    DISTRIBUTION: ReportName(
        "Distribution of a category",
        "How often each value of one category of collected data occurs.",
        has_span=True,
    ),
}
