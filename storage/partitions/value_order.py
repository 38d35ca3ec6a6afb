"""How the values of a dimension compare: dates and builds, numbers, versions, each in its own order."""

import re
from math import isfinite

Bound = str | int | float

# A day, or a build time YYYYMMDDhhmmss, possibly cut after the day.
_STAMP = re.compile(r"[12]\d{3}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{0,6}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?", re.ASCII)
_VERSION = re.compile(r"\d{1,9}(?:\.\d{1,9})*(?:(?:a|b|pre|esr)\d{0,9})?(?:pre\d{0,9})?", re.ASCII)
_VERSION_PART = re.compile(r"\d+|[a-z]+", re.ASCII)

# Alphas and betas are before the release; an extended support release is after it.
_RANK = {"a": -3, "b": -2, "pre": -1, "esr": 1}


def is_within(value: str, minimum: Bound | None, maximum: Bound | None) -> bool:
    """
    Return whether *value* is between *minimum* and *maximum*, both included.

    - Where value and bounds begin with a day, they compare as dates as far as the bound goes: a
      maximum of 20130607 takes the build 20130607074752.
    - Otherwise as numbers, where the bounds are JSON numbers and the value is one.
    - Otherwise as versions: 9.0 < 10.0a1 < 10.0b2 < 10.0 = 10 < 10.0.1.
    - Other values are never between two bounds.
    """
    bounds = [bound for bound in (minimum, maximum) if bound is not None]
    texts = [str(bound) for bound in bounds]
    if all(map(_STAMP.fullmatch, [value, *texts])):
        return (minimum is None or value[: len(str(minimum))] >= str(minimum)[: len(value)]) and (
            maximum is None or value[: len(str(maximum))] <= str(maximum)
        )
    if all(isinstance(bound, int | float) for bound in bounds) and _NUMBER.fullmatch(value):
        number = float(value)
        return (minimum is None or number >= float(minimum)) and (maximum is None or number <= float(maximum))
    if not all(map(_VERSION.fullmatch, [value, *texts])):
        return False
    position = version_key(value)
    return (minimum is None or position >= version_key(str(minimum))) and (
        maximum is None or position <= version_key(str(maximum))
    )


def is_bound(bound: object) -> bool:
    """Return whether values can be compared with *bound*."""
    if isinstance(bound, bool):
        return False
    if isinstance(bound, int | float):
        return isfinite(bound)
    return isinstance(bound, str) and bool(_STAMP.fullmatch(bound) or _VERSION.fullmatch(bound))


def version_key(version: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return a sort key of a version: its numbers without zeros at the end, then its stage of release."""
    numbers: list[int] = []
    suffix: list[int] = []
    for part in _VERSION_PART.findall(version):
        if part in _RANK:
            suffix.append(_RANK[part])
        elif suffix:
            suffix.append(int(part))
        else:
            numbers.append(int(part))
    while numbers and numbers[-1] == 0:
        numbers.pop()
    # A release is later than 10.0b3 and earlier than 10.0esr: no suffix counts as 0.
    return tuple(numbers), tuple(suffix) or (0,)
