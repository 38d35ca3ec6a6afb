"""
The tables of the collector's database, the same on SQLite and PostgreSQL.

On PostgreSQL action logs and workloads are partitioned by the month in which they arrived. A unique key
there would have to contain that month, so the keys are in narrow tables of their own, which also say in
which month a row is. Migrations create the tables; a test compares them with this description.
"""

from datetime import UTC

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from telemetry_server.fuel.documents.doctypes import RESOURCE_TYPES

# On SQLite only a column of type INTEGER numbers its rows.
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
VERSION_TABLE = "fuel_collector_version"  # also the mark of a collector's backup
NAMES = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
metadata = sa.MetaData(naming_convention=NAMES)


class Moment(TypeDecorator[object]):
    """A moment in UTC.  SQLite keeps no time zone, so it gets and gives UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value, dialect):  # type: ignore[no-untyped-def]
        """Turn *value* to UTC before it is bound."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value, dialect):  # type: ignore[no-untyped-def]
        """Return *value* in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _received() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("change_number", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("server_version", sa.Text(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
    )


def _key_table(name: str) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("master_node_uid", sa.Text(), primary_key=True),
        sa.Column("external_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("received_at", Moment(), nullable=False),
    )


# On SQLite only: the number of the newest transaction that changed something. A reader that remembers a
# number finds what changed since. On PostgreSQL it is a sequence, so that transactions do not wait for each
# other.
change_numbers = sa.Table(
    "change_numbers",
    metadata,
    sa.Column("name", sa.Text(), primary_key=True),
    sa.Column("newest", sa.BigInteger(), nullable=False),
    info={"only_on": "sqlite"},
)
CHANGE_SEQUENCE = "fuel_change_number"

action_log_keys = _key_table("action_log_keys")
action_logs = sa.Table(
    "action_logs",
    metadata,
    sa.Column("master_node_uid", sa.Text(), nullable=False),
    sa.Column("external_id", sa.BigInteger(), nullable=False),
    sa.Column("action_type", sa.Text(), nullable=False),
    sa.Column("action_name", sa.Text(), nullable=True),
    sa.Column("body", sa.Text(), nullable=False),
    sa.Column("extra", sa.Text(), nullable=True),
    *_received(),
    sa.Index("ix_action_logs_key", "master_node_uid", "external_id"),
    sa.Index("ix_action_logs_name_type", "action_name", "action_type"),
    sa.Index("ix_action_logs_change_number", "change_number"),
    postgresql_partition_by="RANGE (received_at)",
)
installation_structures = sa.Table(
    "installation_structures",
    metadata,
    sa.Column("id", ROW_ID, primary_key=True),
    sa.Column("master_node_uid", sa.Text(), nullable=False),
    sa.Column("structure", sa.Text(), nullable=False),
    sa.Column("creation_date", Moment(), nullable=False),
    sa.Column("modification_date", Moment(), nullable=True),
    sa.Column("is_filtered", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("release", sa.Text(), nullable=True),
    *_received()[1:],
    sa.UniqueConstraint("master_node_uid", name="uq_installation_structures_master_node_uid"),
    sa.Index("ix_installation_structures_is_filtered", "is_filtered"),
    sa.Index("ix_installation_structures_release", "release"),
    sa.Index("ix_installation_structures_change_number", "change_number"),
)
oswl_keys = _key_table("oswl_keys")
oswl_stats = sa.Table(
    "oswl_stats",
    metadata,
    sa.Column("master_node_uid", sa.Text(), nullable=False),
    sa.Column("external_id", sa.BigInteger(), nullable=False),
    sa.Column("cluster_id", sa.BigInteger(), nullable=False),
    sa.Column("created_date", sa.Date(), nullable=False),
    sa.Column("updated_time", sa.Time(), nullable=False),
    sa.Column(
        "resource_type",
        sa.Enum(*RESOURCE_TYPES, name="oswl_resource_type", create_constraint=True),
        nullable=False,
    ),
    sa.Column("resource_data", sa.Text(), nullable=False),
    sa.Column("resource_checksum", sa.Text(), nullable=False),
    sa.Column("version_info", sa.Text(), nullable=True),
    *_received(),
    sa.Index("ix_oswl_stats_key", "master_node_uid", "external_id"),
    sa.Index("ix_oswl_stats_created_date", "created_date"),
    sa.Index("ix_oswl_stats_resource_type", "resource_type"),
    sa.Index("ix_oswl_stats_change_number", "change_number"),
    postgresql_partition_by="RANGE (received_at)",
)
ostf_runs = sa.Table(
    "ostf_runs",
    metadata,
    sa.Column("master_node_uid", sa.Text(), primary_key=True),
    sa.Column("cluster_id", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("external_id", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("testset", sa.Text(), nullable=False),
    sa.Column("status", sa.Text(), nullable=False),
    sa.Column("started_at", Moment(), nullable=True),
    sa.Column("ended_at", Moment(), nullable=True),
    sa.Column("body", sa.Text(), nullable=False),
    *_received(),
    sa.Index("ix_ostf_runs_change_number", "change_number"),
)
refused_items = sa.Table(
    "refused_items",
    metadata,
    sa.Column("digest", sa.Text(), primary_key=True),  # of doctype, reason and item: a repeat is counted
    sa.Column("received_at", Moment(), nullable=False),
    sa.Column("last_received_at", Moment(), nullable=False),
    sa.Column("times", sa.BigInteger(), nullable=False),
    sa.Column("doctype", sa.Text(), nullable=False),
    sa.Column("item_key", sa.Text(), nullable=False),  # JSON: what could be read of it
    sa.Column("reason", sa.Text(), nullable=False),
    sa.Column("item", sa.Text(), nullable=False),
    sa.Index("ix_refused_items_received_at", "received_at"),
)
signing_keys = sa.Table(
    "signing_keys",
    metadata,
    sa.Column("master_node_uid", sa.Text(), primary_key=True),
    sa.Column("public_key", sa.LargeBinary(), nullable=False),
    sa.Column("bound_at", Moment(), nullable=False),
)
signature_nonces = sa.Table(
    "signature_nonces",
    metadata,
    sa.Column("master_node_uid", sa.Text(), primary_key=True),
    sa.Column("nonce", sa.Text(), primary_key=True),
    sa.Column("seen_at", Moment(), nullable=False),
    sa.Index("ix_signature_nonces_seen_at", "seen_at"),
)
failure_reports = sa.Table(
    "failure_reports",
    metadata,
    sa.Column("report_id", sa.Text(), primary_key=True),
    sa.Column("master_node_uid", sa.Text(), nullable=False),
    sa.Column("cluster_id", sa.BigInteger(), nullable=True),
    sa.Column("operation", sa.Text(), nullable=True),
    sa.Column("external_id", sa.BigInteger(), nullable=True),
    sa.Column("occurred_at", Moment(), nullable=True),
    sa.Column("body", sa.Text(), nullable=False),
    sa.Column("notification_id", sa.BigInteger(), nullable=False),
    *_received(),
    sa.Index("ix_failure_reports_master_node_uid", "master_node_uid"),
    sa.Index("ix_failure_reports_notification_id", "notification_id"),
    sa.Index("ix_failure_reports_received_at", "received_at"),
    sa.Index("ix_failure_reports_change_number", "change_number"),
)
# Personal data: sealed, read by support only, and removed after `KEPT_CONTACT_DAYS`.
contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("owner", sa.Text(), primary_key=True),  # the id of a failure report, or `owner_of_uid`
    sa.Column("master_node_uid", sa.Text(), nullable=False),
    sa.Column("key_id", sa.Text(), nullable=False),
    sa.Column("sealed", sa.LargeBinary(), nullable=False),
    sa.Column("received_at", Moment(), nullable=False),
    sa.Index("ix_contacts_master_node_uid", "master_node_uid"),
    sa.Index("ix_contacts_received_at", "received_at"),
)
# The outbox: a message about a failure, or a digest of messages that waited.
notifications = sa.Table(
    "notifications",
    metadata,
    sa.Column("id", ROW_ID, primary_key=True),
    sa.Column("kind", sa.Text(), nullable=False),
    sa.Column("message_id", sa.Text(), nullable=False),  # stays the same whenever it is sent
    sa.Column("master_node_uid", sa.Text(), nullable=False),
    sa.Column("failure_group", sa.Text(), nullable=True),
    sa.Column("created_at", Moment(), nullable=False),
    sa.Column("state", sa.Text(), nullable=False),
    sa.Column("times", sa.BigInteger(), nullable=False),  # how many identical reports it stands for
    sa.Column("times_sent", sa.BigInteger(), nullable=False),  # how many of them the message counted
    sa.Column("released_at", Moment(), nullable=True),
    sa.Column("digest_id", sa.BigInteger(), nullable=True),
    sa.UniqueConstraint("message_id", name="uq_notifications_message_id"),
    sa.Index("ix_notifications_failure_group", "failure_group", "created_at"),
    sa.Index("ix_notifications_state", "state", "id"),
    sa.Index("ix_notifications_released_at", "released_at"),
    sa.Index("ix_notifications_digest_id", "digest_id"),
)
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("notification_id", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("sink", sa.Text(), primary_key=True),
    sa.Column("state", sa.Text(), nullable=False),
    sa.Column("failures", sa.BigInteger(), nullable=False),
    sa.Column("next_try_at", Moment(), nullable=False),
    sa.Column("last_error", sa.Text(), nullable=True),
    sa.Column("ended_at", Moment(), nullable=True),
    sa.Index("ix_deliveries_state", "state", "next_try_at"),
)
PARTITIONED = (action_logs, oswl_stats)
