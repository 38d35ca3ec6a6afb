"""What is open to everyone, and which web pages of other origins may read it (Fetch standard, 3.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import hdrs

from telemetry_server.reports.route import Route

ANY_ORIGIN = "*"
# The old aggregates service: its dashboard is a page of another origin.
OLD_API = ("/aggregates_by", "/filters")
PREFLIGHT = {
    hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, HEAD",
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "accept, if-none-match",
    hdrs.ACCESS_CONTROL_MAX_AGE: "7200",  # Chromium's limit
}


@dataclass(frozen=True, slots=True)
class PublicAccess:
    """What the operator opens: addresses, each with all below it, and origins of web pages."""

    paths: Sequence[str] = ()
    origins: frozenset[str] = frozenset()

    def opens(self, route: Route) -> bool:
        """Whether *route* needs no visitor."""
        return route.can_be_public and _is_below(route.template, self.paths)

    def cors_headers(self, path: str, headers: Mapping[str, str], *, is_open: bool) -> dict[str, str]:
        """
        Return the header that lets the page which asks read the answer; empty where it may not.

        It depends on *path* alone, so that errors carry it, too.

        Args:
            path: Decoded.
            is_open: There are no users.
        """
        if not _is_below(path, (*self.paths, *OLD_API) if is_open else self.paths):
            return {}
        if ANY_ORIGIN in self.origins:
            return {hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: ANY_ORIGIN}
        origin = headers.get(hdrs.ORIGIN, "")
        return {hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: origin} if origin in self.origins else {}


def _is_below(path: str, beginnings: Sequence[str]) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in beginnings)
