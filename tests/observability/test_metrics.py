"""Metrics: one catalogue, counted by many processes, read as one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry

from telemetry_server.observability import metric_families, metrics
from telemetry_server.observability.metric_types import Histogram, uncounted
from telemetry_server.observability.metrics import (
    CATALOGUE,
    MAX_LABEL_VALUES,
    OTHER,
    Counter,
    bounded_label,
    directory_for,
    prepare_directory,
)

CONTRACT_METRICS = {
    "telemetry_submissions_received_total": ("namespace",),
    "telemetry_responses_total": ("code",),
    "telemetry_pings_stored_total": ("namespace", "doctype"),
    "telemetry_pings_quarantined_total": ("reason",),
    "telemetry_pings_duplicate_total": (),
    "telemetry_pings_deleted_total": (),
    "telemetry_deletion_orders_waiting": (),
    "telemetry_histograms_kept_total": (),
    "telemetry_histograms_dropped_total": ("reason",),
    "telemetry_anomalies_total": ("name",),
    "telemetry_commit_seconds": (),
    "telemetry_commit_batch_size": (),
    "telemetry_convert_lag_seconds": (),
    "telemetry_convert_halted": (),
    "telemetry_tables_commit_seconds": (),
    "telemetry_tables_waiting_rows": (),
    "telemetry_raw_bytes": (),
    "telemetry_specs_fetches_total": ("result",),
    "telemetry_reports_requests_total": ("route", "code"),
    "telemetry_reports_request_seconds": (),
    "telemetry_reports_queries_total": ("result",),
    "telemetry_fuel_items_total": ("doctype", "status"),
    "telemetry_fuel_redactions_total": ("kind",),
    "telemetry_fuel_signatures_total": ("result",),
    "telemetry_fuel_commit_seconds": (),
    "telemetry_fuel_messages_total": ("result",),
    "telemetry_fuel_messages_open": (),
    "telemetry_fuel_messages_given_up": (),
    "telemetry_fuel_replica_lag_seconds": (),
    "telemetry_fuel_etl_documents_total": ("table",),
    "telemetry_fuel_etl_time_seconds": (),
    "telemetry_queue_messages_total": ("result",),
    "telemetry_queue_connected": ("direction",),
    "telemetry_queue_lag_messages": ("direction",),
    "telemetry_queue_position": ("direction",),
    "telemetry_archive_waiting_days": (),
    "telemetry_archive_runs_total": ("result",),
}
# Three processes count, one of them ends; then a fourth reads.
MANY_PROCESSES = """
import os, sys
from pathlib import Path
from telemetry_server.observability import metrics

directory = Path(sys.argv[1])
metrics.prepare_directory(directory)
children = []
for number in (1, 2, 3):
    child = os.fork()
    if child == 0:
        for _ in range(number):
            metrics.responses.count("200")
        metrics.pings_duplicate.count(amount=10)
        metrics.raw_bytes.report(number * 100)
        metrics.commit_seconds.observe(0.002)
        os._exit(0)
    os.waitpid(child, 0)
    children.append(child)
metrics.process_ended(children[0])
sys.stdout.write(metrics.exposition().decode())
"""


def scrape(text: str) -> dict[str, float]:
    """The series of an exposition."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {series: float(value) for series, value in (line.rsplit(" ", 1) for line in lines)}


