"""Hides more groups where too few clients are hidden: beside a total, these follow by subtraction."""

from collections.abc import Mapping, Set
from typing import TypeVar

from telemetry_server.aggregates.sums import Sums, total_of
from telemetry_server.aggregates.suppression import is_small


def hidden_groups(groups: Mapping[str, Sums], suppress_below: int) -> set[str]:
    """
    Return those of *groups* that must not be shown where their total is.

    The total minus the shown groups is the sum of the hidden ones: together these have enough clients, or all
    are hidden.
    """
    hidden = {group for group, sums in groups.items() if is_small(sums, suppress_below)}
    shown = sorted(groups.keys() - hidden, key=lambda group: (groups[group].clients_at_least, group))
    while hidden and shown and is_small(total_of(groups[group] for group in hidden), suppress_below):
        hidden.add(shown.pop(0))
    return hidden


Client = TypeVar("Client", bytes, int)


def hidden_values(clients: Mapping[str, Set[Client]], suppress_below: int) -> set[str]:
    """Return the same for values whose distinct clients are known."""
    if suppress_below <= 1:
        return set()
    hidden = {value for value, ids in clients.items() if len(ids) < suppress_below}
    shown = sorted(clients.keys() - hidden, key=lambda value: (len(clients[value]), value))
    together: set[Client] = set().union(*(clients[value] for value in hidden))
    while hidden and shown and len(together) < suppress_below:
        value = shown.pop(0)
        hidden.add(value)
        together |= clients[value]
    return hidden
