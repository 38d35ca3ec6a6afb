"""
Converts one submission into one outcome: `STEPS_ON_BYTES`, then `STEPS_ON_PING`, in order.

`convert` depends only on its arguments; the only input that it reads is what the resolver of the
context reads.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from histogram_specs.history.resolver import Awaiting
from storage.partitions.schema import UNKNOWN
from storage.raw.submission import Submission
from telemetry_server.convert.anomalies import anomalies_in, with_readable_texts
from telemetry_server.convert.body_digest import digest_of
from telemetry_server.convert.conversion import Conversion, ConversionContext
from telemetry_server.convert.histograms.definition_choice import Chosen, choose_definitions
from telemetry_server.convert.histograms.histogram_packer import has_histograms
from telemetry_server.convert.histograms.self_description import SelfDescription
from telemetry_server.convert.metadata import kept_headers, metadata_of
from telemetry_server.convert.payloads.payload_version import dimension_fields, read_payload
from telemetry_server.convert.payloads.reserved_fields import discard_reserved
from telemetry_server.convert.payloads.schema_fallback import refusal_by_schema
from telemetry_server.convert.ping import convert_ping
from telemetry_server.convert.probe_check import check_privacy, choose_probe_definitions, mark_probes
from telemetry_server.convert.quarantined import as_quarantined
from telemetry_server.convert.registration import check_doctype, require_registered
from telemetry_server.convert.rule_facts import facts_of
from telemetry_server.convert.submitted_path import submitted_path
from telemetry_server.outcomes import checks
from telemetry_server.outcomes.outcome import AwaitingSpecs, Outcome, QuarantineReason, Refused, Stored
from telemetry_server.outcomes.refusal import Refusal
from telemetry_server.pings.errors import (
    BadDocumentId,
    BadSubmitPath,
    CorruptGzip,
    EmptyBody,
    InvalidJson,
    PingError,
    TooLarge,
)
from telemetry_server.pings.inflate import inflate
from telemetry_server.pings.json_place import key_text
from telemetry_server.pings.metadata_fields import metadata_fields_of
from telemetry_server.pings.submit_path import TELEMETRY
from telemetry_server.probes.identity import without_values

REASON_OF: Mapping[type[PingError], QuarantineReason] = {
    BadSubmitPath: QuarantineReason.INVALID_PATH,
    BadDocumentId: QuarantineReason.INVALID_DOCUMENT_ID,
    EmptyBody: QuarantineReason.EMPTY_BODY,
    CorruptGzip: QuarantineReason.CORRUPT_GZIP,
    TooLarge: QuarantineReason.TOO_LARGE,
    InvalidJson: QuarantineReason.INVALID_JSON,
}


def convert(submission: Submission, context: ConversionContext, *, fully: bool = False) -> Outcome:
    """
    Convert *submission*; every input has an outcome, and only a failing disk of the resolver raises.

    Args:
        fully: Decode every part of the ping, never only what is needed: slower, with the same outcome.
    """
    conversion, ended = begin(submission, context)
    return as_written(converted(conversion, fully=fully) if ended is None else ended, submission, context)


def begin(submission: Submission, context: ConversionContext) -> tuple[Conversion, Outcome | None]:
    """Run `STEPS_ON_BYTES`; return the conversion, and its outcome if it has ended already."""
    notes: Counter[str] = Counter()
    conversion = Conversion(with_readable_texts(submission, notes), context, notes)
    return conversion, _run(STEPS_ON_BYTES, conversion)


def converted(conversion: Conversion, *, fully: bool) -> Outcome:
    """Return the outcome of a conversion that has begun."""
    return convert_ping(
        lambda parse: _convert(conversion.with_parser(parse)), fully=fully or conversion.is_parsed_whole
    )


def as_written(outcome: Outcome, submission: Submission, context: ConversionContext) -> Outcome:
    """Return *outcome*; a refused *submission* is in it where quarantine must hold less than was sent."""
    if isinstance(outcome, Refused):
        kept, identities = as_quarantined(submission, context.stores, context.rules, context.doctypes)
        if kept is not submission:
            return replace(outcome, detail=without_values(outcome.detail, identities), submission=kept)
    return outcome


def _convert(conversion: Conversion) -> Outcome:
    return _run(STEPS_ON_PING, conversion) or stored(conversion)


def _run(steps: tuple["Step", ...], conversion: Conversion) -> Outcome | None:
    """Run *steps* in order; the outcome of the step that ends the conversion, None if all pass."""
    for _, run in steps:
        ended = run_step(run, conversion)
        if ended is not None:
            return ended
    return None


def run_step(run: Callable[[Conversion], Outcome | None], conversion: Conversion) -> Outcome | None:
    """Run a step; return the outcome if it ends the conversion."""
    try:
        return run(conversion)
    except Refusal as refusal:
        reason, detail = refusal.reason, refusal.detail
    except PingError as error:
        reason, detail = REASON_OF[type(error)], error.detail
        conversion.document_id = conversion.document_id or error.document_id
    return Refused(
        reason,
        detail,
        conversion.document_id,
        conversion.namespace,
        conversion.doctype,
        conversion.notes,
    )


def _read_path(conversion: Conversion) -> None:
    conversion.path = path = submitted_path(conversion.submission)
    conversion.document_id = path.document_id
    conversion.namespace = path.namespace
    conversion.doctype = path.doctype or UNKNOWN
    if path.has_trailing_slash:
        conversion.notes["uri_trailing_slash"] += 1


def _inflate(conversion: Conversion) -> None:
    inflated = inflate(conversion.submission.body)
    if inflated.trailing_bytes:
        conversion.notes["gzip_trailing"] += 1
    conversion.body_text, conversion.body_crc32 = inflated.data, inflated.crc32


def _parse(conversion: Conversion) -> None:
    conversion.ping = conversion.parse(conversion.body_text, conversion.notes)
    discard_reserved(conversion.ping.root, conversion.notes)


def _read_fields(conversion: Conversion) -> None:
    ping, path, context = conversion.ping, conversion.path, conversion.context
    try:
        payload = read_payload(ping.root, path, context.doctypes, conversion.notes)
    except Refusal as refusal:
        if context.doctypes is None:
            raise
        raise refusal_by_schema(context.doctypes, path, ping.decoded(), ping.text) or refusal from None
    conversion.payload = payload
    conversion.doctype = key_text(payload.doctype or path.doctype or UNKNOWN)
    conversion.fields = dimension_fields(payload, path)
    conversion.headers = kept_headers(conversion.submission)


def _check_privacy(conversion: Conversion) -> None:
    check_privacy(conversion)
    context, fields = conversion.context, conversion.fields
    conversion.metadata = metadata_fields_of(
        conversion.ping.root,
        conversion.headers,
        doctype=conversion.doctype,
        # A namespace is not the name of an application.
        app_name=fields.get("appName") if conversion.path.namespace == TELEMETRY else None,
        channel=fields.get("appUpdateChannel"),
        address=conversion.submission.client_address,
        geo=context.geo,
    )
    if conversion.metadata.notes:
        conversion.notes.update(conversion.metadata.notes)


def _apply_rules(conversion: Conversion) -> None:
    rules, fields = conversion.context.rules, conversion.fields
    if rules is None:
        return
    facts = facts_of(conversion.path.namespace, conversion.doctype, conversion.payload.docversion, fields)
    applied = rules.apply(facts, conversion.ping.root, conversion.headers)
    conversion.notes.update(applied.notes)
    conversion.coarsening = applied.coarsening
    if applied.refusal is not None:
        raise Refusal(QuarantineReason.UNWANTED, applied.refusal)


def _check_doctype(conversion: Conversion) -> None:
    key = conversion.key
    check = check_doctype(conversion.ping, key, conversion.context.doctypes)
    if check.notes:
        conversion.notes.update(check.notes)
    if conversion.context.require_registration:
        require_registered(key, check)
    conversion.doctype_check = check


def _choose_definitions(conversion: Conversion) -> AwaitingSpecs | None:
    payload, context = conversion.payload, conversion.context
    if payload.info is None or payload.packable is None or not has_histograms(payload.packable):
        # There are only empty or broken objects, which no definition is needed for.
        conversion.definitions = Chosen(SelfDescription())
        return choose_probe_definitions(conversion)
    chosen = choose_definitions(
        payload.info,
        conversion.fields,
        f"{payload.where}info.",
        context.resolver,
        context.unresolved_revision,
    )
    if isinstance(chosen, Awaiting):
        return AwaitingSpecs(chosen.revision, conversion.path.document_id)
    conversion.definitions = chosen
    return None


def _pack_histograms(conversion: Conversion) -> None:
    conversion.packer = packer = conversion.ping.packer(
        conversion.definitions.definitions, notes_cells=conversion.context.collects_rows
    )
    for place in conversion.places():
        packer.pack(place)
    packer.check_losses()


def stored(conversion: Conversion) -> Stored:
    """The outcome of a ping that passed every step."""
    path, packer, payload = conversion.path, conversion.packer, conversion.payload
    chosen, metadata, coarsening = conversion.definitions, conversion.metadata, conversion.coarsening
    submission = coarsening.of_submission(conversion.submission)
    if coarsening.has_major_versions:
        submission = replace(submission, path=coarsening.of_path(submission.path, path.app_version))
    record = payload.finish(conversion.ping.root)
    record["metadata"] = metadata_of(
        submission,
        document_id=path.document_id,
        namespace=path.namespace,
        doctype=conversion.doctype,
        docversion=payload.docversion,
        headers=coarsening.of_headers(metadata.header),
        revision_source=chosen.source,
        revision=chosen.revision,
        anomalies=anomalies_in(conversion.notes),
        left_out={} if conversion.left_out is None else conversion.left_out.as_json(),
        dropped=packer.dropped,
        self_described=packer.self_described(),
        fields=metadata.fields,
    )
    coarsening.change(record)
    return Stored(
        document_id=path.document_id,
        namespace=path.namespace,
        doctype=conversion.doctype,
        dimensions=_dimensions(conversion),
        record=conversion.ping.encode(record),
        histograms_kept=packer.kept,
        digest=digest_of(conversion.body_text, conversion.body_crc32),
        dropped=packer.dropped,
        notes=conversion.notes,
        opened=conversion.ping.opened(record),
        submission=submission if conversion.is_anonymous or not coarsening.is_exact else None,
        frequency=conversion.frequency,
        order=tuple(metadata.fields["deletion_order"]["ids"]) if "deletion_order" in metadata.fields else (),
    )


def _dimensions(conversion: Conversion) -> tuple[str, ...]:
    """The folder names of a finished ping; flattening a session added fields to its info."""
    fields = conversion.coarsening.of_fields(dimension_fields(conversion.payload, conversion.path))
    registered_as = conversion.doctype_check.doctype
    if registered_as is not None and fields["reason"] == conversion.doctype:
        fields["reason"] = registered_as
    context = conversion.context
    return context.folders.of(fields, context.schema)


class Step(NamedTuple):
    """A part of the conversion, and the check that it makes."""

    check: checks.Check
    run: Callable[[Conversion], AwaitingSpecs | None]  # raises Refusal or PingError to quarantine


STEPS_ON_BYTES = (
    Step(checks.PATH, _read_path),
    Step(checks.BODY, _inflate),
)
STEPS_ON_PING = (
    Step(checks.JSON, _parse),
    Step(checks.FIELDS, _read_fields),
    Step(checks.PRIVACY, _check_privacy),
    Step(checks.RULES, _apply_rules),
    Step(checks.DOCTYPE, _check_doctype),
    Step(checks.REVISION, _choose_definitions),
    Step(checks.HISTOGRAMS, _pack_histograms),
    Step(checks.PROBES, mark_probes),
)
