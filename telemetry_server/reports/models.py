"""The answers of the API as models, for the OpenAPI document; the table test holds answers against them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class _Open(BaseModel):
    """An object that later versions may add members to."""

    model_config = ConfigDict(extra="allow")


class ProblemBody(_Open):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


class Counts(_Open):
    """Submissions by outcome; received = stored + duplicate + quarantined + pending + deleted."""

    received: int
    stored: int
    duplicate: int
    conflict: int
    quarantined: int
    pending: int
    deleted: int


class Damaged(_Open):
    """Damage found while raw submissions were read."""

    records: int
    bytes: int


class Halt(_Open):
    """Since when conversion stands still, and why."""

    since: str
    reason: str


class Queue(_Open):
    """A queue that is pulled from or pushed to, as its process saw it last."""

    direction: Literal["pull", "push"]
    url: str
    state: Literal["connected", "away", "stopped", "ended"]
    since: str
    detail: str
    messages: int
    lag: int
    position: int
    updated: str


class Status(_Open):
    """The books of `audit --json`, without the recount; lag, disk, version."""

    version: str
    as_of: str
    balanced: bool
    total: Counts
    days: dict[str, Counts]
    damaged: Damaged
    lag_seconds: float
    conversion_halted: Halt | None
    disk_free_bytes: int
    disk_total_bytes: int
    queues: list[Queue]


class Ping(_Open):
    """One submission and its outcome."""

    received_at: str
    document_id: str | None
    outcome: Literal["stored", "duplicate", "quarantined", "pending", "deleted"]
    reason: str | None
    detail: str | None
    namespace: str | None
    doctype: str | None
    application: str | None
    version: str | None
    channel: str | None
    debug_id: str | None


class Pings(_Open):
    """A page of pings, the newest first."""

    items: list[Ping]
    next_cursor: str | None


class ExplainedPing(_Open):
    """One ping as `explain --json` prints it, with `body` or `body_base64` where asked for."""

    document_id: str
    outcome: Literal["stored", "duplicate", "quarantined", "pending", "deleted"]
    reason: str | None
    detail: str | None
    received_at: str | None
    dropped_histograms: list[dict[str, Any]]


class Submissions(_Open):
    """Counts, the newest first; by reason the most frequent first."""

    items: list[dict[str, Any]]
    next_cursor: str | None


class ReasonCount(_Open):
    """Lines in quarantine of one day and reason."""

    day: str
    reason: str
    count: int


class CountOfTime(_Open):
    """Lines in quarantine of one day or hour and one reason."""

    day: str
    hour: str | None
    reason: str
    count: int


class QuarantineCounts(_Open):
    """Counts by day or hour and reason, the newest first."""

    items: list[CountOfTime]
    next_cursor: str | None


class ReplayTrial(_Open):
    """What a replay would do with the newest submissions that were refused for one reason."""

    reason: str
    held: int
    tried: int
    stored: int
    duplicate: int
    unchanged: int
    waiting: int
    now_refused_as: dict[str, int]


class ReplayTrials(_Open):
    """A row for each reason that can be replayed."""

    items: list[ReplayTrial]
    next_cursor: str | None


class QuarantineEntry(_Open):
    """One refused submission, or one dropped histogram."""

    document_id: str | None
    received_at: str
    reason: str
    detail: str | None
    histogram: str | None
    namespace: str | None
    doctype: str | None
    path: str | None


class Quarantine(_Open):
    """Counts by day and reason, and entries, the newest first."""

    counts: list[ReasonCount]
    items: list[QuarantineEntry]
    next_cursor: str | None


class Probe(_Open):
    """One probe, as the last revision in the cache defines it."""

    name: str
    kind: str
    revisions: int
    last_revision: str


class Probes(_Open):
    """A page of probes, by name."""

    items: list[Probe]
    next_cursor: str | None


class ProbeDefinitions(_Open):
    """Every distinct definition of one probe, each with the revisions that have it."""

    name: str
    kind: str
    definitions: list[dict[str, Any]]


class StoreReport(_Open):
    """What came for each store; a metric of several stores is never summed over them."""

    stores: list[dict[str, Any]]
    shared: list[dict[str, Any]]


class Drift(_Open):
    """The rows of `drift --json`, and the number of days that they are from."""

    days: int
    drift: list[dict[str, Any]]


class Uptake(_Open):
    """Runners, actions and recipes by carrier; figures of two carriers are never added."""

    uptake: list[dict[str, Any]]
    anomalies: dict[str, int]


class Recipes(_Open):
    """Recipes by carrier, each with its newest revision."""

    recipes: list[dict[str, Any]]
    anomalies: dict[str, int]


class Studies(_Open):
    """Studies by carrier and object."""

    studies: list[dict[str, Any]]
    anomalies: dict[str, int]


class Statement(BaseModel):
    """One SELECT over the tables."""

    model_config = ConfigDict(extra="forbid")
    sql: str


class Column(_Open):
    """A column of a result."""

    name: str
    type: str


class StatementResult(_Open):
    """The result of a statement."""

    columns: list[Column]
    rows: list[list[Any]]


class JobState(_Open):
    """A long report."""

    id: str
    state: Literal["running", "done", "failed"]
    progress: float
    result: Any
    detail: str | None
