"""What the exit status of a command says."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """The closed list of exit statuses."""

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
        """In a word or two, for the help."""
        return self.name.lower().replace("_", " ")
