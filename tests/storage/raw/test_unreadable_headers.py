"""Headers that cannot be read are counted the same in C and in Python."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import DamagedRecord
from storage.raw.framing import header_json, submission_in
from storage.raw.unreadable_headers import IS_COMPILED, plain_unreadable, unreadable
from tests.support.submissions import a_submission

USUAL = header_json(replace(a_submission(1), headers={"User-Agent": 'a "b" \\c', "DNT": "1"}))
WITH_ALL = header_json(
    replace(a_submission(2), client_address="192.0.2.1", place="quarantine", fault="too large", headers={})
)
PARTS = [b'"', b"\\", b"{", b"}", b",", b":", b" ", b"0", b"9", b"\x00", b"\x7f", b"\xc3", b"\xa9", b"a"]
ascii_texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


def is_readable(header: bytes) -> bool:
    """Whether the converter can read it."""
    try:
        submission_in(header, b"")
    except DamagedRecord:
        return False
    return True


def both(headers: list[bytes]) -> int:
    """Return the result of both functions; check that it is the same."""
    found = unreadable(headers)

    assert found == plain_unreadable(headers)
    assert found == sum(not is_readable(header) for header in headers)
    return found


@given(st.sampled_from([USUAL, WITH_ALL]), st.data())
def test_a_changed_header_is_counted_by_both_or_by_neither(header, data):
    """Bytes changed, lost, repeated or put in."""
    text = bytearray(header)
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 30)))
        kind = data.draw(st.sampled_from(["changed", "lost", "repeated", "put in"]))
        if kind == "lost":
            del text[start:end]
        elif kind == "repeated":
            text[start:start] = text[start:end]
        else:
            text[start : start + (kind == "changed")] = data.draw(st.sampled_from(PARTS))

    both([header, bytes(text)])


@given(st.text("0123456789-:.TZ+", max_size=30) | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"))
def test_a_moment_that_does_not_exist_is_unreadable(moment):
    """Also in a header that is as usual otherwise."""
    stamp = USUAL.index(b'","path"')
    both([b'{"received_at":"' + moment.encode() + USUAL[stamp:]])


@pytest.mark.parametrize("month", range(14))
@pytest.mark.parametrize("year", [0, 1, 1900, 2024, 2026, 9999])
def test_each_day_of_a_month_is_read_if_it_exists(year, month):
    """And no other."""
    stamp = USUAL.index(b'","path"')
    for day in range(33):
        moment = f"{year:04}-{month:02}-{day:02}T23:59:59.999999Z"
        try:
            datetime.fromisoformat(moment)
            expected = 0
        except ValueError:
            expected = 1
        assert both([b'{"received_at":"' + moment.encode() + USUAL[stamp:]]) == expected


@given(
    st.datetimes(timezones=st.just(UTC)),
    ascii_texts,
    st.dictionaries(ascii_texts, ascii_texts),
    st.none() | ascii_texts,
    st.sampled_from([("", ""), ("quarantine", ""), ("quarantine", "too_large")]),
)
def test_headers_of_this_server_are_not_parsed(moment, path, headers, address, place):
    """C recognises all of them but those of a leap day."""
    if not IS_COMPILED:
        pytest.skip("the compiled part was not built")
    from storage.raw import _records

    submission = replace(
        a_submission(1), received_at=moment, path=path, headers=headers, client_address=address
    )
    header = header_json(replace(submission, place=place[0], fault=place[1]))

    assert both([header]) == 0
    is_leap_day = (moment.month, moment.day) == (2, 29)
    assert _records.unusual([header]) == [header] * is_leap_day


@pytest.mark.parametrize("wrong", [None, (b"{}",), b"{}"])
def test_the_compiled_form_takes_a_list_only(wrong):
    """It says so."""
    if not IS_COMPILED:
        pytest.skip("the compiled part was not built")
    from storage.raw import _records

    with pytest.raises(TypeError, match="takes a list of headers"):
        _records.unusual(wrong)
