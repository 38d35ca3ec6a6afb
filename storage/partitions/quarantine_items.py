"""Counts the items of a quarantine line: the ledger counts each refused histogram."""

import re

# Only the server writes what is before the first key; a client's text comes later in the line.
_COUNT = re.compile(rb'[^\t]*\t\{"count":([0-9]{1,9}),')


def items_in(line: bytes) -> int:
    """Return the number of histograms in *line*; 1 for a submission, or for a histogram in the old form."""
    match = _COUNT.match(line)
    return 1 if match is None else int(match[1])
