"""
One submission → what becomes of it.

`convert` is a function of its arguments: it reads nothing but what the context's resolver
reads, and answers every input with an outcome.

There are two ways.  The plain one decodes all of a ping, and has the say.  The quick one leaves
as text what is only copied; it ends in a `Stored`, the same in every byte, or else the plain
way is taken.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crc32c import crc32c

from histogram_specs.history.resolver import Awaiting
from storage.partitions.partition_path import folder_name
from storage.partitions.schema import UNKNOWN, PartitionSchema, value_text
from storage.raw.submission import Submission
from telemetry_server.convert.anomalies import anomalies_in, note_parsing, with_readable_texts
from telemetry_server.convert.compiled.ping_text import (
    IS_COMPILED,
    NeedsFullParse,
    OpenedObject,
    as_json,
    open_ping,
)
from telemetry_server.convert.compiled.text_packer import TextPacker
from telemetry_server.convert.histograms.definition_choice import (
    Chosen,
    Resolves,
    Unresolved,
    choose_definitions,
)
from telemetry_server.convert.histograms.histogram_packer import (
    Packer,
    Place,
    SelfDescribedPacker,
    has_histograms,
    places_of,
)
from telemetry_server.convert.histograms.measures import Definitions, SpecDefinitions
from telemetry_server.convert.histograms.self_description import SelfDescription
from telemetry_server.convert.metadata import kept_headers, metadata_of
from telemetry_server.convert.payloads.classic import read_classic
from telemetry_server.convert.payloads.generic import read_generic
from telemetry_server.convert.payloads.parsed_payload import JsonObject, Reading, is_number
from telemetry_server.convert.payloads.reserved_fields import discard_info, discard_reserved
from telemetry_server.convert.payloads.schema_fallback import (
    asks_a_schema,
    claimed_reading,
    refusal_by_schema,
)
from telemetry_server.convert.payloads.unified import read_unified
from telemetry_server.convert.rules.rules import Facts, Rules
from telemetry_server.doctypes.layout import DoctypeKey
from telemetry_server.outcomes.outcome import AwaitingSpecs, Outcome, QuarantineReason, Refused, Stored
from telemetry_server.outcomes.refusal import Refusal
from telemetry_server.pings.doctype_check import (
    DoctypeCatalogue,
    DoctypeCheck,
    DoctypeStatus,
)
from telemetry_server.pings.errors import (
    BadDocumentId,
    BadSubmitPath,
    CorruptGzip,
    EmptyBody,
    InvalidJson,
    PingError,
    TooLarge,
)
from telemetry_server.pings.geo import GeoLookup
from telemetry_server.pings.inflate import crc32, inflate
from telemetry_server.pings.json_place import json_type, key_text
from telemetry_server.pings.json_text import json_of, parse_object
from telemetry_server.pings.metadata_fields import metadata_fields_of
from telemetry_server.pings.submit_path import TELEMETRY, SubmitPath, parse_submit_path

REASON_OF: Mapping[type[PingError], QuarantineReason] = {
    BadSubmitPath: QuarantineReason.INVALID_PATH,
    BadDocumentId: QuarantineReason.INVALID_DOCUMENT_ID,
    EmptyBody: QuarantineReason.EMPTY_BODY,
    CorruptGzip: QuarantineReason.CORRUPT_GZIP,
    TooLarge: QuarantineReason.TOO_LARGE,
    InvalidJson: QuarantineReason.INVALID_JSON,
}

_NOT_CHECKED = DoctypeCheck(DoctypeStatus.UNREGISTERED)


@dataclass(frozen=True, slots=True)
class ConversionContext:
    """All that conversion depends on beside the submission."""

    resolver: Resolves
    schema: PartitionSchema
    unresolved_revision: Unresolved = "quarantine"
    doctypes: DoctypeCatalogue | None = None
    require_registration: bool = False
    rules: Rules | None = None
    geo: GeoLookup | None = None


@dataclass(slots=True)
class _Known:
    """What is known of a submission so far: enough to file it if the next step refuses it."""

    document_id: str | None = None
    namespace: str = UNKNOWN
    doctype: str = UNKNOWN


def convert(submission: Submission, context: ConversionContext, *, plainly: bool = False) -> Outcome:
    """
    Judge *submission*; no input raises, only a disk that the resolver cannot read.

    Args:
        plainly: Decode all of it, however ordinary it is: the same comes out, later.
    """
    known = _Known()
    notes: Counter[str] = Counter()
    try:
        submission = with_readable_texts(submission, notes)
        path = _path_of(submission, known, notes)
        text = _inflated(submission.body, notes)
        if IS_COMPILED and not plainly:
            stored = _stored_quickly(submission, context, path, text, Counter(notes))
            if stored is not None:
                return stored
        parsed = parse_object(text)
        note_parsing(parsed, notes)
        return _convert(
            submission,
            context,
            path,
            parsed.text,
            parsed.value,
            known=known,
            notes=notes,
            digest=digest_of(text),
        )
    except Refusal as refusal:
        reason, detail = refusal.reason, refusal.detail
    except PingError as error:
        reason, detail = REASON_OF[type(error)], error.detail
        known.document_id = known.document_id or error.document_id
    return Refused(reason, detail, known.document_id, known.namespace, known.doctype, notes)


def _stored_quickly(
    submission: Submission, context: ConversionContext, path: SubmitPath, text: bytes, notes: Counter[str]
) -> Stored | None:
    """Store *submission* without decoding all of it; None where anything is out of the ordinary."""
    if context.rules is not None and context.rules.rules:
        return None  # they may look anywhere
    try:
        ping = open_ping(text)
        outcome = _convert(
            submission, context, path, text, ping, known=_Known(), notes=notes, digest=digest_of(text)
        )
    except (NeedsFullParse, Refusal):
        return None
    return outcome if isinstance(outcome, Stored) else None


def _convert(
    submission: Submission,
    context: ConversionContext,
    path: SubmitPath,
    text: bytes,
    ping: JsonObject,
    *,
    known: _Known,
    notes: Counter[str],
    digest: int,
) -> Outcome:
    discard_reserved(ping, notes)
    try:
        reading = _read(ping, path, context.doctypes, notes)
    except Refusal as refusal:
        if context.doctypes is None or isinstance(ping, OpenedObject):
            raise
        raise refusal_by_schema(context.doctypes, path, ping, text) or refusal from None
    known.doctype = doctype = key_text(reading.doctype or path.doctype or UNKNOWN)
    headers = kept_headers(submission)
    fields = _fields(reading, path)
    extras = metadata_fields_of(
        ping,
        headers,
        doctype=doctype,
        # A namespace is no application's name.
        app_name=fields.get("appName") if path.namespace == TELEMETRY else None,
        channel=fields.get("appUpdateChannel"),
        address=submission.client_address,
        geo=context.geo,
    )
    notes.update(extras.notes)
    facts = _facts(path.namespace, doctype, reading.docversion, fields)
    check = _check_wanted(context, facts, ping, text=text, headers=headers, notes=notes)

    chosen = _definitions(reading, fields, context)
    if isinstance(chosen, Awaiting):
        return AwaitingSpecs(chosen.revision, path.document_id)
    packer = _packer(ping, chosen.definitions)
    for place in _places(reading):
        packer.pack(place)
    packer.check_losses()
    record = reading.finish(ping)
    record["metadata"] = (
        metadata_of(
            submission,
            document_id=path.document_id,
            namespace=path.namespace,
            doctype=doctype,
            docversion=reading.docversion,
            headers=extras.header,
            revision_source=chosen.source,
            revision=chosen.revision,
            anomalies=anomalies_in(notes),
            dropped=packer.dropped,
            self_described=packer.self_described(),
        )
        | extras.fields
    )
    # Read again: a flattened session has an info with more in it.
    fields = _fields(reading, path)
    if check.doctype is not None and fields["reason"] == doctype:
        fields["reason"] = check.doctype
    values = context.schema.values_of(fields)
    return Stored(
        document_id=path.document_id,
        namespace=path.namespace,
        doctype=doctype,
        dimensions=tuple(map(folder_name, values)),
        record=as_json(record) if isinstance(ping, OpenedObject) else json_of(record),
        histograms_kept=packer.kept,
        digest=digest,
        dropped=tuple(packer.dropped),
        notes=notes,
    )


def _packer(ping: JsonObject, definitions: Definitions) -> Packer:
    if isinstance(definitions, SelfDescription):
        if isinstance(ping, OpenedObject):
            raise NeedsFullParse  # each histogram has a definition of its own
        return SelfDescribedPacker(definitions)
    if isinstance(definitions, SpecDefinitions) and isinstance(ping, OpenedObject):
        return TextPacker(definitions)
    return Packer(definitions)


def digest_of(text: bytes) -> int:
    """
    A signed 64-bit digest of a body's text: both usual CRC-32s.

    It tells retries from other bytes under the same id, and is no defence against who forges it.
    """
    return (crc32c(text) << 32 | crc32(text)) - 2**63


def _path_of(submission: Submission, known: _Known, notes: Counter[str]) -> SubmitPath:
    path = parse_submit_path(submission.path)
    known.document_id, known.namespace, known.doctype = (
        path.document_id,
        path.namespace,
        path.doctype or UNKNOWN,
    )
    if path.has_trailing_slash:
        notes["uri_trailing_slash"] += 1
    return path


def _inflated(body: bytes, notes: Counter[str]) -> bytes:
    inflated = inflate(body)
    if inflated.trailing_bytes:
        notes["gzip_trailing"] += 1
    return inflated.data


def _read(
    ping: JsonObject, path: SubmitPath, doctypes: DoctypeCatalogue | None, notes: Counter[str]
) -> Reading:
    """What the rules for its version find in *ping*: ``ver`` is looked at first, null is absent."""
    if path.namespace != TELEMETRY:
        return read_generic(ping, path)
    discard_info(ping, notes)
    claimed = claimed_reading(doctypes, path, ping)
    if claimed is not None:
        return claimed
    for name, read in (("ver", read_classic), ("version", read_unified)):
        number = ping.get(name)
        if number is None:
            continue
        if not is_number(number):
            raise Refusal(QuarantineReason.UNKNOWN_VERSION, f"{name} is {json_type(number)}, not a number")
        return read(ping, number)
    raise Refusal(QuarantineReason.UNKNOWN_VERSION, "neither ver nor version is there")


def _fields(reading: Reading, path: SubmitPath) -> JsonObject:
    """What dimensions are filled from: what the payload says, before what the path says."""
    fields = dict(reading.fields)
    for name, said in (
        ("reason", path.doctype),
        ("appName", path.app_name),
        ("appUpdateChannel", path.channel),
        ("appVersion", path.app_version),
        ("appBuildID", path.build_id),
    ):
        if value_text(fields.get(name)) is None:
            fields[name] = said
    return fields


def _facts(namespace: str, doctype: str, docversion: str, fields: JsonObject) -> Facts:
    """What rules can ask for."""
    return Facts(
        namespace=namespace,
        doctype=doctype,
        docversion=docversion,
        app=value_text(fields.get("appName")),
        version=value_text(fields.get("appVersion")),
        channel=value_text(fields.get("appUpdateChannel")),
        build=value_text(fields.get("appBuildID")),
    )


def _check_wanted(
    context: ConversionContext,
    facts: Facts,
    ping: JsonObject,
    *,
    text: bytes,
    headers: Mapping[str, str],
    notes: Counter[str],
) -> DoctypeCheck:
    """
    Apply the operator's rules, then the catalogue of doctypes, whose answer is returned.

    Raises:
        Refusal: One of the two does not accept *ping*.
    """
    if context.rules is not None:
        applied = context.rules.apply(facts, ping, headers)
        notes.update(applied.notes)
        if applied.refusal is not None:
            raise Refusal(QuarantineReason.UNWANTED, applied.refusal)
    check = _NOT_CHECKED
    if context.doctypes is not None:
        key = DoctypeKey(facts.namespace, facts.doctype, facts.docversion)
        if isinstance(ping, OpenedObject) and asks_a_schema(context.doctypes, key):
            raise NeedsFullParse
        check = context.doctypes.check(facts.namespace, facts.doctype, facts.docversion, ping, text)
        notes.update(check.notes)
        if check.status is DoctypeStatus.VIOLATION:
            raise Refusal(QuarantineReason.SCHEMA_VIOLATION, check.detail)
    is_registered = check.status is DoctypeStatus.VALID
    if context.require_registration and facts.namespace != TELEMETRY and not is_registered:
        name = f"{facts.namespace}/{facts.doctype}/{facts.docversion}"
        raise Refusal(QuarantineReason.UNKNOWN_DOCTYPE, check.detail or f"{name} is not registered")
    return check


def _places(reading: Reading) -> Iterator[Place]:
    return iter(()) if reading.packable is None else places_of(reading.packable, reading.where)


def _definitions(reading: Reading, fields: JsonObject, context: ConversionContext) -> Chosen | Awaiting:
    if reading.info is None or not has_histograms(_places(reading)):
        # Nothing but empty or broken objects: there is nothing to hold against a definition.
        return Chosen(SelfDescription())
    return choose_definitions(
        reading.info,
        fields,
        f"{reading.where}info.",
        context.resolver,
        context.unresolved_revision,
    )
