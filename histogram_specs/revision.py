"""Converts between revision URLs and repository plus changeset."""

import re
from dataclasses import dataclass
from functools import lru_cache

from histogram_specs.errors import BadRevisionUrl

SPEC_PATH = "toolkit/components/telemetry/Histograms.json"
SPEC_FILE_NAME = "Histograms.json"
MAX_URL_CHARACTERS = 512
MAX_SEGMENTS = 8

# The host must exist in the URL, but is ignored: only the configured server is asked.
_URL = re.compile(
    r"https?://[A-Za-z0-9.:_\[\]-]+/(?P<repository>[A-Za-z0-9._/-]+)/rev/(?P<changeset>[0-9a-f]{1,40})/?"
)
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_CHANGESET = re.compile(r"[0-9a-f]{1,40}")
# Mercurial's null revision (before the first changeset) and its working directory, also abbreviated:
# hgweb answers 200 with an empty file for the first, and 500 for the second.
_PSEUDO = re.compile(r"0+|f+")


@dataclass(frozen=True, slots=True, order=True)
class Revision:
    """
    A changeset of a repository.  Both texts are safe as parts of a path.

    Raises:
        BadRevisionUrl: If one of them is not a repository or a changeset.
    """

    repository: str  # "mozilla-central", "releases/mozilla-release"
    changeset: str  # 1 to 40 lower-case hexadecimal digits

    def __post_init__(self) -> None:
        check_repository(self.repository)
        if not _CHANGESET.fullmatch(self.changeset):
            raise BadRevisionUrl(f"{self.changeset!r:.60} is not 1 to 40 lower-case hexadecimal digits")

    def __str__(self) -> str:
        return f"{self.repository}/rev/{self.changeset}"

    @property
    def is_pseudo(self) -> bool:
        """Whether Mercurial reserves this id: it is never a changeset, and servers are not asked for it."""
        return _PSEUDO.fullmatch(self.changeset) is not None

    def url(self, server: str) -> str:
        """Return the revision's URL on *server*, as a ping's ``info.revision`` has it."""
        return f"{server.rstrip('/')}/{self}"

    def spec_url(self, server: str, path: str = SPEC_PATH) -> str:
        """Return the URL of this revision's Histograms.json, or its file at *path*, on a *server*."""
        return f"{server.rstrip('/')}/{self.repository}/raw-file/{self.changeset}/{path}"


def check_repository(repository: str) -> str:
    """
    Return *repository* if it is the path of a repository and safe as a path on disk.

    Raises:
        BadRevisionUrl: If it is not.
    """
    segments = repository.split("/")
    if (
        len(segments) > MAX_SEGMENTS
        or not all(_SEGMENT.fullmatch(segment) for segment in segments)
        # The cache has files of this name next to the folders of repositories.
        or SPEC_FILE_NAME in segments
    ):
        raise BadRevisionUrl(f"{repository!r:.100} is not the path of a repository")
    return repository


@lru_cache(maxsize=1024)  # short texts: what is refused is not kept
def parse_revision_url(text: str) -> Revision:
    """
    Parse ``http(s)://<host>/<repository…>/rev/<hex>``, with or without a final slash.

    Tags and ``tip`` are refused, because their changesets vary; so are the ids that Mercurial
    reserves, all zeros and all f.

    Raises:
        BadRevisionUrl: If *text* is anything else.
    """
    match = _URL.fullmatch(text) if len(text) <= MAX_URL_CHARACTERS else None
    if match is None:
        raise BadRevisionUrl(f"{text!r:.120} is not http(s)://<host>/<repository>/rev/<lower-case hex>")
    revision = Revision(match["repository"], match["changeset"])
    if revision.is_pseudo:
        raise BadRevisionUrl(f"{revision.changeset} is not a changeset: Mercurial reserves this id")
    return revision
