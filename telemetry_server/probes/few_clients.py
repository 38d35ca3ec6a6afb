"""Whether enough clients stand behind a count of a report, without remembering all of them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

DIGEST_BYTES = 8
Count = tuple[str | None, ...]  # what is counted


def sender_of(record: Mapping[str, Any]) -> str:
    """Return the client of a stored record; where it has none its document id: each ping counts as one."""
    metadata = record["metadata"]
    return str(metadata.get("client_id") or metadata["document_id"])


@dataclass(slots=True)
class FewClients:
    """
    Digests of the first clients behind each count, as many as are needed to show it.

    Args:
        suppress_below: Counts of fewer clients are not shown; 1 shows all.
    """

    suppress_below: int = 1
    _clients: dict[Count, set[str]] = field(default_factory=lambda: defaultdict(set))
    # Counts with enough clients: their last parts, by the parts before.  They are quickly skipped.
    _enough: dict[Count, set[str | None]] = field(default_factory=lambda: defaultdict(set))

    def add(self, count: Count, sender: str) -> None:
        """Note that *sender* is behind *count*."""
        self.add_all(count[:-1], count[-1:], sender)

    def add_all(self, first: Count, last: Collection[str | None], sender: str) -> None:
        """Note that *sender* is behind all counts that begin with *first* and end with one of *last*."""
        if self.suppress_below <= 1:
            return
        enough = self._enough[first]
        missing = set(last) - enough
        if missing:
            digest = blake2b(sender.encode(), digest_size=DIGEST_BYTES).hexdigest()
            for part in missing:
                self._add_digests((*first, part), (digest,))

    def add_few(self, other: "FewClients") -> None:
        """Add what *other* has noted."""
        for count, digests in other._clients.items():
            if count[-1] not in self._enough[count[:-1]]:
                self._add_digests(count, digests)

    def _add_digests(self, count: Count, digests: Iterable[str]) -> None:
        known = self._clients[count]
        for digest in digests:
            if len(known) < self.suppress_below:
                known.add(digest)
        if len(known) >= self.suppress_below:
            self._enough[count[:-1]].add(count[-1])

    def is_small(self, count: Count) -> bool:
        """Return whether too few clients are behind *count*."""
        return self.suppress_below > 1 and count[-1] not in self._enough[count[:-1]]

    def have_small(self, counts: Iterable[Count]) -> bool:
        """Return whether one of *counts*, which add up to a shown one, has too few clients."""
        return any(self.is_small(count) for count in counts)

    def as_value(self) -> list[Any]:
        """Return it as a JSON value."""
        return [[list(count), sorted(digests)] for count, digests in self._clients.items()]

    @classmethod
    def from_value(cls, suppress_below: int, value: Iterable[Any]) -> "FewClients":
        """Return the object whose `as_value` is *value*."""
        few = cls(suppress_below)
        for count, digests in value:
            few._add_digests(tuple(count), digests)
        return few
