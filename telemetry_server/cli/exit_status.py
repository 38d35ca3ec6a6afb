"""The exit statuses of commands."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """All exit statuses."""

    DONE = 0
    FINDINGS = 1
    USAGE = 2
    BAD_INPUT = 4
    TRY_AGAIN = 5
    OUR_FAULT = 70
    CONFIGURATION = 78
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """Its meaning in a word or two, for ``--help``."""
        return self.name.lower().replace("_", " ")
