"""The path that a submission came by, and what it says about it."""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from telemetry_server.pings.errors import BadDocumentId, BadSubmitPath

TELEMETRY = "telemetry"
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")


@dataclass(frozen=True, slots=True)
class SubmitPath:
    """What a submit path says; None where its form has no place for it."""

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
    Read one of

    - ``/submit/telemetry/<docid>``
    - ``/submit/telemetry/<docid>/<type>/<app>/<version>/<channel>/<buildid>``
    - ``/submit/<namespace>/<doctype>/<docversion>/<docid>``

    A segment is 1 to 128 letters, digits and ``. _ + -``, the first a letter or digit.  What
    Firefox fills in from its build (the five after its id) may be percent-encoded, nothing else.
    Slashes at the end are no segments.

    Args:
        path: As sent, still percent-encoded, without the query.

    Raises:
        BadSubmitPath: It has none of these forms.
        BadDocumentId: It has one, but its id is no UUID of 8-4-4-4-12 hexadecimal digits.
    """
    whole = path.rstrip("/")
    root, submit, *segments = whole.split("/") if whole.startswith("/submit/") else ["", ""]
    if root or submit != "submit" or not segments:
        raise BadSubmitPath("the path is not below /submit/", _named_id(path.split("/")))
    if segments[0] == TELEMETRY:
        return _telemetry(segments[1:], whole != path)
    return _generic(segments, whole != path)


def _telemetry(segments: list[str], has_trailing_slash: bool) -> SubmitPath:
    if len(segments) not in (1, 6):
        raise BadSubmitPath(_wrong_count("after /submit/telemetry/", len(segments), 6), _named_id(segments))
    document_id, *build = segments
    said = [_decoded(segment) if "%" in segment else segment for segment in build]
    for position, segment in enumerate(said, start=2):
        if not _SEGMENT.fullmatch(segment):
            raise BadSubmitPath(_bad_segment("after /submit/telemetry/", position), _named_id(segments))
    doctype, app_name, app_version, channel, build_id = said or (None,) * 5
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
    for position, segment in enumerate(segments[:3], start=1):
        if not _SEGMENT.fullmatch(segment):
            raise BadSubmitPath(_bad_segment("after /submit/", position), _named_id(segments))
    namespace, doctype, docversion, document_id = segments
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
        "the document id is no UUID (8-4-4-4-12 hexadecimal digits)",
        segment if _SEGMENT.fullmatch(segment) else None,
    )


def _decoded(segment: str) -> str:
    try:
        return unquote_to_bytes(segment).decode("ascii")
    except UnicodeDecodeError:
        return ""


def _named_id(segments: list[str]) -> str | None:
    """The first segment that is an id: it helps to find the submission again."""
    return next((segment for segment in segments if _UUID.fullmatch(segment)), None)


def _wrong_count(where: str, count: int, expected: int) -> str:
    return f"{count} path elements {where} where {expected} are due ({count - expected:+d})"


def _bad_segment(where: str, position: int) -> str:
    return f"path element {position} {where} is not 1 to 128 letters, digits, or . _ + -"
