"""Numbers the transactions that change documents, so that a reader can ask for what changed since."""

import sqlalchemy as sa

from telemetry_server.fuel.database.engine import SQLITE
from telemetry_server.fuel.database.tables import CHANGE_SEQUENCE, change_numbers

_SEQUENCE = sa.Sequence(CHANGE_SEQUENCE)


def next_change_number(connection: sa.Connection) -> int:
    """
    Return the number of this transaction, above all earlier ones.

    On PostgreSQL transactions with neighbouring numbers may commit in another order, so a reader reads a few
    numbers again.
    """
    if connection.dialect.name == SQLITE:
        statement = (
            sa.update(change_numbers)
            .values(newest=change_numbers.c.newest + 1)
            .returning(change_numbers.c.newest)
        )
        return int(connection.execute(statement).scalar_one())
    return int(connection.execute(sa.select(_SEQUENCE.next_value())).scalar_one())
