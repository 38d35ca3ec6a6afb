"""The expiry clock: jumps are recorded, and trusted only after a day."""

import pytest

from storage.ledger.clock import ClockRecord
from storage.ledger.ledger import Ledger

HOUR, DAY = 3600, 86_400
START = 1_790_000_000


def after(*walls: int) -> ClockRecord:
    """Return the record after checks of the wall clock, in seconds from the start."""
    record = ClockRecord(START)
    for wall in walls:
        record = record.after_check(START + wall)
    return record


@pytest.mark.parametrize(
    ("walls", "expiry", "doubted", "jumped_by"),
    [
        ((HOUR,), HOUR, False, 0),
        ((HOUR, 2 * HOUR), 2 * HOUR, False, 0),
        # A night without a server, then a small correction by hand.
        ((20 * HOUR, 20 * HOUR - 200), 20 * HOUR - 200, False, 0),
        # 40 days ahead: once, and for less than a day.
        ((40 * DAY,), 0, True, 40 * DAY),
        ((40 * DAY, 40 * DAY + 23 * HOUR), 0, True, 40 * DAY),
        # Then correct again.
        ((40 * DAY, 5), 5, False, 40 * DAY),
        ((40 * DAY, 5, DAY), DAY, False, 40 * DAY),
        # It lasts: the server was off for that long.
        ((40 * DAY, 40 * DAY + 12 * HOUR, 41 * DAY), 41 * DAY, False, 40 * DAY),
        # Two jumps, a day apart, do not confirm each other.
        ((40 * DAY, 80 * DAY), 0, True, 40 * DAY),
        ((40 * DAY, 80 * DAY, 80 * DAY + 23 * HOUR), 0, True, 40 * DAY),
        # 40 days back: nothing expires, and the trusted time stays.
        ((DAY, -40 * DAY), -40 * DAY, True, -41 * DAY),
        ((DAY, -40 * DAY, DAY + 5), DAY + 5, False, -41 * DAY),
        # Back permanently: the clock had been ahead before.
        ((DAY, -40 * DAY, -39 * DAY), -39 * DAY, False, -41 * DAY),
        ((DAY, -40 * DAY, -39 * DAY, -38 * DAY), -38 * DAY, False, -41 * DAY),
    ],
)
def test_a_jump_of_the_clock_is_recorded_and_trusted_only_when_it_lasts(walls, expiry, doubted, jumped_by):
    """*expiry* is the time for measuring ages, in seconds from the start."""
    record = after(*walls)

    assert record.expiry_time(START + walls[-1]) == START + expiry
    assert record.is_doubted is doubted
    assert record.jumped_by == jumped_by


def test_the_ledger_keeps_the_clock(tmp_path):
    """Nothing is recorded before the first check."""
    record = after(HOUR, 40 * DAY)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.clock() is None
        with ledger.transaction() as transaction:
            transaction.put_clock(record)
            assert transaction.number_files(2) == 1

    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.clock() == record
