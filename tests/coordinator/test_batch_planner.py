"""How large tasks are."""

import pytest

from telemetry_server.coordinator.batch_planner import TASK_BYTES, TASK_ITEMS, cut
from telemetry_server.coordinator.work_items import RawItem
from telemetry_server.pings.inflate import MAX_RATIO


def test_the_text_of_large_bodies_in_a_task_is_bounded():
    """Small bodies, which may inflate to 1 MiB each, are compressed while the task is converted."""
    assert TASK_BYTES * MAX_RATIO <= 256 << 20


def test_a_task_ends_by_items_or_by_bytes():
    """All items are in tasks, in order."""
    small = [RawItem("segment", 1000 * number, 1000) for number in range(2 * TASK_ITEMS + 1)]
    large = [RawItem("segment", number, TASK_BYTES // 2) for number in range(3)]

    assert [len(task.items) for task in cut(small, 1, frozenset())] == [TASK_ITEMS, TASK_ITEMS, 1]
    assert [len(task.items) for task in cut(large, 1, frozenset())] == [2, 1]
    assert [item for task in cut(small, 1, frozenset()) for item in task.items] == small


@pytest.mark.parametrize(
    ("items", "processes", "tasks"),
    [(0, 4, 0), (1, 4, 1), (64, 4, 1), (65, 4, 2), (900, 2, 4), (4096, 2, 4), (8192, 2, 8), (8192, 16, 32)],
)
def test_each_process_has_tasks_of_a_round(items, processes, tasks):
    """Unless there are few items."""
    found = cut([RawItem("segment", number, 1) for number in range(items)], processes, frozenset())

    assert len(found) == tasks
