"""Resolves one definition of a spec file, of any Firefox since 2012, to a `HistogramSpec`."""

from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakValueDictionary

from histogram_specs.buckets import BucketFamily, BucketSet, bucket_set
from histogram_specs.errors import BadDefinition, SpecError
from histogram_specs.expressions import Constants, evaluate, meanings
from histogram_specs.spec import HistogramKind, HistogramSpec

# Since Firefox 53 categorical histograms have spare buckets for later labels.
MIN_CATEGORIES = 50
NUMBERS = ("low", "high", "n_buckets", "n_values")

_KINDS = {kind.value: kind for kind in HistogramKind}
_PLAIN_KINDS = frozenset({HistogramKind.BOOLEAN, HistogramKind.FLAG, HistogramKind.COUNT})
_shared: WeakValueDictionary[tuple[Any, ...], HistogramSpec] = WeakValueDictionary()


def resolve_definition(
    name: str, definition: Any, constants: Constants, *, has_spare_categories: bool = False
) -> HistogramSpec:
    """
    Return the spec for the JSON of one definition; irrelevant keys are ignored.

    Args:
        name: Name of the histogram.
        definition: The JSON value under that name.
        constants: Values of names from C++ headers.
        has_spare_categories: Whether the file is known to be of Firefox 53 or later.

    Raises:
        SpecError: If its buckets cannot be computed; the text says why, in one line.
    """
    if not isinstance(definition, dict):
        raise BadDefinition("the definition is not an object")
    written_kind = definition.get("kind")
    kind = _KINDS.get(written_kind) if isinstance(written_kind, str) else None
    if kind is None:
        raise BadDefinition(
            f"kind {written_kind!r:.60} is unknown" if written_kind is not None else "no kind"
        )
    labels = _texts(definition, "labels") if kind is HistogramKind.CATEGORICAL else ()
    shapes = tuple(dict.fromkeys(_shapes(kind, definition, labels, constants, has_spare_categories)))
    fields = (
        name,
        kind,
        shapes,
        _keyed(definition),
        labels,
        _texts(definition, "keys"),
        _texts(definition, "record_in_processes"),
        _texts(definition, "record_into_store") or ("main",),
        _expiry(definition),
    )
    shared = _shared.get(fields)
    if shared is None:
        low, high, buckets, others = _buckets(kind, shapes)
        shared = HistogramSpec(name, kind, low, high, buckets, *fields[3:], other_buckets=others)
        _shared[fields] = shared
    return shared


Shape = tuple[int, int, int]  # low, high, number of buckets


def _shapes(
    kind: HistogramKind,
    definition: dict[str, Any],
    labels: tuple[str, ...],
    constants: Constants,
    has_spare_categories: bool,
) -> Iterator[Shape]:
    """Yield the possible meanings of the definition, the likeliest first."""
    if kind in _PLAIN_KINDS:
        yield 1, 2, 3
        return
    written = [definition[key] for key in NUMBERS if isinstance(definition.get(key), str)]
    for meaning in meanings(written, constants):
        if kind is HistogramKind.ENUMERATED:
            values = _integer(definition, "n_values", meaning)
            yield 1, values, values + 1
        elif kind is HistogramKind.CATEGORICAL:
            values = _integer(definition, "n_values", meaning, 0)
            categories = max(len(labels), values, MIN_CATEGORIES)
            yield 1, categories, categories + 1
            # Until Firefox 52 there were neither n_values nor spare buckets.
            if "n_values" not in definition and not has_spare_categories and len(labels) > 1:
                yield 1, len(labels), len(labels) + 1
        else:
            low = _integer(definition, "low", meaning, 1)
            high = _integer(definition, "high", meaning)
            # Clients count a low under 1 as 1.
            yield max(low, 1), high, _integer(definition, "n_buckets", meaning)


def _buckets(
    kind: HistogramKind, shapes: tuple[Shape, ...]
) -> tuple[int, int, BucketSet, tuple[BucketSet, ...]]:
    """
    Return low, high and buckets of the first valid one of *shapes*, and the buckets of the others.

    Only the first of each number of buckets is returned: the length of a row identifies its buckets.

    Raises:
        SpecError: If no shape is valid; the error of the first one.
    """
    family = BucketFamily.EXPONENTIAL if kind is HistogramKind.EXPONENTIAL else BucketFamily.LINEAR
    found: dict[int, tuple[int, int, BucketSet]] = {}
    failure: SpecError | None = None
    for low, high, count in shapes:
        try:
            buckets = bucket_set(family, low, high, count)
        except SpecError as error:
            failure = failure or error
        else:
            found.setdefault(count, (low, high, buckets))
    if not found:
        raise failure or BadDefinition("it has no buckets")
    (low, high, first), *others = found.values()
    return low, high, first, tuple(buckets for _, _, buckets in others)


def _integer(
    definition: dict[str, Any], key: str, constants: Mapping[str, int], default: int | None = None
) -> int:
    value = definition.get(key, default)
    if type(value) is int:
        return value
    if isinstance(value, str):
        return evaluate(value, constants)
    raise BadDefinition(f"no {key}" if value is None else f"{key} {value!r:.60} is not an integer")


def _keyed(definition: dict[str, Any]) -> bool:
    value = definition.get("keyed", False)
    if isinstance(value, bool):
        return value
    # Some files of 2016 have it as a string.
    if value in ("true", "false"):
        return bool(value == "true")
    raise BadDefinition(f"keyed {value!r:.60} is neither true nor false")


def _texts(definition: dict[str, Any], key: str) -> tuple[str, ...]:
    value = definition.get(key, ())
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if value in ((), None):
        return ()
    raise BadDefinition(f"{key} is not a list of texts")


def _expiry(definition: dict[str, Any]) -> str:
    value = definition.get("expires_in_version", "never")
    # Old probes on an allow-list said "default" for never.
    return value if isinstance(value, str) and value != "default" else "never"
