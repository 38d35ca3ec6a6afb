"""A revision URL ↔ repository and changeset."""

import re
from dataclasses import dataclass

from histogram_specs.errors import BadRevisionUrl

SPEC_PATH = "toolkit/components/telemetry/Histograms.json"
SPEC_FILE_NAME = "Histograms.json"
MAX_URL_CHARACTERS = 512
MAX_SEGMENTS = 8

# The host is looked at only to know that there is one: nobody is ever asked there.
_URL = re.compile(
    r"https?://[A-Za-z0-9.:_\[\]-]+/(?P<repository>[A-Za-z0-9._/-]+)/rev/(?P<changeset>[0-9a-f]{1,40})/?"
)
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_CHANGESET = re.compile(r"[0-9a-f]{1,40}")
# Mercurial's null revision (before the first changeset) and its working directory, short forms too:
# hgweb answers 200 with an empty file under the first, whatever the path, and 500 for the other.
_PSEUDO = re.compile(r"0+|f+")


@dataclass(frozen=True, slots=True, order=True)
class Revision:
    """
    A changeset of a repository.  Both are safe as parts of a path.

    Raises:
        BadRevisionUrl: If they are not: no repository, or no changeset, is written so.
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
        """Whether Mercurial reserves this id, so that no changeset has it and no server is asked for it."""
        return _PSEUDO.fullmatch(self.changeset) is not None

    def url(self, server: str) -> str:
        """Return the revision's URL on *server*, as a ping's ``info.revision`` has it."""
        return f"{server.rstrip('/')}/{self}"

    def spec_url(self, server: str, path: str = SPEC_PATH) -> str:
        """Return where a Mercurial *server* has this revision's Histograms.json, or its file at *path*."""
        return f"{server.rstrip('/')}/{self.repository}/raw-file/{self.changeset}/{path}"


def check_repository(repository: str) -> str:
    """
    Return *repository* if it is the path of one, safe as a path on our disk.

    Raises:
        BadRevisionUrl: If it is not.
    """
    segments = repository.split("/")
    if (
        len(segments) > MAX_SEGMENTS
        or not all(_SEGMENT.fullmatch(segment) for segment in segments)
        # The cache has files of this name where a repository has folders.
        or SPEC_FILE_NAME in segments
    ):
        raise BadRevisionUrl(f"{repository!r:.100} is not the path of a repository")
    return repository


def parse_revision_url(text: str) -> Revision:
    """
    Read ``http(s)://<host>/<repository…>/rev/<hex>``, with or without a slash at the end.

    Tags and ``tip`` are refused: what they name changes.  So are ids that Mercurial reserves,
    all zeros and all f.

    Raises:
        BadRevisionUrl: If *text* is anything else.
    """
    match = _URL.fullmatch(text) if len(text) <= MAX_URL_CHARACTERS else None
    if match is None:
        raise BadRevisionUrl(f"{text!r:.120} is not http(s)://<host>/<repository>/rev/<lower-case hex>")
    revision = Revision(match["repository"], match["changeset"])
    if revision.is_pseudo:
        raise BadRevisionUrl(f"{revision.changeset} names no changeset: Mercurial reserves it")
    return revision
