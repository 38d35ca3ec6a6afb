"""Processes of queues end when their supervisor is gone."""

import asyncio
import os

from telemetry_server.composition import queue_processes
from telemetry_server.composition.queue_processes import _stopped_by


async def test_the_end_of_the_supervisor_stops_work_once_and_ends_the_process_in_time(monkeypatch):
    """Also where the work does not stop, because a broker keeps it waiting."""
    stops: list[str] = []
    ends: list[int] = []
    monkeypatch.setattr(queue_processes, "MAX_END_SECONDS", 0.05)
    monkeypatch.setattr(os, "_exit", ends.append)
    lifeline, held = os.pipe()
    try:
        async with _stopped_by(lambda: stops.append("stop"), lifeline):
            os.close(held)
            await asyncio.sleep(0.3)
    finally:
        os.close(lifeline)

    assert (stops, ends) == (["stop"], [1])


async def test_work_that_stops_by_itself_ends_as_usual(monkeypatch):
    """The process is not ended meanwhile."""
    stop = asyncio.Event()
    ends: list[int] = []
    monkeypatch.setattr(queue_processes, "MAX_END_SECONDS", 0.05)
    monkeypatch.setattr(os, "_exit", ends.append)
    lifeline, held = os.pipe()
    async with _stopped_by(stop.set, lifeline):
        os.close(held)
        await asyncio.wait_for(stop.wait(), 10)
    await asyncio.sleep(0.2)
    os.close(lifeline)

    assert ends == []
