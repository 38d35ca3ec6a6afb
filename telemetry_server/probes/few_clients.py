"""Whether enough clients stand behind a count of a report, without remembering all of them."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


def sender_of(record: Mapping[str, Any]) -> str:
    """Return the client of a stored record; where it has none its document id: each ping counts as one."""
    metadata = record["metadata"]
    return str(metadata.get("client_id") or metadata["document_id"])


@dataclass(slots=True)
class FewClients:
    """
    The first clients behind each count, as many as are needed to show it.

    Args:
        suppress_below: Counts of fewer clients are not shown; 1 shows all.
    """

    suppress_below: int = 1
    _clients: dict[Hashable, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, count: Hashable, sender: str) -> None:
        """Note that *sender* is behind *count*."""
        if self.suppress_below > 1:
            known = self._clients[count]
            if len(known) < self.suppress_below:
                known.add(sender)

    def is_small(self, count: Hashable) -> bool:
        """Return whether too few clients are behind *count*."""
        return self.suppress_below > 1 and len(self._clients[count]) < self.suppress_below

    def have_small(self, counts: Iterable[Hashable]) -> bool:
        """Return whether one of *counts*, which add up to a shown one, has too few clients."""
        return any(self.is_small(count) for count in counts)
