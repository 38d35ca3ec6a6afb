"""The histogram definitions from which pings are generated, and the revision that the pings name."""

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
    """The definitions of one Histograms.json, grouped by how the generator uses them."""

    text: bytes
    revision: Revision  # made up: the digest of the file serves as changeset
    plain: tuple[HistogramSpec, ...]
    keyed: tuple[HistogramSpec, ...]
    unusable: tuple[str, ...]  # names whose definitions give no buckets

    @property
    def revision_url(self) -> str:
        """The value of a ping's ``info.revision``."""
        return self.revision.url(SERVER)


def definitions_of(text: bytes) -> Definitions:
    """
    Return the definitions in the *text* of a Histograms.json.

    Raises:
        NotASpecFile: The text has no usable definition.
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
    """Return the definitions that come with the package."""
    return definitions_of((files("histogram_specs") / "data" / "Histograms.json").read_bytes())


def definitions_from(path: Path | None) -> Definitions:
    """
    Return the definitions in the file *path*; without a path, those of the package.

    Raises:
        NotASpecFile: The file has no usable definition.
        OSError: The file cannot be read.
    """
    return shipped_definitions() if path is None else definitions_of(path.read_bytes())
