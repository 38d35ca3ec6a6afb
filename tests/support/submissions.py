"""Submissions for tests: plain ones, and a Hypothesis strategy of unusual ones."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from storage.raw.submission import Submission

NOON = datetime(2026, 11, 22, 12, 0, 0, 250, tzinfo=UTC)


def a_submission(number: int = 1, **changes: Any) -> Submission:
    """Return submission *number*; the number is in its path and body."""
    fields: dict[str, Any] = {
        "received_at": NOON,
        "path": f"/submit/telemetry/00000000-0000-4000-8000-{number:012d}",
        "body": b'{"n": %d}' % number + b"." * (number * 37 % 200),
        "query": "v=4",
        "host": "localhost",
        "headers": {"user-agent": "test"},
    }
    return Submission(**(fields | changes))


def number_of(submission: Submission) -> int:
    """Return the number of a submission."""
    return int(submission.path[-12:])


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)

submissions = st.builds(
    Submission,
    received_at=st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9999, 12, 30)).map(
        lambda moment: moment.replace(tzinfo=UTC)
    ),
    path=_text,
    body=st.binary(max_size=300),
    query=_text,
    method=st.sampled_from(["POST", "PUT"]),
    protocol=st.sampled_from(["HTTP/1.0", "HTTP/1.1"]),
    host=_text,
    headers=st.dictionaries(_text, _text, max_size=4),
    client_address=st.none() | st.just("192.0.2.0"),
)
