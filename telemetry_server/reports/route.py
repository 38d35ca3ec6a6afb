"""Routes as values: the one table from which requests are answered, rights checked and the document made."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pydantic import BaseModel

from telemetry_server.access.roles import Right
from telemetry_server.reports.answers import Answer
from telemetry_server.reports.parameters import Empty, Parameters
from telemetry_server.reports.visitor import Visitor

if TYPE_CHECKING:
    from telemetry_server.reports.services import Services

_HOLE = re.compile(r"\{([a-z_]+)\}")
MAX_PART = 1000
# Stands for an encoded slash inside of a part of a path: the names of probes may have one.  UTF-8 cannot
# encode it, so that no part holds it otherwise.
SLASH = "\udc2f"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, checked: who asks, and for what."""

    services: "Services"
    visitor: Visitor
    method: str
    target: str  # as sent
    path: Mapping[str, str]  # the parts that a template leaves open, decoded
    parameters: Any  # of the route's model
    body: bytes
    headers: Mapping[str, str]
    is_secure: bool  # came by TLS

    @property
    def wants_csv(self) -> bool:
        """Whether the answer is to be CSV."""
        chosen = getattr(self.parameters, "format", None)
        return chosen == "csv" if chosen else _prefers_csv(self.headers.get("Accept", ""))

    @property
    def is_api(self) -> bool:
        """Whether a program asks, and no page."""
        return self.target.startswith("/api/")

    @property
    def is_public(self) -> bool:
        """Whether everyone may see the answer: it leaves out what the operator hides from the public."""
        return self.visitor.role is None


Handler = Callable[[Ask], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """One address and what it answers."""

    method: str
    template: str
    handler: Handler
    summary: str
    right: Right | None  # None: open to everyone who may connect
    parameters: type[Parameters] | None = Empty  # None: the handler reads them
    answer: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    has_csv: bool = False
    problems: Sequence[int] = ()  # statuses beyond those that every route may have
    other_answers: Mapping[int, type[BaseModel]] = field(default_factory=dict)
    can_be_public: bool = False  # where `public_pages` names it

    @property
    def is_api(self) -> bool:
        """Whether it is in the API's document."""
        return self.template.startswith("/api/")

    @property
    def has_json_errors(self) -> bool:
        """Whether errors are JSON."""
        return answers_json(self.template)

    @property
    def path_names(self) -> list[str]:
        """The names of the parts that the template leaves open."""
        return _HOLE.findall(self.template)

    def pattern(self) -> "re.Pattern[str]":
        """Return what matches the decoded path."""
        holes = iter(_HOLE.split(self.template))
        text = re.escape(next(holes))
        for name in holes:
            text += f"(?P<{name}>[^/]{{1,{MAX_PART}}})" + re.escape(next(holes))
        return re.compile(text + r"\Z")


class RouteTable:
    """Finds the route of a request."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._patterns = [(route, route.pattern()) for route in routes]

    def find(self, method: str, path: str) -> "tuple[Route, dict[str, str]] | list[str]":
        """
        Return the route and the open parts of *path*; else the methods that *path* has, perhaps none.

        Args:
            path: Made by `decoded_path`.
        """
        methods: list[str] = []
        for route, pattern in self._patterns:
            if (found := pattern.match(path)) is None:
                continue
            if method == route.method or (method == "HEAD" and route.method == "GET"):
                return route, {name: part.replace(SLASH, "/") for name, part in found.groupdict().items()}
            methods += ["GET", "HEAD"] if route.method == "GET" else [route.method]
        return list(dict.fromkeys(methods))


def decoded_path(path: str) -> str:
    """
    Return *path* with its escapes decoded; a slash that was one is `SLASH`.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
    """
    return "/".join(unquote(part, errors="strict").replace("/", SLASH) for part in path.split("/"))


def answers_json(path: str) -> bool:
    """Return whether errors of *path* are JSON: those of the API, and of the old aggregates service."""
    return path.startswith(("/api/", "/aggregates_by/", "/filters/"))


def _prefers_csv(accept: str) -> bool:
    weights: dict[str, float] = {}
    for part in accept.split(","):
        kind, *options = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for option in options:
            if option.startswith("q="):
                try:
                    weight = float(option[2:])
                except ValueError:
                    weight = 0.0
        weights[kind] = weight
    return weights.get("text/csv", 0.0) > weights.get("application/json", 0.0)
