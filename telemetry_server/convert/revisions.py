"""From what a ping says of its build to the definitions that its histograms are held against."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from histogram_specs.errors import BadRevisionUrl
from histogram_specs.resolve import Awaiting, NotFound, Resolution, Resolved, RevisionSource
from histogram_specs.revision import Revision, parse_revision_url
from storage.partitions.schema import value_text
from telemetry_server.convert.definitions import Definitions, SelfDescription, definitions_of
from telemetry_server.convert.outcome import QuarantineReason
from telemetry_server.convert.reading import JsonObject
from telemetry_server.convert.refusal import Refusal
from telemetry_server.pings.json_place import json_type

# Where the revisions that a record names are; what is asked for files is a setting.
REVISION_SERVER = "https://hg.mozilla.org"
SELF_DESCRIBED = "self_described"

Unresolved = Literal["quarantine", "self_described"]


class Resolves(Protocol):
    """Finds definitions, as `histogram_specs.resolve.Resolver` does."""

    def resolve(
        self, revision: Revision | None, *, channel: str | None, build_id: str | None, version: str | None
    ) -> Resolution:
        """Find definitions by *revision*, or else by what else the ping says of its build."""


class TaskResolver:
    """
    Looks once for each revision; for one task, which is over before anybody has put another file there.

    Args:
        given_up: Revisions that are not waited for any more, each with the reason in one line.
    """

    def __init__(self, resolver: Resolves, given_up: Mapping[Revision, str] | None = None) -> None:
        self._resolver = resolver
        self._given_up = given_up or {}
        self._found: dict[Revision, Resolved] = {}

    def resolve(
        self, revision: Revision | None, *, channel: str | None, build_id: str | None, version: str | None
    ) -> Resolution:
        """Find definitions, or remember those of *revision* itself."""
        known = None if revision is None else self._found.get(revision)
        if known is not None:
            return known
        found = self._resolver.resolve(revision, channel=channel, build_id=build_id, version=version)
        if isinstance(found, Awaiting) and found.revision in self._given_up:
            detail = self._given_up[found.revision]
            found = self._resolver.resolve(None, channel=channel, build_id=build_id, version=version)
            return NotFound("unknown_revision", detail) if isinstance(found, NotFound) else found
        if revision is not None and isinstance(found, Resolved) and found.source is RevisionSource.PING:
            self._found[revision] = found
        return found


@dataclass(frozen=True, slots=True)
class Chosen:
    """The definitions for a ping, and how they were found where not by its own revision."""

    definitions: Definitions
    source: str | None = None


def choose_definitions(
    info: JsonObject, fields: Mapping[str, Any], where: str, resolver: Resolves, unresolved: Unresolved
) -> Chosen | Awaiting:
    """
    Find the definitions for a ping; a revision that a fallback found is written into *info*.

    Args:
        info: Holds ``revision``, or not.
        fields: What else the ping says of its build: ``appUpdateChannel``, ``appBuildID``, ``appVersion``.
        where: The place of *info*, for details.

    Raises:
        Refusal: `invalid_revision`, `missing_revision` or `unknown_revision`.
    """
    revision = _revision_of(info, where)
    found = resolver.resolve(
        revision,
        channel=value_text(fields.get("appUpdateChannel")),
        build_id=value_text(fields.get("appBuildID")),
        version=value_text(fields.get("appVersion")),
    )
    if isinstance(found, Awaiting):
        return found
    if isinstance(found, NotFound):
        if unresolved == SELF_DESCRIBED:
            return Chosen(SelfDescription(), SELF_DESCRIBED)
        raise Refusal(QuarantineReason(found.reason), found.detail)
    if revision is None:
        info["revision"] = found.revision.url(REVISION_SERVER)
    source = None if found.source is RevisionSource.PING else found.source.value
    return Chosen(definitions_of(found.spec_file), source)


def _revision_of(info: JsonObject, where: str) -> Revision | None:
    sent = info.get("revision")
    # A build that does not know its own sends an empty text.
    if sent is None or sent == "":
        return None
    if not isinstance(sent, str):
        raise Refusal(QuarantineReason.INVALID_REVISION, f"{where}revision is {json_type(sent)}, not a URL")
    try:
        return parse_revision_url(sent)
    except BadRevisionUrl:
        detail = f"{where}revision is not http(s)://<host>/<repository>/rev/<lower-case hex of a changeset>"
        raise Refusal(QuarantineReason.INVALID_REVISION, detail) from None
