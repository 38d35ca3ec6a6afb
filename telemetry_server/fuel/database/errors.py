"""
What can go wrong with a database.

```text
FuelDatabaseError
├── DatabaseAway     it cannot be reached, is busy, or is not migrated: try again later
├── BadDatabaseUrl   the setting is wrong
├── UnknownSchema    its schema is newer than this program
└── BackupFailed     a backup could not be made or restored
```
"""

from sqlalchemy import exc

# SQLSTATE classes of faults in a row: data exception, constraint violation, raised by a trigger.
ROW_FAULTS = ("22", "23", "P0")


class FuelDatabaseError(Exception):
    """The parent of all."""


class DatabaseAway(FuelDatabaseError):
    """The database cannot be reached, is busy, or is not migrated: nothing was promised."""


class BadDatabaseUrl(FuelDatabaseError):
    """The URL of a database is wrong."""


class UnknownSchema(FuelDatabaseError):
    """The schema was made by a newer program."""


class BackupFailed(FuelDatabaseError):
    """A backup could not be made or restored."""


def is_fault_of_a_row(error: exc.DBAPIError) -> bool:
    """Return whether *error* is about the values, so that other rows may be stored."""
    if isinstance(error, exc.DataError | exc.IntegrityError):
        return True
    return str(getattr(error.orig, "sqlstate", None) or "").startswith(ROW_FAULTS)


def one_line(error: Exception) -> str:
    """Return the text of *error* without statement, parameters and line breaks."""
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split())[:300] or type(cause).__name__
