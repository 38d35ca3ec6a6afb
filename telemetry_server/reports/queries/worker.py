"""
A query process: reads questions from stdin and writes answers to stdout, one after the other.

The reports process starts it, kills it when a question takes too long or its client goes, and starts
another.  Run by ``python -m telemetry_server.reports.queries.worker``.
"""

import ctypes
import os
import pickle
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from storage.errors import StorageError
from telemetry_server.reports.queries.errors import QueryError, QueryStopped
from telemetry_server.reports.queries.messages import framed, read_message
from telemetry_server.reports.queries.setup import QuerySetup
from telemetry_server.reports.queries.source import Source
from telemetry_server.reports.queries.unreadable import check_of

Answerer = Callable[[Source, dict[str, Any]], dict[str, Any]]

# Query to its module and function: a module is imported when it is asked for, and no sooner.
QUERIES: dict[str, tuple[str, str]] = {
    "status": ("status", "status_answer"),
    "overview": ("overview", "overview_answer"),
    "pings": ("pings", "pings_answer"),
    "ping": ("one_ping", "ping_answer"),
    "submissions": ("counts", "submissions_answer"),
    "quarantine": ("quarantine", "quarantine_answer"),
    "quarantine_counts": ("quarantine_counts", "quarantine_counts_answer"),
    "quarantine_samples": ("quarantine_counts", "quarantine_samples_answer"),
    "replay": ("replay_trial", "replay_answer"),
    "probes": ("probe_list", "probes_answer"),
    "probe": ("probes", "probe_answer"),
    "collected": ("collected", "collected_answer"),
    "stores": ("stores", "stores_answer"),
    "stores_at_once": ("stores", "stores_at_once_answer"),
    "drift": ("stores", "drift_answer"),
    "drift_at_once": ("stores", "drift_at_once_answer"),
    "normandy": ("normandy", "overview_answer"),
    "uptake": ("normandy", "uptake_answer"),
    "recipes": ("normandy", "recipes_answer"),
    "recipe": ("normandy", "recipe_answer"),
    "studies": ("normandy", "studies_answer"),
    "study": ("normandy", "study_answer"),
    "histogram": ("aggregates", "histogram_query"),
    "metric_view": ("aggregates", "metric_view_query"),
    "pings_behind": ("aggregates", "pings_behind_query"),
    "clients": ("aggregates", "clients_query"),
    "pings_of_clients": ("aggregates", "pings_of_clients_query"),
    "old_service": ("aggregates", "old_service_query"),
    "fuel_data_through": ("fuel", "data_through_answer"),
    "fuel_report": ("fuel", "report_answer"),
    "fuel_aggregate": ("fuel", "aggregate_answer"),
    "fuel_rows": ("fuel", "rows_answer"),
    "fuel_csv": ("fuel", "csv_answer"),
    "fuel_left_out": ("fuel_left_out", "left_out_answer"),
    "statement": ("statement", "statement_answer"),
    "table_columns": ("statement", "table_columns_answer"),
}
MAX_CORES = 2
SET_DEATH_SIGNAL = 1  # prctl(2), PR_SET_PDEATHSIG
MOST_KILLABLE = "1000"  # proc(5), oom_score_adj


def answerer(query: str) -> Answerer:
    """Return the function that answers *query*."""
    module, function = QUERIES[query]
    found: Answerer = getattr(import_module(f"telemetry_server.reports.queries.{module}"), function)
    return found


def answer(source: Source, question: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the head and the body of the answer to *question*; nothing that is asked makes it raise."""
    asked = orjson.loads(question)
    try:
        found = answerer(asked["query"])(source, asked["arguments"])
        return {"ok": True}, orjson.dumps(found, option=orjson.OPT_NON_STR_KEYS)
    except QueryError as error:
        return {"ok": False, "error": type(error).__name__, "detail": str(error)}, b""
    except (MemoryError, RuntimeError) as error:
        # A thread that cannot be started lacks memory for its stack.
        if isinstance(error, RuntimeError) and "new thread" not in str(error):
            return _fault(error)
        mebibytes = source.setup.memory_bytes / 2**20
        detail = f"The query was stopped: it needs more than {mebibytes:,.0f} MiB of memory."
        return {"ok": False, "error": QueryStopped.__name__, "detail": detail}, b""
    except Exception as error:
        check = check_of(error)
        if not check and not isinstance(error, StorageError | OSError):
            return _fault(error)
        detail = f"{type(error).__name__}: {error}"
        return {"ok": False, "error": "storage", "detail": detail, "check": check}, b""


def _fault(error: Exception) -> tuple[dict[str, Any], bytes]:
    """Return the answer of a fault of ours, with the line that raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})"
    return {"ok": False, "error": "fault", "detail": f"{type(error).__name__}: {error}{where}"}, b""


def serve(setup: QuerySetup, questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until *questions* ends."""
    source = Source(setup)

    def report_progress(share: float) -> None:
        answers.write(framed(orjson.dumps({"progress": share})))
        answers.flush()

    source.on_progress = report_progress
    while (question := read_message(questions)) is not None:
        head, body = answer(source, question)
        answers.write(framed(orjson.dumps(head)) + framed(body))
        answers.flush()


def _end_with_parent(parent: int) -> None:
    """Have the kernel end this process with its parent, also in the middle of a query."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _limit_cores() -> None:
    """Leave the other cores to those who receive and convert; DuckDB starts a thread for each of ours."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-MAX_CORES:])


def _limit_memory(memory_bytes: int) -> None:
    """Limit what this process may allocate from here on; where memory ends, the kernel ends it first."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(MOST_KILLABLE, encoding="ascii")
    used = _data_bytes()
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = used + memory_bytes
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _data_bytes() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0


def main() -> None:
    """Run a query process until its stdin ends."""
    parent = int(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt goes to the whole terminal group
    _end_with_parent(parent)
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is not an answer
    head = read_message(questions)
    if head is None:
        return
    setup: QuerySetup = pickle.loads(head)  # noqa: S301 - from our own parent
    _limit_cores()
    _limit_memory(setup.memory_bytes)
    serve(setup, questions, answers)


if __name__ == "__main__":
    main()
