"""Which groups of a split are too small to be shown beside their total."""

from collections.abc import Mapping, Sequence


def hidden_places(sizes: Sequence[float], below: int) -> set[int]:
    """
    Return the places of the groups that are not shown.

    Those smaller than *below* are hidden; and others, the smallest first, until the hidden ones together
    are *below* at least, because the total minus the shown ones is their sum.
    """
    if below <= 1:
        return set()
    hidden = {place for place, size in enumerate(sizes) if size < below}
    left = sorted((size, place) for place, size in enumerate(sizes) if size >= below)
    while hidden and left and sum(sizes[place] for place in hidden) < below:
        hidden.add(left.pop(0)[1])
    return hidden


def large_counts(counts: Mapping[str, int], below: int) -> dict[str, int]:
    """Return the *counts* that may be shown."""
    hidden = hidden_places(list(counts.values()), below)
    return {name: count for place, (name, count) in enumerate(counts.items()) if place not in hidden}
