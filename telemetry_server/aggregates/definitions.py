"""What the revision cache says of metrics, for answers about them."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry_server.aggregates.buckets import SCALAR_PREFIX, GleanBuckets
from telemetry_server.records.shapes import Shape, shape_id

if TYPE_CHECKING:
    from histogram_specs.cache.revision_cache import RevisionCache
    from histogram_specs.spec_file import SpecFile
    from telemetry_server.probes.glean_file import GleanMetric


class CachedDefinitions:
    """
    The definitions in a revision cache.

    Args:
        folder: Its folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._glean_buckets: dict[str, GleanBuckets] = {}

    @cached_property
    def _cache(self) -> "RevisionCache":
        # Most answers need no definition.
        from histogram_specs.cache.revision_cache import RevisionCache

        return RevisionCache(self._folder)

    def _files(self) -> "Iterator[tuple[str, SpecFile]]":
        """Yield every usable file with its revision."""
        from histogram_specs.errors import BrokenSpecFile

        for cached in sorted(self._cache.list(), key=lambda each: str(each.revision), reverse=True):
            try:
                spec_file = self._cache.load(cached.revision)
            except BrokenSpecFile:  # the cache has logged it
                continue
            if spec_file is not None:
                yield str(cached.revision), spec_file

    def has(self, metric: str) -> bool:
        """Return whether some revision, or an imported Glean application, defines *metric*."""
        is_defined = _is_scalar_of if metric.startswith(SCALAR_PREFIX) else _is_histogram_of
        if any(is_defined(spec_file, metric) for _, spec_file in self._files()):
            return True
        return any(each.kind != "event" for each in self._glean_metrics(metric))

    def _glean_metrics(self, name: str) -> "Iterator[GleanMetric]":
        """Yield the metrics *name* of the imported Glean applications."""
        from telemetry_server.probes.glean_registry import FOLDER, GleanApplications

        applications = GleanApplications(self._folder / FOLDER)
        return (each for _, each in applications.all_metrics() if each.name == name)

    def glean_buckets_of(self, metric: str) -> GleanBuckets:
        """Return the buckets in the definitions of a Glean metric: all labels, and the first starts."""
        if metric not in self._glean_buckets:
            self._glean_buckets[metric] = self._read_glean_buckets(metric)
        return self._glean_buckets[metric]

    def _read_glean_buckets(self, metric: str) -> GleanBuckets:
        found = list(self._glean_metrics(metric))
        labels = sorted({label for each in found for label in each.labels})
        custom = next((each for each in found if each.starts), None)
        if custom is None:
            return GleanBuckets(tuple(labels))
        return GleanBuckets(tuple(labels), custom.starts, custom.is_linear)

    def revisions_of(self, metric: str, shape: str) -> list[str]:
        """Return the revisions by whose definition *metric* has the shape with this id."""
        return sorted(
            revision for revision, spec_file in self._files() if shape in shape_ids_of(spec_file.find(metric))
        )

    def description_of(self, metric: str) -> str:
        """Return the description of *metric* by some revision that has one; empty without one."""
        from histogram_specs.spec_file import load_definitions

        for _, spec_file in self._files():
            if spec_file.find(metric) is None:
                continue
            definition = load_definitions(spec_file.text).get(metric)
            description = definition.get("description") if isinstance(definition, dict) else None
            if isinstance(description, str):
                return description
        return ""


def _is_histogram_of(spec_file: "SpecFile", metric: str) -> bool:
    return spec_file.find(metric) is not None


def _is_scalar_of(spec_file: "SpecFile", metric: str) -> bool:
    """Return whether a scalar of the revision is summed up under the name *metric*."""
    from telemetry_server.probes.registry import registry_of

    scalar_file = registry_of(spec_file).scalar_file
    name = metric.removeprefix(SCALAR_PREFIX)
    return scalar_file is not None and any(each.upper() == name for each in scalar_file.scalars)


def shape_ids_of(spec: Any) -> set[str]:
    """Return the ids of all shapes that histograms of a definition may have."""
    from histogram_specs.spec import HistogramSpec

    if not isinstance(spec, HistogramSpec):
        return set()
    return {shape_id(Shape(str(spec.kind), buckets.starts, spec.labels)) for buckets in spec.all_buckets}
