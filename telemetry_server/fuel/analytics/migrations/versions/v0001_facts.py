"""Facts and bookmarks."""

import sqlalchemy as sa
from alembic import op

from telemetry_server.fuel.database.tables import Moment

revision = "0001"
down_revision = None

# Each table with its columns in order; a key's name ends in "*", an optional column's in "?".
TABLES = {
    "fact_installation": "uid* change_number# release is_filtered! last_contact_day# environments#"
    " environments_declared#?",
    "fact_cluster": "uid* position#* release is_filtered! cluster_id#? is_last! status is_operable! mode os"
    " release_version hypervisor network storage size is_customized! has_sahara! has_murano!"
    " has_ceilometer! has_heat! has_ironic!",
    "fact_node": "uid* cluster_position#* position#* release is_filtered! is_operable! maker server_type"
    " is_virtual! roles has_compute_and_storage!",
    "fact_role": "uid* cluster_position#* position#* role* release is_filtered! is_operable!",
    "fact_category": "uid* category* value* release is_filtered! count#",
    "fact_operation": "uid* external_id#* change_number# action_type action_name cluster_id#? attempt? status"
    " start_day ended_us#? seconds%?",
    "fact_oswl_day": "uid* external_id#* change_number# cluster_id# resource_type created_day# resources#",
    "fact_ostf_result": "uid* cluster_id#* external_id#* position#* change_number# test status ended_us#?",
}
TYPES = {"#": sa.BigInteger, "!": sa.Boolean, "%": sa.Double}
INDEXES = (
    ("fact_installation", "change_number"),
    ("fact_category", "category"),
    ("fact_operation", "change_number"),
    ("fact_operation", "attempt"),
    ("fact_operation", "action_name"),
    ("fact_oswl_day", "change_number"),
    ("fact_ostf_result", "change_number"),
)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "bookmarks",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("change_number", sa.BigInteger(), nullable=False),
        sa.Column("settled_number", sa.BigInteger(), nullable=False),
        sa.Column("candidate_number", sa.BigInteger(), nullable=False),
        sa.Column("candidate_at", Moment(), nullable=False),
        sa.Column("read_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_bookmarks"),
    )
    for table, words in TABLES.items():
        columns, key = [], []
        for word in words.split():
            name = word.rstrip("*?#!%")
            marks = word[len(name) :]
            kind = next((TYPES[mark] for mark in marks if mark in TYPES), sa.Text)
            columns.append(sa.Column(name, kind(), nullable="?" in marks))
            if "*" in marks:
                key.append(name)
        op.create_table(table, *columns, sa.PrimaryKeyConstraint(*key, name=f"pk_{table}"))
    for table, column in INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    """Drop the tables."""
    for table in ("bookmarks", *TABLES):
        op.drop_table(table)
