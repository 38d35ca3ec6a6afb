"""Generates load with little CPU time: with wrk if it is installed, else with a simple client."""

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

WRK = shutil.which("wrk")
# A number for each run, so that all requests of all runs have different ids.
runs = count(1)

SCRIPT = """
local head, body, pause, number = nil, nil, 0, 0
function init(args)
  local file = io.open(args[1], "rb")
  body = file:read("*a")
  file:close()
  head = args[2]
  pause = tonumber(args[3])
  wrk.headers["Content-Encoding"] = "gzip"
  wrk.headers["User-Agent"] = "bench"
end
function request()
  number = number + 1
  return wrk.format("POST", string.format(head, number), nil, body)
end
if PAUSES then  -- without it wrk sends at once
  function delay() return pause * 2 * math.random() end
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests": %d, "seconds": %f, "failed": %d, "p50_ms": %f, "p99_ms": %f}\\n',
    summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


class WrongAnswer(Exception):
    """The server did not answer 200."""


@dataclass(frozen=True, slots=True)
class Order:
    """The requests to send."""

    port: int
    body: bytes
    path: str  # with a placeholder for a number
    seconds: float
    connections: int
    pause_ms: float  # on each connection after an answer; 0: no pause


@dataclass(frozen=True, slots=True)
class Burst:
    """The results of a burst of requests."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float


def burst(
    port: int, body: bytes, *, seconds: float, connections: int, requests_per_second: float | None = None
) -> Burst:
    """
    POST *body* repeatedly over *connections*, each time with a new id.

    Args:
        requests_per_second: The desired rate; None: as fast as possible.

    Raises:
        WrongAnswer: An answer was not 200.
    """
    order = Order(
        port,
        body,
        f"/submit/telemetry/c0ffee00-{next(runs):04x}-4abc-8def-%012x/main/Firefox/56.0/release/20170928000000",
        seconds,
        connections,
        1000 * connections / requests_per_second if requests_per_second else 0.0,
    )
    return asyncio.run(_burst_of_our_own(order)) if WRK is None else _wrk_burst(WRK, order)


def _wrk_burst(wrk: str, order: Order) -> Burst:
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as folder:
        script, body_file = Path(folder) / "load.lua", Path(folder) / "body"
        script.write_text(SCRIPT.replace("PAUSES", "true" if order.pause_ms else "false"))
        body_file.write_bytes(order.body)
        words = [wrk, "-t1", f"-c{order.connections}", f"-d{round(order.seconds)}", "-s", str(script)]
        words += [f"http://127.0.0.1:{order.port}", "--", str(body_file), order.path, f"{order.pause_ms:.3f}"]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    if found.pop("failed"):
        raise WrongAnswer(done.stdout)
    return Burst(**found)


async def _burst_of_our_own(order: Order) -> Burst:
    numbers = count(1)
    latencies: list[float] = []
    start = time.perf_counter()

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", order.port)
        while time.perf_counter() - start < order.seconds:
            head = (
                f"POST {order.path % next(numbers)} HTTP/1.1\r\nHost: 127.0.0.1:{order.port}\r\n"
                f"Content-Length: {len(order.body)}\r\nContent-Encoding: gzip\r\nUser-Agent: bench\r\n\r\n"
            )
            sent = time.perf_counter()
            writer.write(head.encode() + order.body)
            answer = await reader.readuntil(b"\r\n\r\n")
            latencies.append((time.perf_counter() - sent) * 1000)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise WrongAnswer(answer.split(b"\r\n", 1)[0].decode())
            if b"connection: close" in answer.lower():  # it has had as many answers as a connection may have
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", order.port)
            if order.pause_ms:
                await asyncio.sleep(order.pause_ms / 1000)
        writer.close()
        await writer.wait_closed()

    async with asyncio.TaskGroup() as group:
        for _ in range(order.connections):
            group.create_task(one_connection())
    latencies.sort()
    return Burst(len(latencies), time.perf_counter() - start, _share(latencies, 0.5), _share(latencies, 0.99))


def _share(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
