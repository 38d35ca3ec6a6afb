"""Messages go into raw/ once, whatever a crash leaves."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import StorageFull
from storage.raw.reader import read_submission, scan_segment, segments
from storage.raw.submission import Submission
from telemetry_server.queue.errors import AlreadyPulling, ShareChanged
from telemetry_server.queue.intake import Counts, Intake
from telemetry_server.queue.message import Batch, Message
from telemetry_server.queue.message_forms import MessageReader
from telemetry_server.queue.share import Share
from tests.support.data_root import an_id

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
PARTITION = "nats:T/0"


@pytest.fixture
def root(tmp_path) -> DataRoot:
    made = DataRoot(tmp_path / "data")
    made.prepare(Disk())
    return made


def opened(root: DataRoot, share: Share | None = None) -> Intake:
    return Intake(root, MessageReader(), share or Share(), min_free_bytes=0)


def batch(*positions: int, at: datetime = NOON, partition: str = PARTITION) -> Batch:
    """Return messages with these positions; each has an id of its own."""
    messages = [
        Message(partition, number, b"%d" % number, {"path": f"/submit/telemetry/{an_id(number)}"}, "", at)
        for number in positions
    ]
    return Batch(messages, {partition: max(positions) + 1})


def in_raw(root: DataRoot) -> list[Submission]:
    """Return all submissions in raw/, in the order of their bodies."""
    found = []
    for segment in segments(root.raw):
        scan = scan_segment(segment.path, 0, max_bytes=1 << 40, max_records=1 << 40)
        descriptor = os.open(segment.path, os.O_RDONLY)
        found += [read_submission(descriptor, span) for span in scan.spans]
        os.close(descriptor)
    return sorted(found, key=lambda submission: int(submission.body))


def numbers(root: DataRoot) -> list[int]:
    return [int(submission.body) for submission in in_raw(root)]


def crash(intake: Intake) -> None:
    """End *intake* as a kill does: nothing is sealed, and the lock is free."""
    intake._segments.abandon()
    intake._lock.release()


def test_messages_are_in_raw_with_their_places(root):
    with opened(root) as intake:
        counts = intake.keep(batch(1, 2, 3))

    assert counts == Counts(received=3)
    assert [submission.place for submission in in_raw(root)] == [
        f"{PARTITION}@{number}" for number in (1, 2, 3)
    ]


def test_a_redelivered_position_is_not_received_again(root):
    """Within a batch, in a later batch, and after a restart."""
    with opened(root) as intake:
        assert intake.keep(batch(1, 2, 2, 1, 3)).repeated == 2
        assert intake.keep(batch(2, 3, 4)) == Counts(received=1, repeated=2)
    with opened(root) as intake:
        assert intake.keep(batch(4, 5)) == Counts(received=1, repeated=1)

    assert numbers(root) == [1, 2, 3, 4, 5]


def test_what_is_in_raw_counts_although_the_positions_were_not_saved(root):
    """A kill between the two: the record itself says its place."""
    intake = opened(root).__enter__()
    intake.keep(batch(1, 2))
    saved = intake._file.path.read_bytes()
    intake.keep(batch(3, 4))
    intake._file.path.write_bytes(saved)
    crash(intake)

    with opened(root) as intake:
        assert intake.positions == {PARTITION: 5}
        intake.keep(batch(3, 4, 5))
    assert numbers(root) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("state", ["missing", "damaged"])
def test_without_the_file_of_positions_all_of_raw_is_read(root, state):
    with opened(root) as intake:
        intake.keep(batch(1, 2))
    with opened(root) as intake:
        intake.keep(batch(3, 4, at=NOON + timedelta(days=1)))
        path = intake._file.path
    path.unlink() if state == "missing" else path.write_bytes(b"{")

    with opened(root) as intake:
        assert intake.positions == {PARTITION: 5}


@pytest.mark.parametrize("cut_bytes", [1, 30, 150, 400])
def test_a_torn_batch_is_received_as_far_as_it_is_missing(root, cut_bytes):
    """The whole records of the batch stay, and only the others are received from the broker again."""
    intake = opened(root).__enter__()
    intake.keep(batch(1))
    saved = intake._file.path.read_bytes()
    intake.keep(batch(2, 3, 4))
    crash(intake)
    intake._file.path.write_bytes(saved)
    (segment,) = segments(root.raw)
    os.truncate(segment.path, segment.path.stat().st_size - cut_bytes)
    left = numbers(root)

    with opened(root) as intake:
        counts = intake.keep(batch(2, 3, 4, 5))

    assert counts.repeated == len(left) - 1
    assert numbers(root) == [1, 2, 3, 4, 5]


def test_a_hole_in_a_batch_is_filled(root):
    """A power cut may keep a later page and lose an earlier one."""
    intake = opened(root).__enter__()
    saved = intake._file.path.read_bytes()
    intake.keep(batch(1, 2, 3))
    crash(intake)
    intake._file.path.write_bytes(saved)
    (segment,) = segments(root.raw)
    scan = scan_segment(segment.path, 0, max_bytes=1 << 40, max_records=9)
    with segment.path.open("r+b") as file:
        file.seek(scan.spans[1].offset)
        file.write(bytes(scan.spans[1].length_bytes))
    assert numbers(root) == [1, 3]

    with opened(root) as intake:
        assert intake.keep(batch(1, 2, 3, 4)) == Counts(received=2, repeated=2)
    with opened(root) as intake:
        assert intake.keep(batch(4, 5)) == Counts(received=1, repeated=1)
    assert numbers(root) == [1, 2, 3, 4, 5]


def test_a_message_is_in_the_folder_of_its_day(root):
    with opened(root) as intake:
        days = [NOON + timedelta(days=day) for day in (0, -1, 0, 40)]
        messages = [replace(batch(number).messages[0], time=day) for number, day in enumerate(days)]
        intake.keep(Batch(messages, {PARTITION: 4}))

    folders = sorted(path.name for path in root.raw.iterdir() if path.is_dir())
    assert folders == ["20261127", "20261128", "20270107"]
    assert numbers(root) == [0, 1, 2, 3]


def test_many_days_at_once_need_few_open_files(root):
    with opened(root) as intake:
        messages = [
            replace(batch(number).messages[0], time=NOON + timedelta(days=number % 40))
            for number in range(80)
        ]
        intake.keep(Batch(messages, {PARTITION: 80}))
        assert len(intake._segments.lengths) <= 16

    assert numbers(root) == list(range(80))


def test_partitions_have_positions_of_their_own(root):
    with opened(root) as intake:
        intake.keep(batch(5, partition="kafka:c/T/0"))
        intake.keep(batch(1, partition="kafka:c/T/1"))

        assert intake.positions == {"kafka:c/T/0": 6, "kafka:c/T/1": 2}


def test_a_message_with_endless_headers_goes_to_quarantine_without_them(root):
    message = replace(batch(1).messages[0], headers={"path": "/", "x": "y" * 100_000})
    with opened(root) as intake:
        counts = intake.keep(Batch([message], {PARTITION: 2}))

    assert counts == Counts(received=1, faulty=1)
    assert "headers" in in_raw(root)[0].fault


def test_shares_divide_the_messages_between_data_roots(root, tmp_path):
    other = DataRoot(tmp_path / "other")
    other.prepare(Disk())
    for number, each in enumerate((root, other), 1):
        with opened(each, Share(number, 2)) as intake:
            counts = intake.keep(batch(*range(100)))
            assert counts.received + counts.left_to_others == 100

    assert sorted(numbers(root) + numbers(other)) == list(range(100))
    assert 20 < len(numbers(root)) < 80


def test_another_share_is_refused_once_something_was_read(root):
    with opened(root, Share(1, 2)) as intake:
        intake.keep(batch(1))

    with pytest.raises(ShareChanged, match="1/2"):
        opened(root, Share(2, 2)).__enter__()
    with opened(root, Share(1, 2)):
        pass


def test_two_pullers_of_one_data_root_are_refused(root):
    with opened(root), pytest.raises(AlreadyPulling):
        opened(root).__enter__()


def test_on_a_full_disk_nothing_counts(root):
    with Intake(root, MessageReader(), Share(), min_free_bytes=1 << 60) as intake:
        with pytest.raises(StorageFull):
            intake.keep(batch(1))

        assert intake.positions == {}
    assert numbers(root) == []


@pytest.mark.parametrize("ahead_seconds", [3600, 86400 * 365, -3600])
def test_a_clock_that_was_ahead_does_not_hide_a_segment(root, monkeypatch, ahead_seconds):
    """Writers are found in the order in which they began, which is not that of the clock."""
    with monkeypatch.context() as patch:
        ahead = SimpleNamespace(now=lambda zone: datetime.now(zone) + timedelta(seconds=ahead_seconds))
        patch.setattr("telemetry_server.queue.intake.datetime", ahead)
        with opened(root) as intake:
            intake.keep(batch(1))
    intake = opened(root).__enter__()
    saved = intake._file.path.read_bytes()
    intake.keep(batch(2))
    crash(intake)
    intake._file.path.write_bytes(saved)

    with opened(root) as intake:
        assert intake.positions == {PARTITION: 3}
