"""The kinds of documents that a collector takes, and the limits of their values."""

from dataclasses import dataclass
from enum import StrEnum


class Doctype(StrEnum):
    """A kind of document, as ``/api/v1/schemas/`` names it."""

    ACTION_LOG = "action-log"
    INSTALLATION_STRUCTURE = "installation-structure"
    OSWL = "oswl"
    OSTF_RUN = "ostf-run"
    FAILURE_REPORT = "failure-report"


class ItemStatus(StrEnum):
    """What became of one item of a request."""

    ADDED = "added"
    EXISTED = "existed"
    UPDATED = "updated"
    SKIPPED = "skipped"
    FAILED = "failed"


RESOURCE_TYPES = (
    "vm",
    "tenant",
    "volume",
    "security_group",
    "keystone_user",
    "flavor",
    "cluster_stats",
    "image",
)
MAX_INTEGER = 2**63 - 1  # of a column of either database
MIN_INTEGER = -(2**63)
MAX_UID_CHARACTERS = 255
MAX_INDEXED_CHARACTERS = 255  # of a copy in an indexed column; the document keeps the whole text


@dataclass(frozen=True, slots=True)
class BatchForm:
    """The form of a request with many items."""

    doctype: Doctype
    list_key: str
    key_names: tuple[str, ...]  # what identifies an item, and comes back in the answer
    statuses: tuple[ItemStatus, ...]


ACTION_LOGS = BatchForm(
    Doctype.ACTION_LOG,
    "action_logs",
    ("master_node_uid", "external_id"),
    (ItemStatus.ADDED, ItemStatus.EXISTED, ItemStatus.FAILED, ItemStatus.SKIPPED),
)
OSWL_STATS = BatchForm(
    Doctype.OSWL,
    "oswl_stats",
    ("master_node_uid", "id"),
    (ItemStatus.ADDED, ItemStatus.UPDATED, ItemStatus.FAILED),
)
OSTF_RUNS = BatchForm(
    Doctype.OSTF_RUN,
    "ostf_runs",
    ("master_node_uid", "cluster_id", "external_id"),
    (ItemStatus.ADDED, ItemStatus.EXISTED, ItemStatus.FAILED),
)
