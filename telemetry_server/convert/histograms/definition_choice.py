"""Chooses the definitions that the histograms of a ping are checked against, by its build."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from histogram_specs.errors import BadRevisionUrl
from histogram_specs.history.resolver import (
    Awaiting,
    NotFound,
    Resolution,
    Resolved,
    Resolves,
    RevisionSource,
)
from histogram_specs.revision import Revision, parse_revision_url
from histogram_specs.spec_file import SpecFile
from storage.partitions.schema import value_text
from telemetry_server.convert.histograms.definitions import Definitions, definitions_of
from telemetry_server.convert.histograms.self_description import SelfDescription
from telemetry_server.convert.payloads.parsed_payload import JsonObject
from telemetry_server.outcomes.outcome import QuarantineReason
from telemetry_server.outcomes.refusal import Refusal
from telemetry_server.pings.json_place import json_type

# The server in a record's revision URL; the servers that files are fetched from are a setting.
REVISION_SERVER = "https://hg.mozilla.org"
SELF_DESCRIBED = "self_described"

Unresolved = Literal["quarantine", "self_described"]


class Chosen(NamedTuple):
    """The definitions for a ping; `source` is set if its own revision did not find them."""

    definitions: Definitions
    source: str | None = None
    revision: str | None = None  # the URL of the definitions, if the ping names another revision
    spec_file: SpecFile | None = None  # None where no revision is known

    def with_spec_file(self, spec_file: SpecFile) -> "Chosen":
        """A copy for a ping without histograms, whose other probes *spec_file* defines."""
        return self._replace(spec_file=spec_file)


class TaskResolver:
    """
    Resolves each revision once during one task, which is short enough that files do not change.

    Args:
        given_up: Revisions that are no longer awaited, each with the reason in one line.
    """

    def __init__(self, resolver: Resolves, given_up: Mapping[Revision, str] | None = None) -> None:
        self._resolver = resolver
        self._given_up = given_up or {}
        self._found: dict[Revision, Resolved] = {}
        self.chosen: dict[str, Chosen] = {}
        """What `choose_definitions` found by the revision itself, by its URL as sent."""

    def resolve(
        self,
        revision: Revision | None,
        *,
        channel: str | None,
        build_id: str | None,
        version: str | None,
        platform_version: str | None = None,
        histograms: bool = True,
    ) -> Resolution:
        """Find definitions; those of *revision* itself are remembered."""
        if not histograms:
            return self._resolve_probes(revision, channel, build_id, version, platform_version)
        known = None if revision is None else self._found.get(revision)
        if known is not None:
            return known
        build: dict[str, Any] = {
            "channel": channel,
            "build_id": build_id,
            "version": version,
            "platform_version": platform_version,
        }
        found = self._resolver.resolve(revision, **build)
        if isinstance(found, Awaiting) and found.revision in self._given_up:
            detail = self._given_up[found.revision]
            found = self._resolver.resolve(None, **build)
            return NotFound("unknown_revision", detail) if isinstance(found, NotFound) else found
        if revision is not None and isinstance(found, Resolved) and found.source is RevisionSource.PING:
            self._found[revision] = found
        return found

    def _resolve_probes(
        self,
        revision: Revision | None,
        channel: str | None,
        build_id: str | None,
        version: str | None,
        platform_version: str | None,
    ) -> Resolution:
        """Find definitions for a ping without histograms; the revision may lack Histograms.json."""
        build: dict[str, Any] = {
            "channel": channel,
            "build_id": build_id,
            "version": version,
            "platform_version": platform_version,
        }
        found = self._resolver.resolve(revision, **build, histograms=False)
        if isinstance(found, Awaiting) and found.revision in self._given_up:
            return self._resolver.resolve(None, **build, histograms=False)
        return found


def choose_definitions(
    info: JsonObject, fields: Mapping[str, Any], where: str, resolver: Resolves, unresolved: Unresolved
) -> Chosen | Awaiting:
    """
    Find the definitions for a ping; an *info* without a revision gets the one that a fallback found.

    Args:
        info: May hold ``revision``.
        fields: Other fields of the build: ``appUpdateChannel``, ``appBuildID``, ``appVersion``.
        where: The path of *info*, for details.

    Under `self_described`, text that is not a revision URL counts as an unknown revision, and nothing is
    fetched for it: private builds send a git URL, a tag or a word.

    Raises:
        Refusal: `invalid_revision`, `missing_revision` or `unknown_revision`.
    """
    chosen = resolver.chosen if isinstance(resolver, TaskResolver) else {}
    sent = info.get("revision")
    known = chosen.get(sent) if isinstance(sent, str) else None
    if known is not None:
        return known
    revision = _revision_of(info, where, unresolved)
    found = resolver.resolve(
        revision,
        channel=value_text(fields.get("appUpdateChannel")),
        build_id=value_text(fields.get("appBuildID")),
        version=value_text(fields.get("appVersion")),
        platform_version=value_text(fields.get("platformVersion")),
    )
    if isinstance(found, Awaiting):
        return found
    if isinstance(found, NotFound):
        if unresolved == SELF_DESCRIBED:
            return Chosen(SelfDescription(), SELF_DESCRIBED)
        raise Refusal(QuarantineReason(found.reason), found.detail)
    definitions = definitions_of(found.spec_file)
    source = None if found.source is RevisionSource.PING else found.source.value
    if revision is None:
        if info.get("revision") in (None, ""):
            info["revision"] = found.revision.url(REVISION_SERVER)
    elif found.revision != revision:
        return Chosen(definitions, source, found.revision.url(REVISION_SERVER), found.spec_file)
    choice = Chosen(definitions, source, None, found.spec_file)
    if isinstance(sent, str) and revision is not None and source is None:
        chosen[sent] = choice
    return choice


def _revision_of(info: JsonObject, where: str, unresolved: Unresolved) -> Revision | None:
    sent = info.get("revision")
    # A build that does not know its revision sends an empty string.
    if sent is None or sent == "":
        return None
    try:
        if isinstance(sent, str):
            return parse_revision_url(sent)
        detail = f"{where}revision is {json_type(sent)}, not a URL"
    except BadRevisionUrl:
        detail = f"{where}revision is not http(s)://<host>/<repository>/rev/<lower-case hex of a changeset>"
    if unresolved == SELF_DESCRIBED:
        return None
    raise Refusal(QuarantineReason.INVALID_REVISION, detail)
