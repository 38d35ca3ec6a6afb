"""The routes of balancers and monitors."""

import asyncio

import orjson

from telemetry_server.access.roles import Right
from telemetry_server.observability import metrics as catalogue
from telemetry_server.reports.answers import TEXT, Answer
from telemetry_server.reports.route import Ask, Route

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def heartbeat(_ask: Ask) -> Answer:
    """Answer 200 while the process lives."""
    return Answer(b"OK\n", TEXT, cache_control="no-store")


async def version(ask: Ask) -> Answer:
    """Answer with the version of the server."""
    return Answer(orjson.dumps({"version": ask.services.options.version}) + b"\n")


async def metrics(_ask: Ask) -> Answer:
    """Answer with the metrics of this server's processes."""
    text = await asyncio.get_running_loop().run_in_executor(None, catalogue.exposition)
    return Answer(text, METRICS_TYPE, cache_control="no-store")


SERVICE_ROUTES = (
    Route("GET", "/__lbheartbeat__", heartbeat, "200 while the process lives.", None),
    Route("GET", "/__version__", version, "The version of the server.", Right.AGGREGATES),
    Route("GET", "/metrics", metrics, "Metrics in Prometheus' format.", Right.AGGREGATES),
)
