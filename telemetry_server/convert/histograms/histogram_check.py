"""
Checks one histogram against its definition: the result is a row, or the reason for dropping it.

`row_of` is the inner loop of conversion and accepts only histograms in which everything is as expected.
`checked_row` handles all others: it is the rule itself, with the checks in the contract's order.
"""

from collections.abc import Callable, Mapping
from typing import Any

from storage.partitions.histogram_row import NOT_SENT, SUMMARY, Number, Row, pack_row
from telemetry_server.convert.histograms.definitions import Definition, Definitions, Unusable
from telemetry_server.outcomes.outcome import HistogramReason
from telemetry_server.pings.json_place import json_type, short_number

MAX_COUNT = 2**63 - 1
_SHORT_KEY_CHARACTERS = 24
_NUMBER_TYPES = frozenset({int, float})


class Dropped(Exception):
    """The histogram does not fit its definition."""

    def __init__(self, reason: HistogramReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def row_of(histogram: Any, definition: Definition) -> Row | None:
    """
    The row of a *histogram* in which everything is as expected; None if `checked_row` must check it.

    It is also None where the buckets are those of one of the `others` of *definition*.
    """
    positions, bucket_count, client_type, client_range, _, _ = definition
    try:
        get: Callable[[str, Any], Any] = histogram.get
        sent = get("histogram_type", client_type)
        if sent != client_type or sent.__class__ is not int:
            return None
        sent = get("bucket_count", bucket_count)
        if sent != bucket_count or sent.__class__ is not int:
            return None
        sent = get("range", client_range)
        if sent != client_range or sent[0].__class__ is not int or sent[1].__class__ is not int:
            return None
        total = get("sum", NOT_SENT)
        log_total = get("log_sum", NOT_SENT)
        log_squares = get("log_sum_squares", NOT_SENT)
        squares_low = get("sum_squares_lo", NOT_SENT)
        squares_high = get("sum_squares_hi", NOT_SENT)
        if (
            total.__class__ not in _NUMBER_TYPES
            or log_total.__class__ not in _NUMBER_TYPES
            or log_squares.__class__ not in _NUMBER_TYPES
            or squares_low.__class__ not in _NUMBER_TYPES
            or squares_high.__class__ not in _NUMBER_TYPES
        ):
            return None
        row: Row = [0] * bucket_count
        largest = MAX_COUNT
        for start, count in histogram["values"].items():
            if count.__class__ is int and 0 <= count <= largest:
                row[positions[start]] = count
            else:
                return None
    except (AttributeError, KeyError, TypeError):
        return None
    summary: tuple[Any, ...] = (total, log_total, log_squares, squares_low, squares_high)
    row += summary
    return row


def checked_row(name: str, histogram: Any, keyed: bool, definitions: Definitions) -> Row:
    """
    The row of a histogram, whatever was sent; null counts as a missing field.

    Raises:
        Dropped: With the first reason that applies.
    """
    values, summary = _well_formed(histogram)
    named = definitions.definition(name, histogram)
    if isinstance(named, Unusable):
        raise Dropped(_reason_of(named), named.detail)
    definition = _meant_by(histogram, values, named)
    _agrees(histogram, keyed, definition, named)
    positions = definition.positions
    for start in values:
        if start not in positions:
            raise _bad_bucket(start)
    for start, count in values.items():
        if type(count) is not int:
            detail = f"the count of bucket {start} is {_not_an_integer(count)}"
            raise Dropped(HistogramReason.INVALID_COUNT, detail)
        if not 0 <= count <= MAX_COUNT:
            detail = f"the count of bucket {start} is {short_number(count)}, not from 0 to 2^63-1"
            raise Dropped(HistogramReason.INVALID_COUNT, detail)
    return pack_row(values, definition.positions, definition.bucket_count, summary)


REASONS_OF_VALUES = (
    HistogramReason.TYPE_MISMATCH,
    HistogramReason.BUCKET_COUNT_MISMATCH,
    HistogramReason.RANGE_MISMATCH,
    HistogramReason.INVALID_BUCKET,
    HistogramReason.INVALID_COUNT,
)
"""Reasons that the compiled walk finds, in the order in which `checked_row` does."""

RefusedText = tuple[HistogramReason, bytes]
"""A histogram that breaks its definition: the reason, and what quarantine holds of it."""
RefusedName = tuple[HistogramReason, bytes]
"""Why every well-formed histogram of a name is refused, and the detail as JSON."""


def reason_by_name(definition: Definition | Unusable) -> tuple[HistogramReason, str]:
    """
    Return why a well-formed histogram is dropped whose *definition* has no layout, as `checked_row` finds it.

    Args:
        definition: Unusable, or the one of a keyed histogram that was sent as another, or the reverse.
    """
    if isinstance(definition, Unusable):
        return _reason_of(definition), definition.detail
    assert definition.keyed is not None
    return HistogramReason.MALFORMED, _keyed_mismatch(is_keyed=definition.keyed)


def _reason_of(definition: Unusable) -> HistogramReason:
    return HistogramReason.UNUSABLE_SPEC if definition.defined else HistogramReason.UNKNOWN_HISTOGRAM


def _keyed_mismatch(*, is_keyed: bool) -> str:
    defined, sent = ("keyed", "not keyed") if is_keyed else ("not keyed", "keyed")
    return f"sent {sent}, defined as {defined}"


def _bad_bucket(start: str) -> Dropped:
    return Dropped(HistogramReason.INVALID_BUCKET, f"{_short(start)} is not the lower bound of a bucket")


def _well_formed(histogram: Any) -> tuple[Mapping[str, Any], list[Number]]:
    if not isinstance(histogram, dict):
        raise Dropped(HistogramReason.MALFORMED, f"it is {json_type(histogram)}, not an object")
    values = histogram.get("values")
    if not isinstance(values, dict):
        raise Dropped(HistogramReason.MALFORMED, f"values is {json_type(values)}, not an object")
    get = histogram.get
    for name in ("histogram_type", "bucket_count"):
        field = get(name)
        if field is not None and field.__class__ is not int:
            raise Dropped(HistogramReason.MALFORMED, f"{name} is {_not_an_integer(field)}")
    bounds = get("range")
    if bounds is not None and not (
        bounds.__class__ is list
        and len(bounds) == 2
        and bounds[0].__class__ is int
        and bounds[1].__class__ is int
    ):
        raise Dropped(HistogramReason.MALFORMED, "range is not an array of two integers")
    summary: list[Number] = []
    for name in SUMMARY:
        field = get(name)
        if field is None:
            field = NOT_SENT
        elif type(field) not in _NUMBER_TYPES:
            raise Dropped(HistogramReason.MALFORMED, f"{name} is {json_type(field)}, not a number")
        summary.append(field)
    return values, summary


def _meant_by(histogram: Mapping[str, Any], values: Mapping[str, Any], definition: Definition) -> Definition:
    """
    The one of *definition* and its `others` that the client used.

    It is the first that has the sent bucket count, the sent range and every bucket in *values*, else the
    first that has most of them in this order.  The compiled walk follows the same rule.
    """
    if not definition.others:
        return definition
    count, bounds = histogram.get("bucket_count"), histogram.get("range")
    fitting = [definition, *definition.others]
    for fits in (
        lambda one: count in (None, one.bucket_count),
        lambda one: bounds in (None, one.client_range),
        lambda one: all(start in one.positions for start in values),
    ):
        fitting = list(filter(fits, fitting)) or fitting
    return fitting[0]


def _agrees(histogram: Mapping[str, Any], keyed: bool, definition: Definition, named: Definition) -> None:
    """
    Raise `Dropped` where the sent fields and the definition differ.

    Args:
        histogram: As it was sent, well formed.
        keyed: Whether it was sent as one key of a keyed histogram.
        definition: The definition to compare with.
        named: The definition of the name; *definition* is this or one of its `others`.
    """
    if definition.keyed is not None and definition.keyed != keyed:
        raise Dropped(HistogramReason.MALFORMED, _keyed_mismatch(is_keyed=definition.keyed))
    get = histogram.get
    sent_as = get("histogram_type")
    if sent_as is not None and sent_as != definition.client_type:
        raise _differs(
            HistogramReason.TYPE_MISMATCH, "histogram_type", short_number(sent_as), definition.client_type
        )
    sent_as = get("bucket_count")
    if sent_as is not None and sent_as != definition.bucket_count:
        counts = (each.bucket_count for each in (named, *named.others))
        says = " or ".join(map(str, counts))
        raise _differs(HistogramReason.BUCKET_COUNT_MISMATCH, "bucket_count", short_number(sent_as), says)
    sent_as = get("range")
    if sent_as is not None and sent_as != definition.client_range:
        sent = f"[{', '.join(map(short_number, sent_as))}]"
        raise _differs(HistogramReason.RANGE_MISMATCH, "range", sent, definition.client_range)


def _differs(reason: HistogramReason, field: str, sent: str, says: object) -> Dropped:
    return Dropped(reason, f"{field} {sent} was sent, the definition says {says}")


def _not_an_integer(value: Any) -> str:
    return (
        "a number that is not a 64-bit integer"
        if type(value) is float
        else f"{json_type(value)}, not an integer"
    )


def _short(key: str) -> str:
    """A key for a detail: quoted only if it looks like a number, since other text may be private."""
    looks_like_a_number = len(key) <= _SHORT_KEY_CHARACTERS and not key.strip("0123456789+-. eE")
    return f"bucket {key!r}" if looks_like_a_number else f"a bucket key of {len(key)} characters"
