"""Change numbers: rows that are there get theirs in order of arrival, a thousand rows a number."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ROWS_PER_NUMBER = 1000
# Each table with the column of its arrival and its key.
KEYS = {
    "action_logs": ("received_at", ("master_node_uid", "external_id")),
    "installation_structures": ("coalesce(modification_date, creation_date)", ("master_node_uid",)),
    "oswl_stats": ("received_at", ("master_node_uid", "external_id")),
    "ostf_runs": ("received_at", ("master_node_uid", "cluster_id", "external_id")),
}


def upgrade() -> None:
    """Add the column to each table, fill it, and set the next number."""
    connection = op.get_bind()
    newest = 0
    for table, (arrival, key) in KEYS.items():
        op.add_column(table, sa.Column("change_number", sa.BigInteger(), nullable=False, server_default="0"))
        names = ", ".join(key)
        same = " AND ".join(f"{table}.{name} = numbered.{name}" for name in key)
        op.execute(
            f"UPDATE {table} SET change_number = numbered.number FROM (SELECT {names},"  # noqa: S608
            f" (row_number() OVER (ORDER BY {arrival}, {names}) - 1) / {ROWS_PER_NUMBER} + 1 AS number"
            f" FROM {table}) AS numbered WHERE {same}"
        )
        op.create_index(f"ix_{table}_change_number", table, ["change_number"])
        query = sa.text(f"SELECT coalesce(max(change_number), 0) FROM {table}")  # noqa: S608
        newest = max(newest, int(connection.execute(query).scalar_one()))
    if connection.dialect.name == "postgresql":
        op.execute(f"CREATE SEQUENCE fuel_change_number START WITH {newest + 1}")
        return
    op.create_table(
        "change_numbers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("newest", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_change_numbers"),
    )
    op.execute(f"INSERT INTO change_numbers (name, newest) VALUES ('documents', {newest})")  # noqa: S608


def downgrade() -> None:
    """Remove the numbers."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP SEQUENCE fuel_change_number")
    else:
        op.drop_table("change_numbers")
    for table in KEYS:
        op.drop_index(f"ix_{table}_change_number", table)
        op.drop_column(table, "change_number")