def run_many_processes(directory: Path) -> str:
    """Return a scrape after several processes have counted in *directory*."""
    environment = {key: value for key, value in os.environ.items() if key != metrics.DIRECTORY_VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", MANY_PROCESSES, str(directory)],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.stderr == ""
    return done.stdout


def test_the_catalogue_is_the_contract():
    """Dashboards depend on these names and labels."""
    assert {metric.name: metric.labels for metric in CATALOGUE} == CONTRACT_METRICS


def test_counts_of_all_processes_add_up_and_gauges_are_the_newest(tmp_path):
    """Counts of an ended process stay; a gauge has the last reported value."""
    shown = scrape(run_many_processes(tmp_path / "metrics"))

    assert shown['telemetry_responses_total{code="200"}'] == 1 + 2 + 3
    assert shown["telemetry_pings_duplicate_total"] == 30
    assert shown["telemetry_raw_bytes"] == 300
    assert shown["telemetry_commit_seconds_count"] == 3
    assert shown['telemetry_commit_seconds_bucket{le="0.0025"}'] == 3
    assert shown["telemetry_histograms_kept_total"] == 0


def test_every_metric_is_exposed_before_its_first_count(tmp_path):
    """An alert on a missing metric would be silent."""
    text = run_many_processes(tmp_path / "metrics")

    for name in CONTRACT_METRICS:
        assert re.search(rf"^# TYPE {name.removesuffix('_total')}(_total)? ", text, re.MULTILINE), name


def test_a_file_that_another_process_is_writing_is_read_again(monkeypatch):
    """Whatever the library makes of it; a file that stays unreadable is an error."""
    from prometheus_client import CollectorRegistry

    read = CollectorRegistry.collect
    failures: list[Exception] = [RuntimeError("beyond the end"), FileNotFoundError(), ValueError("not JSON")]

    def collect(registry):
        if failures:
            raise failures.pop()
        return read(registry)

    monkeypatch.setattr(CollectorRegistry, "collect", collect)
    monkeypatch.setattr(metric_families, "RETRY_SECONDS", 0.0)

    assert metric_families.MetricFamilies(CollectorRegistry()).collect() is not None
    assert not failures
    failures += [RuntimeError()] * metric_families.READ_TRIES
    with pytest.raises(RuntimeError):
        metric_families.MetricFamilies(CollectorRegistry())


def test_a_new_server_starts_with_empty_metrics(tmp_path):
    """The files of an earlier server are removed."""
    run_many_processes(tmp_path / "metrics")
    shown = scrape(run_many_processes(tmp_path / "metrics"))

    assert shown["telemetry_pings_duplicate_total"] == 30


def test_without_a_directory_this_process_counts_alone():
    """As in a convert by hand; the exposition works the same."""
    before = scrape(metrics.exposition().decode()).get("telemetry_histograms_kept_total", 0)
    metrics.histograms_kept.count(amount=5)

    assert scrape(metrics.exposition().decode())["telemetry_histograms_kept_total"] == before + 5


def test_a_command_counts_nothing():
    """A command has no page of metrics."""
    counted = metrics.exposition()
    with uncounted():
        metrics.pings_duplicate.count()
        metrics.raw_bytes.report(5)
        metrics.commit_seconds.observe(0.01)
        metrics.commit_seconds.observe_all([0.01, 0.02])

    assert metrics.exposition() == counted


def test_an_unlisted_label_is_other():
    """Clients cannot create series."""
    assert bounded_label("telemetry", {"telemetry"}) == "telemetry"
    assert bounded_label("made-up", {"telemetry"}) == OTHER


def test_above_the_bound_every_new_label_is_other():
    """Even if a caller forgot `bounded_label`."""
    counter = Counter("telemetry_of_a_test_total", "Counted by a test.", ("name",))
    for number in range(MAX_LABEL_VALUES + 20):
        counter.count(f"name-{number}")

    text = metrics.exposition().decode()
    series = [line for line in text.splitlines() if line.startswith("telemetry_of_a_test_total{")]
    assert len(series) == MAX_LABEL_VALUES + 1
    assert f'telemetry_of_a_test_total{{name="{OTHER}"}} 20.0' in series


def test_a_wrong_number_of_labels_raises():
    """A missing label is a programming error."""
    with pytest.raises(TypeError, match="takes the labels"):
        metrics.responses.count()


def test_a_linked_directory_is_refused(tmp_path):
    """Its name is predictable: another user may have created it first."""
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "metrics"
    link.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(PermissionError, match="link"):
        prepare_directory(link)


def test_each_server_has_a_directory_of_its_own(tmp_path):
    """Two servers do not mix their counts, also not on one data root."""
    assert directory_for(tmp_path / "a", 1) == directory_for(tmp_path / "a", 1)
    assert directory_for(tmp_path / "a", 1) != directory_for(tmp_path / "b", 1)
    assert directory_for(tmp_path / "a", 1) != directory_for(tmp_path / "a", 2)


def test_measurements_may_be_added_together():
    """With the same result as one after the other, also at the bounds of buckets."""
    registry = CollectorRegistry()
    values = [0.0, 0.1, 0.100001, 0.5, 1.0, 7.0, -1.0]
    lines = []
    for name in ("one", "all"):
        histogram = Histogram("x", "help", (0.1, 0.5, 1.0))
        histogram._object = prometheus_client.Histogram(
            name, "help", registry=registry, buckets=(0.1, 0.5, 1.0)
        )
        if name == "all":
            histogram.observe_all(values)
        else:
            for value in values:
                histogram.observe(value)
    for series, value in scrape(prometheus_client.generate_latest(registry).decode()).items():
        if "created" not in series:
            lines.append((re.sub("^(one|all)", "", series), value))

    assert len(lines) == 12
    assert lines[:6] == lines[6:]
