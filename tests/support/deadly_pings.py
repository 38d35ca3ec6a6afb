"""Pings that kill the process which converts them, as a fault in a library would."""

import os
import signal
from dataclasses import fields

from telemetry_server.coordinator.conversion_setup import ConversionSetup
from telemetry_server.coordinator.work_items import Task, TaskResult
from telemetry_server.coordinator.worker import Judge, read_item

DEADLY = b"this kills"


class DeadlyJudge(Judge):
    """Judges like any other, unless a body says that it kills."""

    def judge(self, task: Task) -> TaskResult:
        """The verdicts; or the end of this process, as sudden as can be."""
        if any(DEADLY in read_item(self._raw, item).body for item in task.items):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().judge(task)


class DeadlySetup(ConversionSetup):
    """A setup whose judges die of `DEADLY`; processes are started with it, so it must be importable."""

    def judge(self) -> Judge:
        """Such a judge."""
        usual = ConversionSetup.judge(self)
        return DeadlyJudge(usual._raw, usual._context, usual._resolver)


def deadly(setup: ConversionSetup) -> DeadlySetup:
    """*setup* with such judges."""
    return DeadlySetup(**{field.name: getattr(setup, field.name) for field in fields(setup)})
