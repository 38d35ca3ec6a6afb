"""Failure reports, their contacts, and the messages about them."""

import sqlalchemy as sa
from alembic import op

from telemetry_server.fuel.database.tables import ROW_ID, Moment

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "failure_reports",
        sa.Column("report_id", sa.Text(), nullable=False),
        sa.Column("master_node_uid", sa.Text(), nullable=False),
        sa.Column("cluster_id", sa.BigInteger(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("external_id", sa.BigInteger(), nullable=True),
        sa.Column("occurred_at", Moment(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("notification_id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("change_number", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("server_version", sa.Text(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("report_id", name="pk_failure_reports"),
    )
    for column in ("master_node_uid", "notification_id", "received_at", "change_number"):
        op.create_index(f"ix_failure_reports_{column}", "failure_reports", [column])
    op.create_table(
        "contacts",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("master_node_uid", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_contacts"),
    )
    for column in ("master_node_uid", "received_at"):
        op.create_index(f"ix_contacts_{column}", "contacts", [column])
    _create_outbox()


def _create_outbox() -> None:
    op.create_table(
        "notifications",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("master_node_uid", sa.Text(), nullable=False),
        sa.Column("failure_group", sa.Text(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("times_sent", sa.BigInteger(), nullable=False),
        sa.Column("released_at", Moment(), nullable=True),
        sa.Column("digest_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
        sa.UniqueConstraint("message_id", name="uq_notifications_message_id"),
    )
    op.create_index("ix_notifications_failure_group", "notifications", ["failure_group", "created_at"])
    op.create_index("ix_notifications_state", "notifications", ["state", "id"])
    op.create_index("ix_notifications_released_at", "notifications", ["released_at"])
    op.create_index("ix_notifications_digest_id", "notifications", ["digest_id"])
    op.create_table(
        "deliveries",
        sa.Column("notification_id", sa.BigInteger(), nullable=False),
        sa.Column("sink", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("next_try_at", Moment(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("notification_id", "sink", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_state", "deliveries", ["state", "next_try_at"])


def downgrade() -> None:
    """Drop the tables."""
    for table in ("deliveries", "notifications", "contacts", "failure_reports"):
        op.drop_table(table)
