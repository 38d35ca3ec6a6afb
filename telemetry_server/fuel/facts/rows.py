"""
Facts: what the analytics database keeps of a document, with texts already normalised.

A fact depends on its document alone, so building all facts again gives the same rows.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InstallationFact:
    """One installation."""

    uid: str
    change_number: int
    release: str  # of Fuel
    is_filtered: bool
    last_contact_day: int  # as date.toordinal counts
    environments: int  # the length of the list
    environments_declared: int | None


@dataclass(frozen=True, slots=True)
class ClusterFact:
    """One environment, as its installation lists it."""

    uid: str
    position: int  # in the list
    release: str  # of the installation
    is_filtered: bool
    cluster_id: int | None
    is_last: bool  # of several with one id; the others are not found by the id
    status: str
    is_operable: bool
    mode: str
    os: str
    release_version: str
    hypervisor: str
    network: str
    storage: str
    size: str
    is_customized: bool
    has_sahara: bool
    has_murano: bool
    has_ceilometer: bool
    has_heat: bool
    has_ironic: bool


@dataclass(frozen=True, slots=True)
class NodeFact:
    """One node of an environment."""

    uid: str
    cluster_position: int
    position: int
    release: str
    is_filtered: bool
    is_operable: bool  # the environment
    maker: str
    server_type: str
    is_virtual: bool
    roles: str  # sorted, joined by "+"
    has_compute_and_storage: bool


@dataclass(frozen=True, slots=True)
class RoleFact:
    """One role of a node."""

    uid: str
    cluster_position: int
    position: int
    role: str
    release: str
    is_filtered: bool
    is_operable: bool


@dataclass(frozen=True, slots=True)
class CategoryFact:
    """How often a value of a category of collected data occurs in one installation."""

    uid: str
    category: str
    value: str
    release: str
    is_filtered: bool
    count: int


@dataclass(frozen=True, slots=True)
class InstallationFacts:
    """All facts of one installation."""

    installation: InstallationFact
    clusters: tuple[ClusterFact, ...]
    nodes: tuple[NodeFact, ...]
    roles: tuple[RoleFact, ...]
    categories: tuple[CategoryFact, ...]


@dataclass(frozen=True, slots=True)
class OperationFact:
    """One operation."""

    uid: str
    external_id: int
    change_number: int
    action_type: str
    action_name: str
    cluster_id: int | None
    attempt: str | None  # "deploy" or "deployment", where it is a top-level attempt to deploy
    status: str
    start_day: str
    ended_us: int | None  # microseconds since 1970
    seconds: float | None


@dataclass(frozen=True, slots=True)
class WorkloadFact:
    """The resources of one type in one environment since one day."""

    uid: str
    external_id: int
    change_number: int
    cluster_id: int
    resource_type: str
    created_day: int  # as date.toordinal counts
    resources: int  # without removed ones


@dataclass(frozen=True, slots=True)
class TestResultFact:
    """The result of one health check in one run."""

    uid: str
    cluster_id: int
    external_id: int
    position: int
    change_number: int
    test: str
    status: str
    ended_us: int | None
