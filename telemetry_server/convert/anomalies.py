"""Oddities that do not prevent storing a submission: all are counted, some are also in its record."""

from collections import Counter
from dataclasses import replace

from storage.raw.submission import Submission
from telemetry_server.pings.doctype_check import UNREGISTERED_VERSION
from telemetry_server.pings.json_text import ParsedObject
from telemetry_server.pings.lone_surrogates import LONE_SURROGATE, replace_in_text
from telemetry_server.probes.marks import MarkName

BYTE_ORDER_MARK = "json_bom"
# The notes that a record contains, as ``metadata.anomalies``.
ANOMALIES = (LONE_SURROGATE, UNREGISTERED_VERSION, *(name.value for name in MarkName))


def note_parsing(parsed: ParsedObject, notes: Counter[str]) -> None:
    """Count what was mended to read a body."""
    if parsed.had_byte_order_mark:
        notes[BYTE_ORDER_MARK] += 1
    if parsed.lone_surrogates:
        notes[LONE_SURROGATE] += parsed.lone_surrogates


def with_readable_texts(submission: Submission, notes: Counter[str]) -> Submission:
    """*submission* with every lone surrogate in its path and its headers replaced."""
    texts = (submission.path, *submission.headers, *submission.headers.values())
    if "".join(texts).isascii():
        return submission
    count = sum(replace_in_text(text)[1] for text in texts)
    if not count:
        return submission
    notes[LONE_SURROGATE] += count
    return replace(
        submission,
        path=replace_in_text(submission.path)[0],
        headers={
            replace_in_text(name)[0]: replace_in_text(value)[0] for name, value in submission.headers.items()
        },
    )


def anomalies_in(notes: Counter[str]) -> dict[str, int]:
    """The *notes* that belong in a record."""
    return {name: notes[name] for name in ANOMALIES if name in notes} if notes else {}
