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

OTHER = "OTHER"
MAX_LABEL_VALUES = 50  # per label; further values become OTHER
DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - files there are private and checked


def bounded_label(value: str, allowed: Collection[str]) -> str:
    """Return *value* if it is one of *allowed*, otherwise ``OTHER``."""
    return value if value in allowed else OTHER


class _Metric:
    """A metric of the catalogue; its prometheus_client object is made at the first use."""

    kind = ""

    def __init__(self, name: str, help_text: str, labels: tuple[str, ...] = (), **options: Any) -> None:
        self.name = name  # as scraped, including `_total`
        self.help_text = help_text
        self.labels = labels
        self._options = options
        self._object: Any = None
        self._seen: tuple[set[str], ...] = tuple(set() for _ in labels)

    def touch(self) -> Any:
        """Return the prometheus_client object; a metric without labels is exposed as 0 from now on."""
        if self._object is None:
            import prometheus_client

            factory = getattr(prometheus_client, self.kind.capitalize())
            self._object = factory(
                self.name, self.help_text, self.labels, registry=_registry(), **self._options
            )
        return self._object

    def _child(self, values: tuple[str, ...]) -> Any:
        if len(values) != len(self.labels):
            raise TypeError(f"{self.name} takes the labels {self.labels}, not {values}")
        if not values:
            return self.touch()
        bounded = []
        for seen, value in zip(self._seen, values, strict=True):
            if value not in seen and len(seen) >= MAX_LABEL_VALUES:
                bounded.append(OTHER)
                continue
            seen.add(value)
            bounded.append(value)
        return self.touch().labels(*bounded)


class Counter(_Metric):
    """A count that only grows."""

    kind = "counter"

    def count(self, *labels: str, amount: float = 1) -> None:
        """Add *amount* under the *labels*, which come from closed lists."""
        self._child(labels).inc(amount)


class Gauge(_Metric):
    """A current value; the newest report of all processes counts."""

    kind = "gauge"

    def __init__(self, name: str, help_text: str, labels: tuple[str, ...] = ()) -> None:
        super().__init__(name, help_text, labels, multiprocess_mode="mostrecent")

    def report(self, value: float, *labels: str) -> None:
        """Set the current *value*."""
        self._child(labels).set(value)


class Histogram(_Metric):
    """A distribution of measurements."""

    kind = "histogram"

    def __init__(
        self, name: str, help_text: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()
    ) -> None:
        super().__init__(name, help_text, labels, buckets=buckets)

    def observe(self, value: float, *labels: str) -> None:
        """Add one measurement."""
        self._child(labels).observe(value)


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

CATALOGUE: tuple[_Metric, ...] = (
    submissions_received,
    responses,
    pings_stored,
    pings_quarantined,
    pings_duplicate,
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
)

_own_registry: Any = None


def _registry() -> Any:
    global _own_registry  # noqa: PLW0603 - one per process, as the library has it
    if _own_registry is None:
        import prometheus_client

        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        _own_registry = prometheus_client.CollectorRegistry()
    return _own_registry


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
    global _own_registry  # noqa: PLW0603
    _own_registry = None
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
        return generate_latest(_registry())
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return _generate(registry) + _never_counted(registry)


def _generate(registry: Any) -> bytes:
    from prometheus_client import generate_latest

    for attempt in range(3):
        try:
            return generate_latest(registry)
        except (RuntimeError, FileNotFoundError):
            # Another process was adding a series to its file at the same time.
            if attempt == 2:
                raise
    raise AssertionError


def _never_counted(registry: Any) -> bytes:
    """Return the HELP and TYPE lines of metrics without series, so that a scrape lists them."""
    shown = {family.name for family in registry.collect()}
    lines = []
    for metric in CATALOGUE:
        if metric.name.removesuffix("_total") not in shown:
            lines.append(f"# HELP {metric.name} {metric.help_text}\n# TYPE {metric.name} {metric.kind}\n")
    return "".join(lines).encode()
