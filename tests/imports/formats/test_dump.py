"""The export dump of 2013, with its salt byte."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.imports.formats.dump import encode_dump_record, salt_of
from telemetry_server.imports.formats.exported_ping import ExportDamage, ExportFormat
from tests.imports.formats.samples import DAY, document_id, dump_records, read

TAIL = b"c0ffee-25f5-450a-9cce-7d31318846d8"


@pytest.mark.parametrize(("digits", "salt"), [(b"17", 0x97), (b"80", 0x00), (b"ff", 0x7F), (b"8a", 0x0A)])
def test_case_18_the_salt_is_the_ids_first_byte_minus_128(digits, salt):
    """A salt that is LF or TAB is read at the start, between records and at the end."""
    record = encode_dump_record(DAY, digits + TAIL, b'{"a":8}')
    pings, reader = read(record * 3)

    assert record[0] == salt == salt_of(digits)
    assert [(ping.path, ping.body) for ping in pings] == [
        (f"/submit/telemetry/{(digits + TAIL).decode()}", b'{"a":8}')
    ] * 3
    assert reader.format is ExportFormat.EXPORT
    assert not reader.is_damaged


def test_the_date_in_a_record_is_its_day_of_submission():
    """Midnight UTC, because a dump has no times."""
    (ping,), _ = read(encode_dump_record(date(2013, 6, 7), document_id(1), b"{}"))

    assert ping.received_at == datetime(2013, 6, 7, tzinfo=UTC)


RECORDS = dump_records(5)
FIRST, SECOND = RECORDS[:2]


@pytest.mark.parametrize(
    ("damaged", "numbers", "damage"),
    [
        pytest.param(b"\x00" + SECOND[1:], [0, 2, 3, 4], ExportDamage(1, len(SECOND)), id="wrong salt"),
        pytest.param(
            SECOND[:5] + b"x" + SECOND[6:], [0, 2, 3, 4], ExportDamage(1, len(SECOND)), id="no date"
        ),
        pytest.param(
            SECOND[:1] + b"20131301" + SECOND[9:], [0, 2, 3, 4], ExportDamage(1, len(SECOND)), id="month 13"
        ),
        pytest.param(SECOND[:60], [0, 2, 3, 4], ExportDamage(1, 60), id="cut in the JSON"),
        pytest.param(SECOND[:20], [0, 2, 3, 4], ExportDamage(0, 20), id="cut in the header"),
        pytest.param(SECOND[:-1] + b"?", [0, 1, 2, 3, 4], ExportDamage(0, 1), id="another byte for the LF"),
        pytest.param(SECOND + b"\n\n", [0, 1, 2, 3, 4], ExportDamage(0, 2), id="empty lines"),
        pytest.param(b"?" * 100 + SECOND, [0, 1, 2, 3, 4], ExportDamage(1, 100), id="inserted bytes"),
    ],
)
def test_damage_does_not_affect_other_records(damaged, numbers, damage):
    """The next record with a plausible header is read."""
    pings, reader = read(b"".join([FIRST, damaged, *RECORDS[2:]]))

    assert [ping.body for ping in pings] == [b'{"ver":1,"number":%d}' % number for number in numbers]
    assert reader.damaged == damage


@pytest.mark.parametrize(
    ("end", "numbers", "damage"),
    [
        pytest.param(SECOND, [0, 1], ExportDamage(), id="whole"),
        pytest.param(SECOND[:-1], [0, 1], ExportDamage(), id="without its LF"),
        pytest.param(SECOND[:-5], [0], ExportDamage(1, len(SECOND) - 5), id="cut in the JSON"),
        pytest.param(SECOND[:30], [0], ExportDamage(0, 30), id="cut in the header"),
        pytest.param(SECOND + b"\n", [0, 1], ExportDamage(), id="and one LF more"),
    ],
)
def test_intact_records_are_read_to_the_end_of_a_dump(end, numbers, damage):
    """The last record may lack its LF if its JSON is complete."""
    pings, reader = read(FIRST + end)

    assert [ping.body for ping in pings] == [b'{"ver":1,"number":%d}' % number for number in numbers]
    assert reader.damaged == damage


def test_invalid_json_is_imported_for_the_converter_to_refuse():
    """Only the position decides whether a record is intact; its content may even have a TAB."""
    bodies = [b"no json", b"", b"a\tb", b'{"a":']
    pings, reader = read(b"".join(encode_dump_record(DAY, document_id(n), b) for n, b in enumerate(bodies)))

    assert [ping.body for ping in pings] == bodies
    assert not reader.is_damaged


@given(
    st.lists(
        st.tuples(
            st.dates(date(2010, 1, 1), date(2099, 12, 31)),
            st.uuids(),
            st.binary(max_size=40).map(lambda body: body.replace(b"\n", b" ").replace(b"\t", b" ")),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_written_records_are_read_back(records):
    """Any day, id and text."""
    dump = b"".join(encode_dump_record(day, str(uuid).encode(), body) for day, uuid, body in records)
    pings, reader = read(dump, format=ExportFormat.EXPORT)

    assert [(ping.received_at.date(), ping.path, ping.body) for ping in pings] == [
        (day, f"/submit/telemetry/{uuid}", body) for day, uuid, body in records
    ]
    assert not reader.is_damaged
