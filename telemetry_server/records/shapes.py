"""Shapes: what makes two histograms addable (kind, bucket starts and labels)."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from histogram_specs.spec import HistogramSpec

SHAPE_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """
    The kind of a histogram, the starts of all its buckets, and its labels if it is categorical.

    *starts* is empty for Glean's distributions.  Timing and memory distributions have buckets that follow
    from the kind.  The buckets of a custom distribution follow from its definition, which its ping does not
    carry: *metric* keeps two of them apart.
    """

    kind: str
    starts: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    metric: str = ""


@lru_cache(maxsize=4096)
def shape_id(shape: Shape) -> str:
    """Return the id of *shape*: 16 hexadecimal digits, the same in every process and release."""
    text = orjson.dumps([shape.kind, shape.starts, shape.labels, shape.metric])
    return blake2b(text, digest_size=SHAPE_ID_BYTES).hexdigest()


def shape_of(spec: "HistogramSpec") -> Shape:
    """Return the shape of a definition."""
    return Shape(str(spec.kind), spec.bucket_starts, spec.labels)
