"""Keys that sign for installations, and nonces that were used."""

import sqlalchemy as sa
from alembic import op

from telemetry_server.fuel.database.tables import Moment

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "signing_keys",
        sa.Column("master_node_uid", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("bound_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("master_node_uid", name="pk_signing_keys"),
    )
    op.create_table(
        "signature_nonces",
        sa.Column("master_node_uid", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("master_node_uid", "nonce", name="pk_signature_nonces"),
    )
    op.create_index("ix_signature_nonces_seen_at", "signature_nonces", ["seen_at"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("signature_nonces")
    op.drop_table("signing_keys")
