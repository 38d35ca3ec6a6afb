"""A database as its users use it: transactions, tried again where that helps."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from telemetry_server.fuel.database.direct_rows import direct_rows
from telemetry_server.fuel.database.engine import POSTGRESQL, READS, open_engine, url_of
from telemetry_server.fuel.database.errors import DatabaseAway
from telemetry_server.fuel.database.faults import is_fault_of_a_row, one_line
from telemetry_server.fuel.database.tables import VERSION_TABLE

HEAD = "0005"  # the newest migration
Result = TypeVar("Result")


class CollectorDatabase:
    """
    Runs transactions.  Thread-safe; nothing is connected before the first one.

    Args:
        url: As `url_of` takes it.
        options: Further ones of `open_engine`.
    """

    version_table = VERSION_TABLE
    head = HEAD

    def __init__(self, url: str, *, connections: int = 2, only_reads: bool = False, **options: Any) -> None:
        self.engine = open_engine(url_of(url), connections=connections, only_reads=only_reads, **options)
        self._is_migrated = False

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    def write(self, work: Callable[[sa.Connection], Result]) -> Result:
        """
        Run *work* in a transaction and commit it durably; return its result.

        A connection that was lost is opened again once.

        Raises:
            DatabaseAway: Nothing was promised; a later try may succeed.
            sqlalchemy.exc.DBAPIError: A value was refused (`is_fault_of_a_row`).
        """
        return self._run(work, {})

    def read(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Run *work*, which only reads, in a transaction; return its result.  Raises as `write`."""
        return self._run(work, READS)

    def rows(self, statement: str, values: Mapping[str, object]) -> list[dict[str, Any]]:
        """
        Return the rows of one *statement* that only reads, as `direct_rows` takes it.

        Raises:
            DatabaseAway: It cannot be used now.
        """
        if not self._is_migrated:
            self.read(lambda _connection: None)
        if self.dialect == POSTGRESQL:
            return direct_rows(self.engine, statement, values)
        return self.read(lambda connection: self.rows_of(connection, statement, values))

    @staticmethod
    def rows_of(
        connection: sa.Connection, statement: str, values: Mapping[str, object]
    ) -> list[dict[str, Any]]:
        """Return the rows of *statement* within a transaction."""
        return [dict(row) for row in connection.execute(sa.text(statement), dict(values)).mappings()]

    def _run(self, work: Callable[[sa.Connection], Result], options: Mapping[str, Any]) -> Result:
        for attempt in range(2):
            try:
                with self.engine.connect().execution_options(**options) as connection, connection.begin():
                    self._check_migrated(connection)
                    return work(connection)
            except exc.DBAPIError as error:
                if is_fault_of_a_row(error):
                    raise
                if attempt or not (error.connection_invalidated or _may_be_tried_again(error)):
                    raise DatabaseAway(one_line(error)) from error
            except exc.TimeoutError as error:
                raise DatabaseAway(one_line(error)) from error
        raise AssertionError

    def _check_migrated(self, connection: sa.Connection) -> None:
        if self._is_migrated:
            return
        if not sa.inspect(connection).has_table(self.version_table):
            raise DatabaseAway("it has no schema yet: run telemetry-server fuel migrate")
        found = connection.execute(sa.text(f"SELECT version_num FROM {self.version_table}")).scalar()  # noqa: S608
        if found != self.head:
            raise DatabaseAway(f"its schema is {found}, not {self.head}: run telemetry-server fuel migrate")
        self._is_migrated = True

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _may_be_tried_again(error: exc.DBAPIError) -> bool:
    """Whether the transaction only met another one: a deadlock, or a serialization failure."""
    return str(getattr(error.orig, "sqlstate", None) or "") in ("40P01", "40001")
