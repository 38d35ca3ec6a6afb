"""Divides the files of a job into tasks, the largest first."""

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry_server.mapreduce.inputs import InputFile

MIN_TASK_BYTES = 256 << 10
MAX_TASK_BYTES = 16 << 20
USUAL_TASKS = 64


@dataclass(frozen=True, slots=True)
class MapTask:
    """Files that follow each other in the order of paths, and are mapped together."""

    number: int  # in the order of paths
    files: tuple[InputFile, ...]

    @property
    def length(self) -> int:
        """Bytes on disk."""
        return sum(file.length for file in self.files)

    @property
    def words(self) -> str:
        """Names its first file, and says how many more it has."""
        others = len(self.files) - 1
        return self.files[0].path + (f" or one of {others} more" if others else "")


def plan_tasks(files: Sequence[InputFile]) -> list[MapTask]:
    """
    Return the tasks for *files*: small neighbours together, each other file alone.

    They do not depend on the number of mappers, so neither do the values that are combined with each other.
    """
    total = sum(file.length for file in files)
    enough = min(max(total // USUAL_TASKS, MIN_TASK_BYTES), MAX_TASK_BYTES)
    groups: list[list[InputFile]] = []
    size = enough
    for file in files:
        if size + file.length > enough:
            groups.append([])
            size = 0
        groups[-1].append(file)
        size += file.length
    return [MapTask(number, tuple(group)) for number, group in enumerate(groups)]


def largest_first(tasks: Sequence[MapTask]) -> list[MapTask]:
    """Return *tasks* in the order in which free mappers take them."""
    return sorted(tasks, key=lambda task: (-task.length, task.number))
