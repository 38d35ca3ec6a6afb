"""
What can go wrong with files that define probes and stores.

::

    ProbesError
    ├── NotADefinitionFile   a file cannot be read as a definition file at all
    └── BadStoresFile        stores.toml is invalid
"""

from dataclasses import dataclass


class ProbesError(Exception):
    """A file of definitions or of stores is wrong.  The text is one line."""


class NotADefinitionFile(ProbesError):
    """A file cannot be read as a definition file at all."""

    def __init__(self, detail: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {detail}" if line is not None else detail)
        self.line = line


class BadStoresFile(ProbesError):
    """The file of stores is invalid.  The text names the file and what to do."""


@dataclass(frozen=True, slots=True, order=True)
class DefinitionProblem:
    """Something wrong with one definition of a file; its neighbours stand."""

    line: int  # from 1
    name: str  # of the probe or the category
    detail: str  # one line
    is_warning: bool = False  # the definition is used all the same

    def __str__(self) -> str:
        return f"line {self.line}: {self.name}: {self.detail}"
