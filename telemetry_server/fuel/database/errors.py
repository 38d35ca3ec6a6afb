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
