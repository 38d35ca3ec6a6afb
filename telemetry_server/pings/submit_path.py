"""The path of a submission, and the fields in it."""

import re
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote
from uuid import UUID

from telemetry_server.pings.errors import BadDocumentId, BadSubmitPath, PingError

TELEMETRY = "telemetry"
MAX_SEGMENT_CHARACTERS = 128
UUID_CHARACTERS = 36
MAX_REMEMBERED_CHARACTERS = 256  # clients choose paths: the memory for them is bounded
_BEFORE_FIREFOX_ID = f"/submit/{TELEMETRY}/"
_SLASHES_BEFORE_SUBMIT = re.compile(r"/{2,}(?=submit/)")
_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")


class SubmitPath(NamedTuple):
    """The fields of a submit path; None for fields that its form does not have."""

    document_id: str  # as sent; its case does not count
    namespace: str
    doctype: str | None = None
    docversion: str | None = None  # of the generic form
    app_name: str | None = None
    app_version: str | None = None
    channel: str | None = None
    build_id: str | None = None
    has_trailing_slash: bool = False


def parse_submit_path(path: str) -> SubmitPath:
    """
    Return the parts of a submit path, which has one of these forms.

    - ``/submit/telemetry/<docid>``
    - ``/submit/telemetry/<docid>/<type>/<app>/<version>/<channel>/<buildid>``
    - ``/submit/<namespace>/<doctype>/<docversion>/<docid>``

    Several slashes before ``submit`` count as one: clients append their path to a URL that ends in a
    slash.  Slashes at the end are ignored.

    Every segment except the id is percent-decoded, and may hold up to `MAX_SEGMENT_CHARACTERS`
    printable characters.  The five after Firefox's id may be empty, which becomes None: the payload has
    them too.  The three of the generic form must not be empty: only the path has them.

    Args:
        path: As sent, still percent-encoded, without the query.

    Raises:
        BadSubmitPath: The path has another form.
        BadDocumentId: The id is not a UUID of 8-4-4-4-12 hexadecimal digits.
    """
    id_end = len(_BEFORE_FIREFOX_ID) + UUID_CHARACTERS
    document_id = path[len(_BEFORE_FIREFOX_ID) : id_end]
    is_short = len(path) <= MAX_REMEMBERED_CHARACTERS
    if is_short and path.startswith(_BEFORE_FIREFOX_ID) and _UUID.fullmatch(document_id):
        try:
            build = _after_id(path[id_end:])
        except PingError:
            pass  # the error must name the id
        else:
            return SubmitPath(document_id, *build)
    return _parsed(path)


@lru_cache(maxsize=1024)
def _after_id(rest: str) -> tuple[Any, ...]:
    """Return the fields of a path of Firefox that has *rest* behind the id: many pings have the same."""
    return _parsed(_BEFORE_FIREFOX_ID + str(UUID(int=0)) + rest)[1:]


def _parsed(path: str) -> SubmitPath:
    whole = with_one_slash(path.rstrip("/"))
    root, submit, *segments = whole.split("/") if whole.startswith("/submit/") else ["", ""]
    if root or submit != "submit" or not segments:
        raise BadSubmitPath("the path is not below /submit/", _named_id(path.split("/")))
    has_trailing_slash = path.endswith("/")
    if _decoded(segments[0]) == TELEMETRY:
        # An empty last element of Firefox's five looks like a slash at the end.
        missing = 6 - len(segments[1:])
        if missing > 0 and len(segments) > 2 and path.endswith("/" * missing):
            segments += [""] * missing
            has_trailing_slash = False
        return _telemetry(segments[1:], has_trailing_slash)
    return _generic(segments, has_trailing_slash)


def document_id_of(path: str) -> str | None:
    """Return the document id in *path*, even if the rest of the path is invalid."""
    try:
        return parse_submit_path(path).document_id
    except PingError as error:
        return error.document_id


def with_one_slash(path: str) -> str:
    """*path*, with one slash in place of several before ``submit``."""
    return _SLASHES_BEFORE_SUBMIT.sub("/", path, count=1) if path.startswith("//") else path


def _telemetry(segments: list[str], has_trailing_slash: bool) -> SubmitPath:
    if len(segments) not in (1, 6):
        raise BadSubmitPath(_wrong_count("after /submit/telemetry/", len(segments), 6), _named_id(segments))
    document_id, *build = segments
    said = [_decoded(segment) for segment in build]
    for position, segment in enumerate(said, start=2):
        if segment and not _is_plain(segment):
            raise BadSubmitPath(_bad_segment("after /submit/telemetry/", position), _named_id(segments))
    doctype, app_name, app_version, channel, build_id = (value or None for value in said or ("",) * 5)
    return SubmitPath(
        document_id=_document_id(document_id),
        namespace=TELEMETRY,
        doctype=doctype,
        app_name=app_name,
        app_version=app_version,
        channel=channel,
        build_id=build_id,
        has_trailing_slash=has_trailing_slash,
    )


def _generic(segments: list[str], has_trailing_slash: bool) -> SubmitPath:
    if len(segments) != 4:
        raise BadSubmitPath(_wrong_count("after /submit/", len(segments), 4), _named_id(segments))
    *said, document_id = segments
    names = [_decoded(segment) for segment in said]
    for position, name in enumerate(names, start=1):
        if not _is_plain(name):
            raise BadSubmitPath(_bad_segment("after /submit/", position), _named_id(segments))
    namespace, doctype, docversion = names
    return SubmitPath(
        document_id=_document_id(document_id),
        namespace=namespace,
        doctype=doctype,
        docversion=docversion,
        has_trailing_slash=has_trailing_slash,
    )


def _document_id(segment: str) -> str:
    if _UUID.fullmatch(segment):
        return segment
    raise BadDocumentId(
        "the document id is not a UUID (8-4-4-4-12 hexadecimal digits)",
        segment if _is_plain(segment) else None,
    )


def _decoded(segment: str) -> str:
    """*segment* percent-decoded; bytes that are not UTF-8 become U+FFFD."""
    return unquote(segment) if "%" in segment else segment


def _is_plain(segment: str) -> bool:
    if segment in (".", ".."):
        return False  # relative steps of a path are not names
    return 0 < len(segment) <= MAX_SEGMENT_CHARACTERS and segment.isprintable()


def _named_id(segments: list[str]) -> str | None:
    """The first segment that is an id, which helps to find the submission again."""
    return next((segment for segment in segments if _UUID.fullmatch(segment)), None)


def _wrong_count(where: str, count: int, expected: int) -> str:
    return f"{count} path elements {where} where {expected} are expected ({count - expected:+d})"


def _bad_segment(where: str, position: int) -> str:
    return (
        f"path element {position} {where} is `.` or `..`, or not 1 to {MAX_SEGMENT_CHARACTERS}"
        " printable characters"
    )
