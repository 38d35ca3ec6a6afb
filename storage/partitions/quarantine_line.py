"""Counts the items in one line of quarantine, because the ledger counts each refused histogram."""

import re

# Only the server writes what is before the first key; a client's text comes later in the line.
_COUNT = re.compile(rb'[^\t]*\t\{"count":([0-9]{1,9}),')


def items_in(line: bytes) -> int:
    """The number of histograms in *line*; 1 for a whole submission, and for a histogram of the old form."""
    match = _COUNT.match(line)
    return 1 if match is None else int(match[1])
