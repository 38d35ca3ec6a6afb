"""The days that a CSV file is about."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

DEFAULT_DAYS = 90
FORMAT = "YYYY-MM-DD"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class BadDate(Exception):
    """A date has another form.  One line, which names the parameter."""


@dataclass(frozen=True, slots=True)
class Window:
    """Days in UTC, both included."""

    first: date
    last: date

    @property
    def begin(self) -> datetime:
        """The first moment."""
        return datetime.combine(self.first, time(), tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The moment after the last one."""
        try:
            return datetime.combine(self.last, time(), tzinfo=UTC) + timedelta(days=1)
        except OverflowError:
            return datetime.max.replace(tzinfo=UTC)


def date_named(name: str, text: str) -> date:
    """
    Return the date of a parameter.

    Raises:
        BadDate: *text* is not one in the form YYYY-MM-DD.
    """
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise BadDate(f"{name}: {text!r} is not a date; the format is {FORMAT}")


def window_of(first: str, last: str, today: date) -> Window:
    """
    Return the window of ``from_date`` and ``to_date``: by default the last `DEFAULT_DAYS` days, and today.

    Raises:
        BadDate: One of them is not a date.
    """
    begin = date_named("from_date", first) if first else today - timedelta(days=DEFAULT_DAYS)
    return Window(begin, date_named("to_date", last) if last else today)
