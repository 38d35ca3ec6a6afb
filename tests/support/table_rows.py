"""Compares the tables of data roots by the values of their rows, read by DuckDB."""

import duckdb

from storage.ledger.ledger import Ledger
from tests.support.data_root import World

Rows = tuple[int, int]
"""How many rows, and the sum of their hashes: equal for equal rows in any order."""


def rows_of(world: World, table: str) -> Rows:
    """Return the committed rows of *table*; the number of a ping is replaced by its document id."""
    with Ledger.for_reading(world.root) as ledger, ledger.snapshot():
        paths = {
            name: [str(world.root.path / file.path) for file in ledger.table_files(name)]
            for name in ("pings", table)
        }
    if not paths[table]:
        return 0, 0
    with duckdb.connect() as connection:
        pings = connection.read_parquet(paths["pings"])
        rows = connection.read_parquet(paths[table])
        connection.register("all_pings", pings)
        connection.register("all_rows", rows)
        named = (
            "SELECT * EXCLUDE (ping) FROM all_rows"
            if table == "pings"
            else "SELECT all_rows.* EXCLUDE (ping), document_id FROM all_rows JOIN all_pings USING (ping)"
        )
        query = f"SELECT count(*), coalesce(sum(hash(named)::HUGEINT), 0) FROM ({named}) named"
        count, total = connection.execute(query).fetchone() or (0, 0)
        return int(count), int(total)
