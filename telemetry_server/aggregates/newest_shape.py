"""Which of several definitions of a metric the newest data has: an answer shows that one alone."""

from collections.abc import Container

from telemetry_server.aggregates.sums import Found


def newest_shape(found: Found, known: Container[str]) -> str:
    """Return the id of the shape that the newest build has; empty where nothing was found."""
    best: dict[str, tuple[tuple[str, str], int]] = {}
    for (_, _, shape), sums in found.sums.items():
        newest, samples = best.get(shape, (("", ""), 0))
        if sums.instances and shape in known:
            best[shape] = max(newest, sums.newest), samples + sums.samples
    return max(best, key=lambda shape: (*best[shape], shape), default="")
