"""A ping as lists show it, and the choice of those that a list is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields as fields_of
from typing import Any


@dataclass(frozen=True, slots=True)
class PingSummary:
    """One submission and its outcome; no part of its body."""

    received_at: str  # UTC, with six decimals and Z
    document_id: str | None
    outcome: str
    reason: str | None = None
    detail: str | None = None
    namespace: str | None = None
    doctype: str | None = None
    application: str | None = None
    version: str | None = None
    channel: str | None = None
    debug_id: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """The place in a list, the newest first."""
        return self.received_at, self.document_id or "", self.outcome

    def as_json(self) -> dict[str, Any]:
        """Return the item of a list."""
        return {name: getattr(self, name) for name in FIELDS}


FIELDS = tuple(field.name for field in fields_of(PingSummary))


def summary_of(fields: Mapping[str, Any]) -> PingSummary:
    """Return the summary that `tail` shows as *fields*; counts of histograms may be missing."""
    document_id = fields["document_id"]
    return PingSummary(
        received_at=fields["submission_timestamp"],
        document_id=document_id and document_id.lower(),
        outcome=fields["outcome"],
        reason=fields["reason"],
        detail=fields["detail"],
        namespace=fields["namespace"],
        doctype=fields["doctype"],
        application=fields["app"],
        version=fields["version"],
        channel=fields["channel"],
        debug_id=fields["debug_id"],
    )


@dataclass(frozen=True, slots=True)
class PingFilter:
    """Which pings; empty means any.  Days are YYYYMMDD, both ends included."""

    q: str = ""  # a document id or its beginning, lower case
    namespace: str = ""
    doctype: str = ""
    channel: str = ""
    version: str = ""
    debug_id: str = ""
    outcome: str = ""
    reason: str = ""
    first_day: str = ""
    last_day: str = ""

    @property
    def takes_all_stored(self) -> bool:
        """Whether every stored ping of a wanted day is wanted."""
        return not (self.q or self.namespace or self.doctype or self.channel or self.version or self.debug_id)

    def takes_day(self, day: str) -> bool:
        """Whether pings of *day* may be wanted."""
        return self.first_day <= day and (not self.last_day or day <= self.last_day)

    def takes_outcome(self, outcome: str) -> bool:
        """Whether pings with *outcome* may be wanted."""
        if self.outcome and self.outcome != outcome:
            return False
        return not self.reason or outcome in ("quarantined", "deleted", "pending")

    def matches(self, ping: PingSummary) -> bool:
        """Whether *ping* is wanted, its day aside."""
        if self.q and not (ping.document_id or "").startswith(self.q):
            return False
        return all(
            not wanted or wanted == value
            for wanted, value in (
                (self.namespace, ping.namespace),
                (self.doctype, ping.doctype),
                (self.channel, ping.channel),
                (self.version, ping.version),
                (self.debug_id, ping.debug_id),
                (self.outcome, ping.outcome),
                (self.reason, ping.reason),
            )
        )
