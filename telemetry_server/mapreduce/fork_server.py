"""The process that forks worker processes: it imports their modules once."""

import multiprocessing
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running

PRELOADED = ["telemetry_server.mapreduce.worker_process", "telemetry_server.mapreduce.python_runner"]


def started_context() -> ForkServerContext:
    """Start the process, which imports while this one goes on; return what makes processes of it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    ensure_running()
    return context
