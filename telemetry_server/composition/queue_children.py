"""The processes of queues that the supervisor starts beside the edge."""

from collections.abc import Callable

from telemetry_server.settings.settings import Settings
from telemetry_server.supervision.supervisor import Child


def queue_children(settings: Settings, wake_fd: int) -> list[Child]:
    """Return the process that pulls, or the one that hands on what waits in raw/."""

    def run_pull(lifeline_fd: int, _announce: Callable[[], None]) -> int:
        from telemetry_server.composition.queue_processes import run_pull_process

        return run_pull_process(settings, wake_fd=wake_fd, lifeline_fd=lifeline_fd)

    def run_hand_on(lifeline_fd: int, _announce: Callable[[], None]) -> int:
        from telemetry_server.composition.queue_processes import run_hand_on_process

        return run_hand_on_process(settings, lifeline_fd=lifeline_fd)

    if settings.pull_from:
        return [Child("pull", run_pull, is_vital=False)]
    return [Child("push", run_hand_on, is_vital=False)]
