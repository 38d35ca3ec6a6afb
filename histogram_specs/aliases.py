"""Maps repositories of applications to the gecko repositories that they are built from."""

from collections.abc import Iterable
from dataclasses import dataclass

from histogram_specs.errors import BadRevisionUrl
from histogram_specs.revision import check_repository

# Thunderbird and SeaMonkey: their repositories do not contain toolkit/.
DEFAULT_ALIASES = (
    "comm-central=mozilla-central",
    "releases/comm-aurora=releases/mozilla-aurora",
    "releases/comm-beta=releases/mozilla-beta",
    "releases/comm-release=releases/mozilla-release",
    "releases/comm-esr*=releases/mozilla-esr*",
)
REST = "*"


@dataclass(frozen=True, slots=True)
class RepositoryAliases:
    """The rules that map a repository of an application to its gecko repository."""

    rules: tuple[tuple[str, str], ...]  # a name that ends in `REST` matches every name with that beginning

    def gecko_of(self, repository: str) -> str | None:
        """Return the repository with the definitions for *repository*; None if it has its own."""
        for own, gecko in self.rules:
            if own == repository:
                return gecko
            start = own.removesuffix(REST)
            if start != own and repository.startswith(start) and repository != start:
                return gecko.removesuffix(REST) + repository.removeprefix(start)
        return None


def parse_aliases(rules: Iterable[str]) -> RepositoryAliases:
    """
    Read rules such as ``comm-central=mozilla-central`` and ``releases/comm-esr*=releases/mozilla-esr*``.

    Raises:
        ValueError: If a rule has another form; the text is one line.
    """
    read = []
    for rule in rules:
        own, equals, gecko = rule.partition("=")
        if not equals or own.endswith(REST) != gecko.endswith(REST):
            raise ValueError(
                f"{rule!r:.200} is not <repository>=<repository of its gecko>, with a * on both sides or none"
            )
        try:
            check_repository(own.removesuffix(REST))
            check_repository(gecko.removesuffix(REST))
        except BadRevisionUrl as error:
            raise ValueError(str(error)) from None
        read.append((own, gecko))
    return RepositoryAliases(tuple(read))
