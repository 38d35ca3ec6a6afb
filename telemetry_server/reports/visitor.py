"""Who asks: the visitor of one request, with a role and the way in which it was proved."""

from dataclasses import dataclass
from enum import StrEnum

from telemetry_server.access.roles import RIGHTS, Right, Role


class Proof(StrEnum):
    """How a visitor proved who it is."""

    NOTHING = "nothing"
    OPEN = "open"  # there are no users, and the listener is the machine's own
    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - a name
    HEADER = "header"  # a proxy says it


THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks."""

    proof: Proof
    role: Role | None = None
    name: str = ""  # of the user, or the token's id
    csrf_subject: str = ""  # what a CSRF token must be for, where a browser proves by itself
    theme: str = "auto"  # one of `THEMES`, as the browser's cookie says

    def may(self, right: Right) -> bool:
        """Whether the visitor has *right*."""
        return self.role is not None and right in RIGHTS[self.role]


UNKNOWN = Visitor(Proof.NOTHING)
EVERYONE_HERE = Visitor(Proof.OPEN, Role.ADMIN, "everyone on this machine")
