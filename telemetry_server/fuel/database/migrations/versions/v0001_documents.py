"""Action logs, installation structures and workloads."""

import sqlalchemy as sa
from alembic import op

from telemetry_server.fuel.database.tables import ROW_ID, Moment

revision = "0001"
down_revision = None

RESOURCE_TYPES = (
    "vm", "tenant", "volume", "security_group", "keystone_user", "flavor", "cluster_stats", "image",
)  # fmt: skip


def _received() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("server_version", sa.Text(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
    )


def _create_key_table(name: str) -> None:
    op.create_table(
        name,
        sa.Column("master_node_uid", sa.Text(), nullable=False),
        sa.Column("external_id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("master_node_uid", "external_id", name=f"pk_{name}"),
    )


def upgrade() -> None:
    """Create the tables."""
    _create_key_table("action_log_keys")
    op.create_table(
        "action_logs",
        sa.Column("master_node_uid", sa.Text(), nullable=False),
        sa.Column("external_id", sa.BigInteger(), nullable=False),
        sa.Column("action_type", sa.Text(), nullable=False),
        sa.Column("action_name", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("extra", sa.Text(), nullable=True),
        *_received(),
        postgresql_partition_by="RANGE (received_at)",
    )
    op.create_index("ix_action_logs_key", "action_logs", ["master_node_uid", "external_id"])
    op.create_index("ix_action_logs_name_type", "action_logs", ["action_name", "action_type"])
    op.create_table(
        "installation_structures",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("master_node_uid", sa.Text(), nullable=False),
        sa.Column("structure", sa.Text(), nullable=False),
        sa.Column("creation_date", Moment(), nullable=False),
        sa.Column("modification_date", Moment(), nullable=True),
        sa.Column("is_filtered", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("release", sa.Text(), nullable=True),
        *_received()[1:],
        sa.PrimaryKeyConstraint("id", name="pk_installation_structures"),
        sa.UniqueConstraint("master_node_uid", name="uq_installation_structures_master_node_uid"),
    )
    for column in ("is_filtered", "release"):
        op.create_index(f"ix_installation_structures_{column}", "installation_structures", [column])
    _create_key_table("oswl_keys")
    op.create_table(
        "oswl_stats",
        sa.Column("master_node_uid", sa.Text(), nullable=False),
        sa.Column("external_id", sa.BigInteger(), nullable=False),
        sa.Column("cluster_id", sa.BigInteger(), nullable=False),
        sa.Column("created_date", sa.Date(), nullable=False),
        sa.Column("updated_time", sa.Time(), nullable=False),
        sa.Column(
            "resource_type",
            # On SQLite a CHECK with this name.
            sa.Enum(*RESOURCE_TYPES, name="oswl_resource_type", create_constraint=True),
            nullable=False,
        ),
        sa.Column("resource_data", sa.Text(), nullable=False),
        sa.Column("resource_checksum", sa.Text(), nullable=False),
        sa.Column("version_info", sa.Text(), nullable=True),
        *_received(),
        postgresql_partition_by="RANGE (received_at)",
    )
    op.create_index("ix_oswl_stats_key", "oswl_stats", ["master_node_uid", "external_id"])
    for column in ("created_date", "resource_type"):
        op.create_index(f"ix_oswl_stats_{column}", "oswl_stats", [column])


def downgrade() -> None:
    """Drop the tables, and the type that only they use."""
    for table in ("oswl_stats", "oswl_keys", "installation_structures", "action_logs", "action_log_keys"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TYPE oswl_resource_type")
