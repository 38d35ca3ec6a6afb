"""Messages between the coordinator and its conversion processes."""

import io
import pickle

import pytest

from storage.tables.rows import NO_SUM, HistogramColumns
from telemetry_server.coordinator.messages import MIN_BUFFER_BYTES, Incoming, parts_of, read_value
from telemetry_server.coordinator.work_items import PackedFrame, TaskResult

LARGE = bytes(range(256)) * (MIN_BUFFER_BYTES // 256)
FRAMES = (PackedFrame("converted/x", LARGE, (0, 1)), PackedFrame("converted/y", b"frame", (2,)))


def histograms(buckets: bytes) -> HistogramColumns:
    return HistogramColumns(starts=bytearray(buckets), counts=bytearray(buckets[:-4]), words=["parent"])


def received(parts, step):
    """Return the value of a message that arrives so many bytes at a time."""
    data = b"".join(parts)
    message, at = Incoming(), 0
    while True:
        count = min(step, len(message.room), len(data) - at)
        message.room[:count] = data[at : at + count]
        at += count
        if message.took(count):
            assert at == len(data)
            return message.value()


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    "value", [TaskResult((), FRAMES), histograms(LARGE), histograms(b"1234"), None, ValueError]
)
def test_a_value_arrives_as_it_was_sent(value, step):
    assert received(parts_of(value), step) == value


def test_large_buffers_are_not_copied():
    *_, starts, counts = parts_of(histograms(LARGE + b"1234"))

    assert [len(starts), len(counts)] == [len(LARGE) + 4, len(LARGE)]
    assert all(isinstance(each, memoryview) for each in (starts, counts))


def test_small_buffers_are_part_of_the_pickle():
    assert len(parts_of(histograms(b"1234"))) == 2


def test_columns_are_read_where_they_arrived():
    """Each number is one, of four bytes or of eight."""
    sent = HistogramColumns()
    sent.pings.extend(range(3))
    sent.sums.extend((NO_SUM, 0, 2**40))
    columns = received(parts_of(sent), 1 << 20)

    assert (len(columns.pings), columns.pings[2], list(columns.sums)) == (3, 2, [NO_SUM, 0, 2**40])


def test_columns_survive_older_protocols():
    assert pickle.loads(pickle.dumps(histograms(LARGE), 2)) == histograms(LARGE)


def test_messages_are_read_from_a_stream_until_it_ends():
    whole = b"".join([*parts_of(1), *parts_of(histograms(LARGE))])
    stream = io.BufferedReader(io.BytesIO(whole + whole[:5]))

    assert read_value(stream) == 1
    assert read_value(stream) == histograms(LARGE)
    with pytest.raises(EOFError):
        read_value(stream)
