"""Pings that kill the process that converts them, like a fault in a library."""

import os
import signal
from dataclasses import fields

from telemetry_server.coordinator.conversion_setup import ConversionSetup
from telemetry_server.coordinator.conversion_worker import Worker, read_item
from telemetry_server.coordinator.work_items import Task, TaskResult

DEADLY = b"this kills"


class DeadlyWorker(Worker):
    """A worker that is killed by a body with `DEADLY`."""

    def convert(self, task: Task) -> TaskResult:
        """Return the results, or kill this process."""
        if any(DEADLY in read_item(self._raw, item).body for item in task.items):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().convert(task)


class DeadlySetup(ConversionSetup):
    """A setup whose workers are killed by `DEADLY`; it must be importable in other processes."""

    def worker(self) -> Worker:
        """Return such a worker."""
        usual = ConversionSetup.worker(self)
        return DeadlyWorker(usual._raw, usual._context, usual._resolver, usual._forgotten)


def deadly(setup: ConversionSetup) -> DeadlySetup:
    """Return *setup* with such workers."""
    return DeadlySetup(**{field.name: getattr(setup, field.name) for field in fields(setup)})
