"""Small inputs that once failed, each with its right outcome; those that are about the text of a body."""

import json

from telemetry_server.convert.pipeline import convert
from tests.convert.payloads.samples import a_context, a_submission, stored
from tests.support.shared_data import shared_trials


def test_integers_past_64_bits_are_stored_with_all_their_digits(tmp_path):
    """Read by a parser that keeps them, as not every one does."""
    context = a_context(tmp_path)
    found = []
    for line in shared_trials("integers-past-64-bits.txt").read_bytes().splitlines():
        _, body = line.split(b"\t")
        found.append(json.loads(stored(convert(a_submission(body), context)).record)["x"])

    assert found == [2**64, -(2**63) - 1, 2**64 - 1]
