"""
The catalogue of metrics, counted in each process and summed when read.

Counts are stored in small memory-mapped files, one set per process, in a directory
that `prepare_directory` empties at the start of a server; `exposition` adds them
up.  Without that call (a `convert` by hand) they stay in the memory of the process.
prometheus_client is imported at the first use of a metric, because the import
decides where it stores its numbers.
"""

import os
import shutil
import stat
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from typing import Any

from telemetry_server.observability.metric_families import MetricFamilies
from telemetry_server.observability.metric_types import (
    MAX_LABEL_VALUES,
    OTHER,
    Counter,
    Gauge,
    Histogram,
    Metric,
    forget_registry,
    own_registry,
)

__all__ = ["MAX_LABEL_VALUES", "OTHER"]
DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - files there are private and checked


def bounded_label(value: str, allowed: Collection[str]) -> str:
    """Return *value* if it is one of *allowed*, otherwise ``OTHER``."""
    return value if value in allowed else OTHER


submissions_received = Counter(
    "telemetry_submissions_received_total", "Submissions answered 200, by namespace.", ("namespace",)
)
responses = Counter("telemetry_responses_total", "Answers of the edge, by status code.", ("code",))
pings_stored = Counter(
    "telemetry_pings_stored_total",
    "Pings that became records, by namespace and doctype.",
    ("namespace", "doctype"),
)
pings_quarantined = Counter(
    "telemetry_pings_quarantined_total", "Submissions put in quarantine, by reason.", ("reason",)
)
pings_duplicate = Counter("telemetry_pings_duplicate_total", "Pings whose id was stored before.")
pings_deleted = Counter(
    "telemetry_pings_deleted_total",
    "Submissions of clients or documents that were deleted by an order before.",
)
deletion_orders_waiting = Gauge(
    "telemetry_deletion_orders_waiting", "Deletion orders that are not carried out yet."
)
histograms_kept = Counter("telemetry_histograms_kept_total", "Histograms stored.")
histograms_dropped = Counter(
    "telemetry_histograms_dropped_total", "Histograms that their ping is stored without.", ("reason",)
)
commit_seconds = Histogram(
    "telemetry_commit_seconds",
    "Time from a batch's write to the end of its sync.",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
commit_batch_size = Histogram(
    "telemetry_commit_batch_size",
    "Submissions that shared one sync.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
)
anomalies = Counter(
    "telemetry_anomalies_total",
    "Values and pings that break a definition or a rule and are kept, by name of the mark.",
    ("name",),
)
convert_lag_seconds = Gauge(
    "telemetry_convert_lag_seconds",
    "Age of the oldest submission that waits to be read or for definitions, or of a halt; 0 if none does.",
)
convert_halted = Gauge(
    "telemetry_convert_halted", "1 while conversion is halted, else 0; doctor and /__heartbeat__ say why."
)
tables_commit_seconds = Histogram(
    "telemetry_tables_commit_seconds",
    "Time to commit rows to the tables, while conversion waits.",
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
tables_waiting_rows = Gauge(
    "telemetry_tables_waiting_rows", "Rows of stored pings that are on their way into the tables."
)
fuel_items = Counter(
    "telemetry_fuel_items_total", "Items of Fuel requests, by doctype and outcome.", ("doctype", "status")
)
fuel_redactions = Counter(
    "telemetry_fuel_redactions_total", "Private values taken out of Fuel documents, by kind.", ("kind",)
)
fuel_signatures = Counter(
    "telemetry_fuel_signatures_total", "Signatures of Fuel requests, by result of the check.", ("result",)
)
fuel_commit_seconds = Histogram(
    "telemetry_fuel_commit_seconds",
    "Time of a transaction of the Fuel collector.",
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
fuel_replica_lag_seconds = Gauge(
    "telemetry_fuel_replica_lag_seconds",
    "How far the replica of the Fuel collector's database is behind; -1 if it does not answer.",
)
fuel_etl_documents = Counter(
    "telemetry_fuel_etl_documents_total", "Documents that the ETL made facts of, by table.", ("table",)
)
fuel_etl_time = Gauge(
    "telemetry_fuel_etl_time_seconds", "When the facts of the Fuel reports were last complete, as Unix time."
)
fuel_messages = Counter(
    "telemetry_fuel_messages_total",
    "Messages about Fuel failures, by result: sent, failed (tried again), given_up, held (for a digest).",
    ("result",),
)
fuel_messages_open = Gauge("telemetry_fuel_messages_open", "Messages about Fuel failures that wait.")
fuel_messages_given_up = Gauge(
    "telemetry_fuel_messages_given_up", "Messages about Fuel failures that were given up after all retries."
)
raw_bytes = Gauge("telemetry_raw_bytes", "Bytes in raw/.")
specs_fetches = Counter(
    "telemetry_specs_fetches_total",
    "Requests for definitions to the revision server, by result.",
    ("result",),
)
reports_requests = Counter(
    "telemetry_reports_requests_total", "Answers of the reports, by route and status code.", ("route", "code")
)
reports_request_seconds = Histogram(
    "telemetry_reports_request_seconds",
    "Time from a request of the reports to its answer.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
reports_queries = Counter(
    "telemetry_reports_queries_total",
    "Queries of the reports, by result: answered, refused, stopped, cancelled, failed, busy.",
    ("result",),
)
queue_messages = Counter(
    "telemetry_queue_messages_total",
    "Messages pulled, by result: received, faulty (they go to quarantine), other_share, repeated.",
    ("result",),
)
queue_connected = Gauge(
    "telemetry_queue_connected", "1 while the broker is connected, else 0; doctor says why.", ("direction",)
)
queue_lag_messages = Gauge(
    "telemetry_queue_lag_messages",
    "Messages that wait: in the queue to be pulled, or in raw/ to be pushed.",
    ("direction",),
)
queue_position = Gauge(
    "telemetry_queue_position", "Sum of the positions in all partitions of the queue.", ("direction",)
)
archive_waiting_days = Gauge(
    "telemetry_archive_waiting_days",
    "Closed days that are not in the archive, or changed after they were copied.",
)
archive_runs = Counter(
    "telemetry_archive_runs_total", "Runs of the archive, by result: done, failed (tried again).", ("result",)
)

CATALOGUE: tuple[Metric, ...] = (
    submissions_received,
    responses,
    pings_stored,
    pings_quarantined,
    pings_duplicate,
    pings_deleted,
    deletion_orders_waiting,
    histograms_kept,
    histograms_dropped,
    anomalies,
    commit_seconds,
    commit_batch_size,
    convert_lag_seconds,
    convert_halted,
    tables_commit_seconds,
    tables_waiting_rows,
    raw_bytes,
    specs_fetches,
    reports_requests,
    reports_request_seconds,
    reports_queries,
    fuel_items,
    fuel_redactions,
    fuel_signatures,
    fuel_commit_seconds,
    fuel_replica_lag_seconds,
    fuel_etl_documents,
    fuel_etl_time,
    fuel_messages,
    fuel_messages_open,
    fuel_messages_given_up,
    queue_messages,
    queue_connected,
    queue_lag_messages,
    queue_position,
    archive_waiting_days,
    archive_runs,
)


def directory_for(data_dir: Path, port: int) -> Path:
    """
    Return the directory for the counts of the server on *data_dir* and *port*; each server has its own.

    It is in shared memory if possible, otherwise below ``state/``: on a full disk,
    writing to a memory-mapped file kills the process.
    """
    server = f"{data_dir.resolve()}:{port}"
    name = f"telemetry-server-{os.getuid()}-{sha256(os.fsencode(server)).hexdigest()[:16]}"
    usable = SHARED_MEMORY.is_dir() and os.access(SHARED_MEMORY, os.W_OK | os.X_OK)
    return SHARED_MEMORY / name if usable else data_dir / "state" / f"metrics-{port}"


def prepare_directory(path: Path) -> None:
    """
    Empty *path*, and store the counts of this process and its forks there.

    Call it once, at the start of a server, before anything is counted.

    Raises:
        PermissionError: *path* belongs to another user, or is a link.
    """
    if path.is_symlink():
        raise PermissionError(f"{path} is a link: remove it")
    if path.exists() and path.stat().st_uid != os.getuid():
        raise PermissionError(f"{path} belongs to another user: remove it")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=stat.S_IRWXU, parents=True)
    os.environ[DIRECTORY_VARIABLE] = str(path)
    from prometheus_client import values

    # The library chose its storage when it was imported, which may have been earlier.
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
    for metric in CATALOGUE:
        metric._object = None
    forget_registry()
    for metric in CATALOGUE:
        metric.touch()


def remove_directory(path: Path) -> None:
    """Remove the directory of `prepare_directory`, at the end of a server."""
    shutil.rmtree(path, ignore_errors=True)


def process_ended(pid: int) -> None:
    """Remove the gauges of the ended process *pid*; its counts stay."""
    directory = os.environ.get(DIRECTORY_VARIABLE)
    if directory:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(pid, directory)  # type: ignore[no-untyped-call]


def exposition() -> bytes:
    """Return the metrics of all processes in Prometheus' text format.  Reads files, so it blocks."""
    from prometheus_client import CollectorRegistry, generate_latest, multiprocess

    for metric in CATALOGUE:
        metric.touch()
    if not os.environ.get(DIRECTORY_VARIABLE):
        return generate_latest(own_registry())
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    found: Any = MetricFamilies(registry)
    return generate_latest(found) + _never_counted(found)


def _never_counted(found: MetricFamilies) -> bytes:
    """Return the HELP and TYPE lines of metrics without series, so that a scrape lists them."""
    shown = {family.name for family in found.collect()}
    lines = []
    for metric in CATALOGUE:
        if metric.name.removesuffix("_total") not in shown:
            lines.append(f"# HELP {metric.name} {metric.help_text}\n# TYPE {metric.name} {metric.kind}\n")
    return "".join(lines).encode()
