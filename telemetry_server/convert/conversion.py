"""The state of one conversion: the submission, what conversion depends on, and what the steps found."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from histogram_specs.history.resolver import Resolves
from storage.partitions.partition_folders import PartitionFolders
from storage.partitions.schema import UNKNOWN, PartitionSchema
from storage.raw.submission import Submission
from telemetry_server.convert.histograms.definition_choice import Chosen, Unresolved
from telemetry_server.convert.histograms.histogram_packer import Packer, Place, places_of
from telemetry_server.convert.payloads.parsed_payload import JsonObject, ParsedPayload
from telemetry_server.convert.ping import Parse, Ping
from telemetry_server.convert.rules.coarsening import EXACT, Coarsening
from telemetry_server.convert.rules.rules import Rules
from telemetry_server.doctypes.layout import DoctypeKey
from telemetry_server.outcomes.outcome import FrequencyLimit
from telemetry_server.pings.doctype_check import DoctypeCatalogue, DoctypeCheck
from telemetry_server.pings.geo import GeoLookup
from telemetry_server.pings.left_out import LeftOut
from telemetry_server.pings.metadata_fields import MetadataFields
from telemetry_server.pings.submit_path import TELEMETRY, SubmitPath
from telemetry_server.probes.glean_registry import GleanApplications
from telemetry_server.probes.stores import NO_STORES, StorePolicy, Stores

MIN_WALKED_BYTES = 8 << 10
"""A shorter ping without histograms is parsed sooner than its parts are found."""


@dataclass(frozen=True, slots=True)
class ConversionContext:
    """Everything that conversion depends on besides the submission."""

    resolver: Resolves
    schema: PartitionSchema
    unresolved_revision: Unresolved = "quarantine"
    doctypes: DoctypeCatalogue | None = None
    require_registration: bool = False
    rules: Rules | None = None
    geo: GeoLookup | None = None
    stores: Stores = NO_STORES
    applications: GleanApplications = field(default_factory=lambda: GleanApplications(None))
    collects_rows: bool = False  # for the tables: noted while histograms are packed
    folders: PartitionFolders = field(default_factory=PartitionFolders, compare=False, repr=False)


@dataclass(slots=True)
class Conversion:
    """One submission on its way through the steps; each step sets the fields that it is named for."""

    submission: Submission
    context: ConversionContext
    notes: Counter[str]
    # Filed with a refusal, as far as they are known.
    document_id: str | None = None
    namespace: str = UNKNOWN
    doctype: str = UNKNOWN
    # _read_path, _inflate
    path: SubmitPath = field(init=False)
    body_text: bytes = field(init=False)
    body_crc32: int | None = field(init=False)  # where it is known
    # _parse, _read_fields, _check_privacy
    parse: Parse = field(init=False)
    ping: Ping = field(init=False)
    payload: ParsedPayload = field(init=False)
    fields: JsonObject = field(init=False)  # values for dimensions
    headers: dict[str, str] = field(init=False)
    policy: StorePolicy | None = None  # None: the ping is not held against definitions
    is_anonymous: bool = False
    metadata: MetadataFields = field(init=False)
    coarsening: Coarsening = EXACT
    # _check_doctype, _choose_definitions, _pack_histograms
    doctype_check: DoctypeCheck = field(init=False)
    definitions: Chosen = field(init=False)
    packer: Packer = field(init=False)
    # mark_probes
    left_out: LeftOut | None = None  # None: nothing is left out so far
    frequency: FrequencyLimit | None = None

    def with_parser(self, parse: Parse) -> "Conversion":
        """A copy for the steps on the ping, with notes of its own."""
        copy = Conversion(
            self.submission,
            self.context,
            Counter(self.notes) if self.notes else Counter(),
            self.document_id,
            self.namespace,
            self.doctype,
        )
        copy.path, copy.parse = self.path, parse
        copy.body_text, copy.body_crc32 = self.body_text, self.body_crc32
        return copy

    @property
    def is_parsed_whole(self) -> bool:
        """Whether the full parse of the ping is the quicker way; set once its body is inflated."""
        rules = self.context.rules
        if rules is not None and rules.rules:
            return True  # a rule may look at any place, so every part would be decoded in the end
        return self.path.namespace != TELEMETRY and len(self.body_text) < MIN_WALKED_BYTES

    @property
    def key(self) -> DoctypeKey:
        """What a schema for this ping is registered under."""
        return DoctypeKey(self.path.namespace, self.doctype, self.payload.docversion)

    def places(self) -> Iterator[Place]:
        """Every object of histograms in the ping that is packed."""
        packable = self.payload.packable
        return iter(()) if packable is None else places_of(packable, self.payload.where)
