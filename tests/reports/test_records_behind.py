"""Records that are not in the tables yet are counted and listed as they come."""

import json
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from storage.ledger.table_files import Tabled
from storage.partitions.frames import compress_frame
from telemetry_server.reports.queries import records_behind
from telemetry_server.reports.queries.records_behind import RecordsBehind, moments_in

MOMENTS = [f"2026-11-27T14:33:0{number}.000000Z" for number in range(10)]
FAKE = '"metadata":{"submission_timestamp":"1999-01-01T00:00:00.000000Z"}'


def line(moment: str, number: int = 0, text: str = "") -> bytes:
    """A converted line."""
    metadata = {"submission_timestamp": moment, "document_id": str(number), "uri": text}
    return json.dumps({text: text, "n": number, "metadata": metadata}, separators=(",", ":")).encode()


@given(st.text() | st.just(FAKE))
def test_the_moment_of_a_line_is_that_of_its_record(text):
    """Whatever a client wrote, also where it looks like ours."""
    converted = b"0" * 36 + b"\t" + line(MOMENTS[3], text=text)

    assert list(moments_in(converted + b"\n" + converted + b"\n")) == [MOMENTS[3]] * 2


def test_the_moment_of_a_record_that_others_wrote_is_found_as_well():
    """With spaces, in another order."""
    record = {"metadata": {"document_id": "x", "submission_timestamp": MOMENTS[1]}, "n": 1}

    assert list(moments_in(b"id\t" + json.dumps(record).encode() + b"\n")) == [MOMENTS[1]]


@dataclass
class Growing:
    """A converted file that grows by frames."""

    path: Path
    ends: list[int]
    moments: list[list[str]]

    def grow(self, moments: list[str]) -> None:
        with self.path.open("ab") as stream:
            lines = b"".join(b"id\t" + line(moment) + b"\n" for moment in moments)
            stream.write(compress_frame(lines))
            self.ends.append(stream.tell())
        self.moments.append(moments)

    def state(self, tabled_frames: int) -> Tabled:
        return Tabled(".", self.path.name, self.ends[tabled_frames], self.ends[-1])


FRAMES = st.lists(
    st.tuples(st.lists(st.sampled_from(MOMENTS), min_size=1, max_size=4), st.integers(0, 5)), max_size=6
)


@given(FRAMES, st.sampled_from(["", *MOMENTS]), st.integers(1, 5))
def test_what_is_behind_the_tables_is_found_as_files_grow_and_tables_follow(
    tmp_path_factory, frames, last, limit
):
    """As by reading all of it again each time."""
    folder = tmp_path_factory.mktemp("behind")
    file, behind = Growing(folder / "part", [0], []), RecordsBehind(folder)
    tabled = 0
    for moments, follow in frames:
        file.grow(moments)
        tabled = max(tabled, min(follow, len(file.ends) - 1))
        state = file.state(tabled)
        waiting = [moment for each in file.moments[tabled:] for moment in each]
        found = [record["metadata"]["submission_timestamp"] for record in behind.newest([state], last, limit)]
        until = last or "9"
        before = sorted((moment for moment in waiting if moment < until), reverse=True)[:limit]
        at_it = [moment for moment in waiting if moment == until]

        assert sorted(behind.moments([state])) == sorted(waiting)
        assert set(before) | set(at_it) == set(found)
        assert len(found) >= len(before) + len(at_it)


def test_each_part_of_a_file_is_read_once(tmp_path, monkeypatch):
    """Readers that poll cost no more than what came since."""
    file, behind = Growing(tmp_path / "part", [0], []), RecordsBehind(tmp_path)
    read, texts_between = [], records_behind.texts_between

    def counted(path, start, end):
        read.append((start, end))
        return texts_between(path, start, end)

    monkeypatch.setattr(records_behind, "texts_between", counted)
    for number in range(3):
        file.grow([MOMENTS[number]])
        list(behind.moments([file.state(0)]))
        list(behind.moments([file.state(0)]))

    assert read == list(zip(file.ends, file.ends[1:], strict=False))


def test_a_file_that_was_merged_meanwhile_has_nothing(tmp_path):
    """The next answer has the merged one."""
    assert list(RecordsBehind(tmp_path).moments([Tabled(".", "gone", 0, 100)])) == []
