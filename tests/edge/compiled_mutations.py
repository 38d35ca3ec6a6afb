"""
Runs mutated heads and random batches through the compiled parts of receiving.

``python -m tests.edge.compiled_mutations HEAD_LIBRARY RECORDS_LIBRARY SECONDS`` prints how many it ran, and
fails at the first one for which the plain form gives another result.
"""

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from types import ModuleType

from storage.raw.framing import FILE_HEADER_BYTES, header_json
from storage.raw.intact_records import UNKNOWN, plain_intact
from storage.raw.record_frames import RawRecord, plain_frame, plain_stamped
from storage.raw.unreadable_headers import plain_unreadable
from telemetry_server.edge.fast_head import plain_fast_head
from telemetry_server.edge.whole_request import PlainReader
from tests.attacks.cases import CASES
from tests.edge.test_fast_head import OTHERS, PLAIN, THREE
from tests.support.compiled_modules import loaded
from tests.support.submissions import a_submission

BYTES = b'\r\n: \t"\\/?%-_aZ09\x00\x7f\xff'


def mutated(chance: Random, text: bytes) -> bytes:
    """Return *text* with a byte changed, a stretch taken out or repeated, or its end cut off."""
    start = chance.randrange(len(text) + 1)
    end = min(len(text), start + chance.randrange(60))
    return chance.choice(
        (
            text[:start] + bytes([chance.choice(BYTES)]) + text[start + 1 :],
            text[:start] + text[end:],
            text[:end] + text[start:],
            text[:start],
        )
    )


def check_head(chance: Random, head: ModuleType, text: bytes) -> None:
    """Compare both forms for one text."""
    limits = (
        THREE
        if chance.random() < 0.7
        else (chance.randrange(80), chance.randrange(300), chance.randrange(50))
    )
    found, plain = head.head(text, *limits), plain_fast_head(text, *limits)
    assert found == (plain and tuple(plain)), (text, limits)


def check_whole(chance: Random, head: ModuleType, text: bytes) -> None:
    """Compare both readers of whole requests for one text."""
    moment = datetime(1, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.random() * 3e11)
    options = (THREE, chance.choice((10, 1 << 20)), lambda: moment, RawRecord)
    assert head.Reader(*options)(text) == PlainReader(*options)(text), text


def check_records(chance: Random, records: ModuleType, text: bytes, prefix: bytes) -> None:
    """Compare both forms of passing over records for one text."""
    for last in (0, UNKNOWN, chance.randrange(5)):
        place = (chance.randrange(len(text) + 9), prefix, last)
        assert records.intact(text, *place) == plain_intact(text, *place), (text, place)


def check_headers(chance: Random, records: ModuleType) -> None:
    """Check that a header that is not parsed could be."""
    fields = replace(a_submission(chance.randrange(9)), client_address=chance.choice((None, "192.0.2.1")))
    text = header_json(fields)
    for _ in range(chance.randrange(3)):
        text = mutated(chance, text)
    assert records.unusual([text]) or not plain_unreadable([text]), text


def check_batch(chance: Random, records: ModuleType) -> None:
    """Compare both forms for one batch."""
    moment = datetime(1, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.random() * 3e11)
    batch = []
    for _ in range(chance.randrange(1, 6)):
        rest = chance.randbytes(chance.randrange(200))
        assert records.stamped(moment, rest) == plain_stamped(moment, rest)
        text = chance.randbytes(int(2 ** chance.uniform(0, 17)))
        batch.append(RawRecord(moment.date(), rest, text, chance.randrange(min(len(text), 100) + 1)))
    place = (chance.randrange(1 << 40), chance.randbytes(8), chance.randrange(1 << 40))
    assert records.frame(batch, *place) == plain_frame(batch, *place)
    start = (FILE_HEADER_BYTES, place[1], chance.randrange(3))
    text = b"".join(plain_frame(batch, *start)[0])[:100_000]
    for _ in range(chance.randrange(3)):
        text = mutated(chance, text)
    check_records(chance, records, text, place[1])


def main() -> None:
    """Run until the time is over."""
    head, records = loaded("_head", sys.argv[1]), loaded("_records", sys.argv[2])
    chance, end, count = Random(1), time.monotonic() + float(sys.argv[3]), 0
    texts = [*PLAIN, *OTHERS, *(case.sent for case in CASES)]
    while time.monotonic() < end:
        for _ in range(50):
            text = chance.choice(texts)
            for _ in range(chance.randrange(4)):
                text = mutated(chance, text)
            check_head(chance, head, text)
            check_whole(chance, head, text)
            check_headers(chance, records)
        check_batch(chance, records)
        count += 51
    print(count)


if __name__ == "__main__":
    main()
