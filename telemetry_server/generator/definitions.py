"""The definitions that generated pings are made from and name as their revision."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from histogram_specs.revision import Revision
from histogram_specs.spec import HistogramSpec
from histogram_specs.spec_file import parse_spec_file

REPOSITORY = "mozilla-central"
SERVER = "https://hg.mozilla.org"


@dataclass(frozen=True, slots=True)
class Definitions:
    """One Histograms.json, sorted by what the generator does with it."""

    text: bytes
    revision: Revision  # made up: the file's own digest stands for a changeset
    plain: tuple[HistogramSpec, ...]
    keyed: tuple[HistogramSpec, ...]
    unusable: tuple[str, ...]  # names that are defined, but not so that buckets can be told

    @property
    def revision_url(self) -> str:
        """What a ping's ``info.revision`` says."""
        return self.revision.url(SERVER)


def definitions_of(text: bytes) -> Definitions:
    """
    Sort the definitions in the *text* of a Histograms.json.

    Raises:
        NotASpecFile: Nothing in it is usable.
    """
    found = parse_spec_file(text)
    return Definitions(
        text=text,
        revision=Revision(REPOSITORY, found.digest[:12]),
        plain=tuple(spec for spec in found if not spec.keyed),
        keyed=tuple(spec for spec in found if spec.keyed),
        unusable=tuple(definition.name for definition in found.unusable),
    )


def shipped_definitions() -> Definitions:
    """The definitions that come with the package."""
    return definitions_of((files("histogram_specs") / "data" / "Histograms.json").read_bytes())


def definitions_from(path: Path | None) -> Definitions:
    """
    The definitions in the file *path*, or else the shipped ones.

    Raises:
        NotASpecFile: Nothing in the file is usable.
        OSError: It cannot be read.
    """
    return shipped_definitions() if path is None else definitions_of(path.read_bytes())
