"""Tells a fault of a row from a database that is away, by the error of SQLAlchemy."""

from sqlalchemy import exc

# SQLSTATE classes of faults in a row: data exception, constraint violation, raised by a trigger, and a
# limit of the program, such as a value that is too long for an index.
ROW_FAULTS = ("22", "23", "P0", "54")
NOT_PERMITTED = "42501"  # insufficient_privilege


def is_fault_of_a_row(error: exc.DBAPIError) -> bool:
    """Return whether *error* is about the values, so that other rows may be stored."""
    if isinstance(error, exc.DataError | exc.IntegrityError):
        return True
    return str(getattr(error.orig, "sqlstate", None) or "").startswith(ROW_FAULTS)


def is_fault_of_the_server(error: exc.DBAPIError) -> bool:
    """Return whether an operator can mend *error*: the database is away or unreadable, or forbids it."""
    if isinstance(error, exc.OperationalError | exc.InterfaceError) or type(error) is exc.DatabaseError:
        return True
    return getattr(error.orig, "sqlstate", None) == NOT_PERMITTED


def one_line(error: Exception) -> str:
    """Return the text of *error* without statement, parameters and line breaks."""
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split())[:300] or type(cause).__name__
