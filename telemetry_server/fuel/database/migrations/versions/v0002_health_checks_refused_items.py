"""Runs of health checks, and refused items with their reason."""

import sqlalchemy as sa
from alembic import op

from telemetry_server.fuel.database.tables import Moment

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "ostf_runs",
        sa.Column("master_node_uid", sa.Text(), nullable=False),
        sa.Column("cluster_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.BigInteger(), nullable=False),
        sa.Column("testset", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("server_version", sa.Text(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("master_node_uid", "cluster_id", "external_id", name="pk_ostf_runs"),
    )
    op.create_table(
        "refused_items",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("last_received_at", Moment(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("doctype", sa.Text(), nullable=False),
        sa.Column("item_key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_refused_items"),
    )
    op.create_index("ix_refused_items_received_at", "refused_items", ["received_at"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("refused_items")
    op.drop_table("ostf_runs")
