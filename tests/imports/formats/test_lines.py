"""Lines of <id>TAB<json>."""

import io
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.imports.formats.buffered_reader import BufferedReader
from telemetry_server.imports.formats.codecs import PlainSource
from telemetry_server.imports.formats.exported_ping import ExportDamage, ExportFormat
from telemetry_server.imports.formats.lines import MAX_ID_BYTES, LinesReader
from tests.imports.formats.samples import document_id, line_records, read
from tests.support.shared_data import shared_trials

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
ID = document_id(1)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
PATH = "/submit/telemetry/" + ID.decode()


@pytest.mark.parametrize(
    ("line", "path", "body"),
    [
        pytest.param(ID + b'\t{"a":8}\n', PATH, b'{"a":8}', id="id"),
        pytest.param(ID + b'\t{"a":8}\r\n', PATH, b'{"a":8}', id="CRLF"),
        pytest.param(BYTE_ORDER_MARK + ID + b'\t{"a":8}\n', PATH, b'{"a":8}', id="byte order mark"),
        pytest.param(
            BYTE_ORDER_MARK + PATH.encode() + b"\t{}\t-\n", PATH, b"{}", id="byte order mark before a path"
        ),
        pytest.param(ID + b'\t{"a":\t8}\n', PATH, b'{"a":\t8}', id="the first TAB ends the id"),
        pytest.param(
            ID + b'/main/Firefox\t{"a":8}\n', PATH + "/main/Firefox", b'{"a":8}', id="bad-data file"
        ),
        pytest.param(PATH.encode() + b"/main\t{}\n", PATH + "/main", b"{}", id="path"),
        pytest.param(PATH.encode() + b"\t{}\tbad-bucket\n", PATH, b"{}", id="path and the fault's name"),
        pytest.param(PATH.encode() + b"\t{}\t-\n", PATH, b"{}", id="path and no fault"),
        pytest.param(ID + b"\t{}\t-\n", PATH, b"{}\t-", id="a fault's name only after a path"),
        pytest.param(PATH.encode() + b'\t{"a":\t8}\n', PATH, b'{"a":\t8}', id="a TAB in the JSON"),
        pytest.param(
            b"/submit/web/click/1/" + ID + b"\t{}\n",
            "/submit/web/click/1/" + ID.decode(),
            b"{}",
            id="generic path",
        ),
        pytest.param(b"foo\tnot json\n", "/submit/telemetry/foo", b"not json", id="the converter refuses it"),
        pytest.param(b"a b\t\n", "/submit/telemetry/a%20b", b"", id="empty body"),
        pytest.param(ID + b'\t{"a":8}', PATH, b'{"a":8}', id="without its LF"),
        pytest.param(ID + b"\tnot json", PATH, b"not json", id="no JSON and without its LF"),
    ],
)
def test_a_line_is_an_id_and_a_body(line, path, body):
    """Each line is a ping with the given time."""
    pings, reader = read(line, format=ExportFormat.LINES, received_at=NOW)

    assert [(ping.path, ping.body, ping.received_at) for ping in pings] == [(path, body, NOW)]
    assert not reader.is_damaged


@pytest.mark.parametrize(
    ("line", "damage"),
    [
        pytest.param(b"no tab\n", ExportDamage(1, 7), id="no TAB"),
        pytest.param(
            b"x" * (MAX_ID_BYTES + 1) + b"\t{}\n", ExportDamage(1, MAX_ID_BYTES + 5), id="endless id"
        ),
        pytest.param(b"\n\r\n", ExportDamage(), id="empty lines"),
    ],
)
def test_a_damaged_line_does_not_affect_other_lines(line, damage):
    """It is counted, and the lines around it are read."""
    before, after = line_records(2)
    pings, reader = read(before + line + after)

    assert len(pings) == 2
    assert reader.damaged == damage


@pytest.mark.parametrize("cut", [ID[:20], ID + b'\t{"a":"b', ID + b'\t{"a":{"b":1}', ID + b"\t"])
def test_a_cut_last_line_is_counted_as_damage(cut):
    """An open brace or quote shows that it is cut."""
    pings, reader = read(line_records(1)[0] + cut)

    assert len(pings) == 1
    assert reader.damaged == ExportDamage(1, len(cut))


@pytest.mark.parametrize("length", [99, 100, 101, 5_000_000])
def test_a_line_over_the_limit_is_skipped_in_bounded_memory(length):
    """At the limit it is read, over it counted; its neighbours are read either way."""
    long_line = ID + b"\t" + b"x" * (length - len(ID) - 1)
    lines = b"".join([*line_records(1), long_line, b"\n", *line_records(1)])
    reader = LinesReader(BufferedReader(PlainSource(io.BytesIO(lines))), NOW, max_line_bytes=100)
    pings = list(reader)

    assert len(pings) == (3 if length <= 100 else 2)
    assert reader.damaged == (ExportDamage() if length <= 100 else ExportDamage(1, length + 1))


def test_lines_arrive_on_the_given_day():
    """At midnight UTC; the clock is not used."""
    (ping,), _ = read(line_records(1)[0], date=date(2013, 9, 8), received_at=NOW)

    assert ping.received_at == datetime(2013, 9, 8, tzinfo=UTC)


def test_without_a_day_lines_arrive_now():
    before = datetime.now(UTC)
    (ping,), _ = read(line_records(1)[0])

    assert before <= ping.received_at <= datetime.now(UTC)


@given(
    st.lists(
        st.tuples(st.uuids(), st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=40)),
        max_size=6,
    )
)
def test_written_lines_are_read_back(records):
    """Any id and any text of one line."""
    lines = "".join(f"{uuid}\t{text}\n" for uuid, text in records).encode()
    pings, reader = read(lines, format=ExportFormat.LINES)

    assert [(ping.path, ping.body.decode()) for ping in pings] == [
        (f"/submit/telemetry/{uuid}", text) for uuid, text in records
    ]
    assert not reader.is_damaged


@pytest.mark.parametrize("form", [ExportFormat.AUTO, ExportFormat.LINES])
def test_a_byte_order_mark_is_skipped(form):
    """At the start of a file, or where two such files were joined."""
    lines = line_records(4)
    joined = BYTE_ORDER_MARK + b"".join(lines[:2]) + BYTE_ORDER_MARK + b"".join(lines[2:])

    for text, count in ((joined, 4), (BYTE_ORDER_MARK + b"\r\n" + lines[0], 1)):
        pings, reader = read(text, format=form)
        assert (len(pings), reader.is_damaged) == (count, False)


def test_the_trial_file_with_a_byte_order_mark_has_all_its_pings():
    pings, reader = read(shared_trials("lines-with-bom.txt").read_bytes())

    assert (len(pings), reader.is_damaged) == (3, False)
