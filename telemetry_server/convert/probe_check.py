"""Conversion steps that hold a ping against its store and the definitions of its probes."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from histogram_specs.errors import BadRevisionUrl
from histogram_specs.history.resolver import Awaiting, Resolved
from histogram_specs.revision import Revision, parse_revision_url
from storage.partitions.schema import value_text
from telemetry_server.convert.conversion import Conversion
from telemetry_server.convert.histograms.histogram_packer import KEYED
from telemetry_server.convert.histograms.self_description import PROCESSES, Section
from telemetry_server.convert.privacy import with_coarse_time, with_unlinkable_headers
from telemetry_server.outcomes.outcome import AwaitingSpecs, FrequencyLimit, QuarantineReason
from telemetry_server.outcomes.refusal import Refusal
from telemetry_server.pings.left_out import LeftOut
from telemetry_server.probes.build import build_of
from telemetry_server.probes.expectation import Expectations
from telemetry_server.probes.glean_check import facts_of, glean_marks, is_glean
from telemetry_server.probes.identity import remove_identities
from telemetry_server.probes.marks import EXCLUDED, Mark, MarkName
from telemetry_server.probes.ping_check import (
    count_keyed_marks,
    count_plain_marks,
    expectations_of,
    measured_in,
    ping_marks,
    sent_histograms,
    whole_ping_marks,
)
from telemetry_server.probes.processes import CONTENT, PARENT
from telemetry_server.probes.registry import registry_of
from telemetry_server.probes.stores import MAIN, TELEMETRY, StorePolicy

CLIENT_DIGEST_BYTES = 16


def check_privacy(conversion: Conversion) -> None:
    """
    Remove the identities from a ping of an anonymous store.

    Raises:
        Refusal: There was an identity (`privacy_violation`).
    """
    namespace, in_path = conversion.path.namespace, conversion.path.doctype
    stores = conversion.context.stores
    conversion.policy = policy = stores.policy_of(namespace, conversion.doctype)
    conversion.is_anonymous = (policy is not None and policy.is_anonymous) or (
        in_path is not None and in_path != conversion.doctype and stores.is_anonymous(namespace, in_path)
    )
    if not conversion.is_anonymous:
        return
    identities = remove_identities(conversion.ping.root)
    present = [identity.path for identity in identities if not identity.is_empty]
    if len(present) < len(identities):
        conversion.notes[MarkName.CLIENT_ID_EMPTY.value] += 1
    if present:
        conversion.notes[MarkName.CLIENT_ID_PRESENT.value] += 1
        raise Refusal(
            QuarantineReason.PRIVACY_VIOLATION,
            f"{', '.join(present)} must not be in a ping of an anonymous store; the value was removed",
        )
    conversion.submission = with_coarse_time(conversion.submission)
    conversion.headers = with_unlinkable_headers(conversion.headers)


def choose_probe_definitions(conversion: Conversion) -> AwaitingSpecs | None:
    """
    Find the definitions for the scalars and events of a checked ping whose histograms needed none.

    A ping without definitions is marked, not refused.
    """
    policy = conversion.policy
    if policy is None or conversion.definitions.spec_file is not None:
        return None
    root = conversion.ping.root
    if next(measured_in(root, policy), None) is None and next(sent_histograms(root, policy), None) is None:
        return None
    fields = conversion.fields
    found = conversion.context.resolver.resolve(
        _revision_of(root),
        channel=value_text(fields.get("appUpdateChannel")),
        build_id=value_text(fields.get("appBuildID")),
        version=value_text(fields.get("appVersion")),
        platform_version=value_text(fields.get("platformVersion")),
        histograms=False,
    )
    if isinstance(found, Awaiting):
        return AwaitingSpecs(found.revision, conversion.path.document_id)
    if isinstance(found, Resolved):
        conversion.definitions = conversion.definitions.with_spec_file(found.spec_file)
    return None


def mark_probes(conversion: Conversion) -> None:
    """Count the marks of a checked ping: where its values break their definitions."""
    policy = conversion.policy
    if policy is None:
        return
    conversion.frequency = _frequency_limit(conversion, policy)
    root, notes = conversion.ping.root, conversion.notes
    if conversion.path.namespace != TELEMETRY and is_glean(root):
        for mark in _glean_marks(conversion, policy):
            notes[mark.name.value] += 1
            _leave_out(conversion, mark)
        return
    expectations = _expectations(conversion)
    for mark in ping_marks(root, policy, expectations):
        notes[mark.name.value] += 1
        _leave_out(conversion, mark)
    if expectations is None:
        return
    for place, names, rows in conversion.packer.packed:
        process = _process_of(place.section)
        if place.key == KEYED:
            excluded = count_keyed_marks(process, names, rows, expectations, notes)
        else:
            excluded = count_plain_marks(process, names, expectations, notes)
        for mark in excluded:
            _leave_out(conversion, mark)


def _frequency_limit(conversion: Conversion, policy: StorePolicy) -> FrequencyLimit | None:
    """Return how often the client's pings of this doctype should come; None without a limit."""
    if not policy.min_interval_seconds or policy.is_anonymous:
        return None
    client_id = conversion.metadata.fields.get("client_id")
    if not isinstance(client_id, str):
        return None
    client = blake2b(client_id.encode(), digest_size=CLIENT_DIGEST_BYTES).digest()
    return FrequencyLimit(client, policy.min_interval_seconds)


def _leave_out(conversion: Conversion, mark: Mark) -> None:
    """Note the value of *mark*, if aggregates leave it out."""
    if mark.name in EXCLUDED and mark.kind is not None and mark.process is not None:
        if conversion.left_out is None:
            conversion.left_out = LeftOut()
        conversion.left_out.add(mark.name.value, mark.kind.value, mark.process, mark.metric, mark.key)


def _glean_marks(conversion: Conversion, policy: StorePolicy) -> Iterator[Mark]:
    root = conversion.ping.root
    yield from whole_ping_marks(root, policy)
    registry = conversion.context.applications.registry_of(conversion.path.namespace)
    facts = facts_of(root, conversion.doctype, conversion.submission.received_at.isoformat())
    yield from glean_marks(root, registry, facts)


def _process_of(section: Section) -> str:
    if not section:
        return PARENT
    return section[1] if section[0] == PROCESSES else CONTENT


def _expectations(conversion: Conversion) -> Expectations | None:
    spec_file, policy = conversion.definitions.spec_file, conversion.policy
    if spec_file is None or policy is None:
        return None
    build = build_of(
        version=conversion.fields.get("appVersion"),
        channel=conversion.fields.get("appUpdateChannel"),
        application=conversion.fields.get("appName"),
        system=conversion.metadata.fields.get("normalized_os"),
    )
    is_main = (conversion.path.namespace, conversion.doctype) == (TELEMETRY, MAIN)
    return expectations_of(registry_of(spec_file), build, policy.store, is_main=is_main)


def _revision_of(root: dict[str, Any]) -> Revision | None:
    """Return the revision that a ping names at ``payload.info.revision``."""
    payload = root.get("payload")
    info = payload.get("info") if isinstance(payload, dict) else None
    sent = info.get("revision") if isinstance(info, dict) else None
    try:
        return parse_revision_url(sent) if isinstance(sent, str) else None
    except BadRevisionUrl:
        return None
