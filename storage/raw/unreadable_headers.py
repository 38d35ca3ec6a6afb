"""
Counts the headers of records that cannot be read.

Nearly all are as this server writes them; C recognises those where it was built, ten times as fast as they
are parsed.  `plain_unreadable` is the reference; tests check that both give the same results.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

from storage.raw.framing import arrival_of


def plain_unreadable(headers: Sequence[bytes]) -> int:
    """Return how many of *headers* `submission_in` refuses."""
    return sum(arrival_of(header) is None for header in headers)


unreadable: Callable[[list[bytes]], int] = plain_unreadable
with suppress(ImportError):
    from storage.raw import _records

    def unreadable(headers: list[bytes]) -> int:
        """Return what `plain_unreadable` returns."""
        return plain_unreadable(_records.unusual(headers))


IS_COMPILED = unreadable is not plain_unreadable
