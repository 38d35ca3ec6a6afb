"""What processes exchange survives pickling, and is pickled as values."""

import pickle
from dataclasses import is_dataclass

import pytest

from histogram_specs.revision import Revision
from storage.raw.submission import Submission
from telemetry_server.coordinator.work_items import (
    AwaitingResult,
    DamagedResult,
    DeletedResult,
    DuplicateResult,
    PackedFrame,
    QuarantinedItem,
    RawItem,
    RefusedResult,
    StoredResult,
    Task,
    TaskResult,
)
from telemetry_server.outcomes.outcome import FrequencyLimit
from tests.support.data_root import NOON

AT = "2026-11-22T12:00:00.000000Z"
REVISION = Revision("mozilla-central", "6c6a3dff9c08")
ID = bytes(range(16))

ITEMS = (
    RawItem("20261122/0-00-0000000001.tlg", 8, 900, pending_id=3),
    QuarantinedItem(Submission(NOON, "/submit/telemetry/x", b"{}"), "invalid_json"),
)
RESULTS = (
    StoredResult(0, AT, ID, "telemetry", "main", -7, "converted/20261122/main", 5, {"no_spec": 1}, {}),
    StoredResult(
        1, AT, ID, "telemetry", "event", 7, "converted/x", 0, {}, {"n": 1}, FrequencyLimit(b"c", 60), (AT,)
    ),
    RefusedResult(2, AT, None, "telemetry", "main", "invalid_json", "not JSON", {"n": 2}, ("order",)),
    DuplicateResult(3, AT, ID, "telemetry", "main", True, "detail", {}),
    AwaitingResult(4, AT, ID, REVISION),
    DeletedResult(5, AT, None, b"hash"),
    DamagedResult(6, 100),
)
TASK = Task(ITEMS, frozenset({REVISION}), {REVISION: "gone"}, forgotten=2)
RESULT = TaskResult(RESULTS, (PackedFrame("converted/x", b"frame", (0, 1)),))


@pytest.mark.parametrize("value", [TASK, RESULT], ids=["task", "result"])
def test_what_processes_exchange_survives_pickling(value):
    assert pickle.loads(pickle.dumps(value)) == value


def test_a_class_that_is_sent_once_a_ping_is_pickled_as_values():
    """The way of dataclasses takes twice as long."""
    per_ping = {
        type(value) for value in (*RESULTS, *ITEMS, *RESULT.frames) if not isinstance(value, QuarantinedItem)
    }
    reduced = {cls for cls in per_ping if cls.__reduce__ is not object.__reduce__} | {PackedFrame}
    slow = {cls for cls in per_ping if is_dataclass(cls)} - reduced

    assert not slow
