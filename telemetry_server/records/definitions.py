"""What the rows of a record mean: the buckets of each histogram, by its definition."""

from array import array
from collections.abc import Mapping
from typing import Any, Protocol

from histogram_specs.buckets import BucketFamily, bucket_set
from histogram_specs.errors import BadBucketRange
from histogram_specs.spec import CLIENT_TYPE, HistogramKind, HistogramSpec
from histogram_specs.spec_file import SpecFile
from storage.tables.rows import ShapeKey, ShapeValues
from telemetry_server.records.fields import Record, object_at, session_info_of
from telemetry_server.records.shapes import Shape, shape_id

SELF_DESCRIBED = "self_described"
# Clients send one number for linear and enumerated.
KIND_OF_TYPE = {number: kind for kind, number in reversed(list(CLIENT_TYPE.items()))}


class Layouts(dict[str, bytes | None]):
    """
    The buckets of histograms by name, laid out for `append_rows`.

    Undefined names are not kept, so that clients cannot make it grow.
    """

    def __init__(self) -> None:
        super().__init__()
        self.numbered: list[tuple[ShapeKey, ShapeValues]] = []
        """Shapes by the number in a layout, each with its key."""
        self._shapes: dict[tuple[str, int], Shape] = {}

    def __missing__(self, name: str) -> bytes | None:
        shapes = self._find(name)
        if not shapes:
            return None
        numbers = array("q")
        for shape in shapes:
            self._shapes.setdefault((name, len(shape.starts)), shape)
            numbers.extend((len(shape.starts), len(self.numbered)))
            numbers.extend(shape.starts)
            values = shape.kind, shape.starts, shape.labels
            self.numbered.append(((name, shape.kind, shape_id(shape)), values))
        layout = self[name] = numbers.tobytes()
        return layout

    def shape(self, name: str, bucket_count: int) -> Shape | None:
        """Return the shape of *name* with *bucket_count* buckets."""
        self[name]  # lays it out
        return self._shapes.get((name, bucket_count))

    def _find(self, name: str) -> list[Shape]:
        raise NotImplementedError


class FileLayouts(Layouts):
    """The definitions of one spec file."""

    def __init__(self, spec_file: SpecFile) -> None:
        super().__init__()
        self._find_spec = spec_file.find

    def _find(self, name: str) -> list[Shape]:
        spec = self._find_spec(name)
        if not isinstance(spec, HistogramSpec):
            return []
        return [
            Shape(str(spec.kind), buckets.starts, spec.labels)
            for buckets in getattr(spec, "all_buckets", (spec.buckets,))
        ]


class SelfDescribedLayouts(Layouts):
    """
    What a record says of its own rows.

    Args:
        described: ``[histogram_type, low, high, buckets]`` by name.
    """

    def __init__(self, described: Mapping[str, Any]) -> None:
        super().__init__()
        self._described = described

    def _find(self, name: str) -> list[Shape]:
        numbers = self._described.get(name)
        if not isinstance(numbers, list) or len(numbers) != 4 or not all(type(n) is int for n in numbers):
            return []
        client_type, low, high, count = numbers
        kind = KIND_OF_TYPE.get(client_type)
        family = BucketFamily.EXPONENTIAL if kind is HistogramKind.EXPONENTIAL else BucketFamily.LINEAR
        try:
            return [] if kind is None else [Shape(str(kind), bucket_set(family, low, high, count).starts)]
        except BadBucketRange:
            return []


class FindsSpecFile(Protocol):
    """Finds the definitions of a revision that a record names."""

    def spec_file_of(self, revision: str) -> SpecFile | None:
        """Return the definitions of *revision*, a URL; None where they are not at hand."""


def layouts_of(spec_file: SpecFile) -> FileLayouts:
    """Return the one `FileLayouts` of *spec_file*; it lives as long as the file does."""
    return spec_file.once(FileLayouts)


def revision_of(record: Record) -> str | None:
    """Return the revision (a URL) whose definitions the histograms of *record* were packed by, or None."""
    # The server names the revision of the definitions where the ping's own had none.
    revision = object_at(record, "metadata").get("revision") or session_info_of(record).get("revision")
    return revision if isinstance(revision, str) else None


class RecordLayouts:
    """The layouts of one record's histograms, by section."""

    def __init__(self, record: Record, files: FindsSpecFile) -> None:
        metadata = object_at(record, "metadata")
        described = object_at(metadata, SELF_DESCRIBED)
        self._described = (
            described if described or metadata.get("revision_source") == SELF_DESCRIBED else None
        )
        self._layouts: Layouts | None = None
        if self._described is not None:
            self._layouts = SelfDescribedLayouts(self._described)
            return
        revision = revision_of(record)
        spec_file = None if revision is None else files.spec_file_of(revision)
        if spec_file is not None:
            self._layouts = layouts_of(spec_file)

    def of_section(self, place: str) -> Layouts | None:
        """Return the layouts of the section at *place*, such as ``payload.processes.gpu.``, or None."""
        if self._described is None:
            return self._layouts
        parts = place.removeprefix("payload.").rstrip(".").replace("[", ".").replace("]", "").split(".", 1)
        own = object_at(self._described, *parts) if parts[0] in ("processes", "childPayloads") else {}
        return SelfDescribedLayouts({**self._described, **own}) if own else self._layouts
