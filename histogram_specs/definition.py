"""One definition of a spec file, as any Firefox since 2012 wrote it, to a `HistogramSpec`."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from histogram_specs.buckets import BucketFamily, bucket_set
from histogram_specs.errors import BadDefinition
from histogram_specs.expressions import evaluate
from histogram_specs.spec import HistogramKind, HistogramSpec

# Since spring 2017 a categorical histogram has room for labels that come later.
LEAST_CATEGORIES = 50

_KINDS = {kind.value: kind for kind in HistogramKind}
_PLAIN_KINDS = frozenset({HistogramKind.BOOLEAN, HistogramKind.FLAG, HistogramKind.COUNT})
_shared: WeakValueDictionary[tuple[Any, ...], HistogramSpec] = WeakValueDictionary()


def resolve_definition(name: str, definition: Any, constants: Mapping[str, int]) -> HistogramSpec:
    """
    Turn the JSON of one definition into its spec; keys that have no say in it are not looked at.

    Raises:
        SpecError: If its buckets cannot be told; the text says why, in one line.
    """
    if not isinstance(definition, dict):
        raise BadDefinition("the definition is not an object")
    written_kind = definition.get("kind")
    kind = _KINDS.get(written_kind) if isinstance(written_kind, str) else None
    if kind is None:
        raise BadDefinition(
            f"kind {written_kind!r:.60} is not known" if written_kind is not None else "no kind"
        )
    labels = _texts(definition, "labels") if kind is HistogramKind.CATEGORICAL else ()
    low, high, count = _numbers(kind, definition, labels, constants)
    fields = (
        name,
        kind,
        low,
        high,
        count,
        _keyed(definition),
        labels,
        _texts(definition, "keys"),
        _texts(definition, "record_in_processes"),
        _texts(definition, "record_into_store") or ("main",),
        _expiry(definition),
    )
    shared = _shared.get(fields)
    if shared is None:
        family = BucketFamily.EXPONENTIAL if kind is HistogramKind.EXPONENTIAL else BucketFamily.LINEAR
        shared = HistogramSpec(name, kind, low, high, bucket_set(family, low, high, count), *fields[5:])
        _shared[fields] = shared
    return shared


def _numbers(
    kind: HistogramKind, definition: dict[str, Any], labels: tuple[str, ...], constants: Mapping[str, int]
) -> tuple[int, int, int]:
    """Return low, high and the number of buckets (legacy kinds 1, 2, 3; see docs of each kind in clients)."""
    if kind in _PLAIN_KINDS:
        return 1, 2, 3
    if kind is HistogramKind.ENUMERATED:
        values = _integer(definition, "n_values", constants)
        return 1, values, values + 1
    if kind is HistogramKind.CATEGORICAL:
        values = _integer(definition, "n_values", constants, 0)
        categories = max(len(labels), values, LEAST_CATEGORIES)
        return 1, categories, categories + 1
    low = _integer(definition, "low", constants, 1)
    high = _integer(definition, "high", constants)
    # Clients count a low under 1 as 1.
    return max(low, 1), high, _integer(definition, "n_buckets", constants)


def _integer(
    definition: dict[str, Any], key: str, constants: Mapping[str, int], default: int | None = None
) -> int:
    value = definition.get(key, default)
    if type(value) is int:
        return value
    if isinstance(value, str):
        return evaluate(value, constants)
    raise BadDefinition(f"no {key}" if value is None else f"{key} {value!r:.60} is no integer")


def _keyed(definition: dict[str, Any]) -> bool:
    value = definition.get("keyed", False)
    if isinstance(value, bool):
        return value
    # In 2016 some files wrote it as text.
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
